"""The messages that telemetry publishes, as models. The reference, its JSON Schemas and AsyncAPI are made from them.

Fields may be added within v1. A field is removed or changes its meaning only with a new version, in the schema and in
the topic. Numbers are JSON numbers with the unit in the name.
"""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "pumpd.telemetry.v1"

Priority = Literal["high", "medium", "low"]
DeliveryEvent = Literal["START", "STOP", "COMP"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Head(_Model):
    """In every message that comes from a journal entry."""

    seq: int = Field(description="the entry's number in the journal. Numbers have no gaps: a missing one is a loss")
    ts: str = Field(description="when it was written, UTC; for people")
    t_mono_s: float = Field(
        description="when it happened, seconds of the gateway's monotonic clock; for intervals, within one `boot`"
    )
    boot: str = Field(description="which run of the control process wrote it")
    pump: str | None = Field(None, description="the pump")
    simulated: bool | None = Field(None, description="whether the pump was simulated when this was recorded")
    session: str | None = Field(None, description="which infusion")
    late: Literal[True] | None = Field(
        None, description="it is sent after newer entries: history, not what is true now"
    )
    cut: Literal[True] | None = Field(
        None, description="other fields are left out: the broker takes no packet of the whole size"
    )


class Reading(Head):
    """A reading of a pump."""

    state: str | None = Field(None, description="the infusion's state")
    pump_state: str | None = Field(None, description="what the pump reports of itself")
    rate_ml_h: float | None = Field(None, description="the rate that the pump reports")
    volume_infused_ml: float | None = Field(None, description="given so far, as the pump reports it")
    volume_remaining_ml: float | None = Field(None, description="left of the program")
    lease_s: float | None = Field(None, description="how long the permission to flow still lasts")
    running_s: float | None = Field(None, description="time of flow of this infusion")
    elapsed_s: float | None = Field(None, description="time since the first flow of this infusion")
    pressure_mmhg: float | None = Field(None, description="pressure in the line")
    battery_percent: float | None = Field(None, description="charge of the pump's battery")
    digest: str | None = Field(None, description="the program, by its SHA-256")


class PumpState(Head):
    """The state of an infusion."""

    state: str | None = Field(None, description="the infusion's state")
    may_flow: bool | None = Field(None, description="whether flow may occur in it")


class Alarm(Head):
    """An active alarm. An empty message: it is not active."""

    code: str | None = Field(None, description="which alarm")
    priority: Priority | None = Field(None, description="its priority (IEC 60601-1-8)")
    cause: str | None = Field(None, description="what happened")
    action: str | None = Field(None, description="what to do")


class ActiveAlarm(_Model):
    """One of the active alarms."""

    code: str | None = Field(None, description="which alarm")
    priority: Priority | None = Field(None, description="its priority (IEC 60601-1-8)")
    cause: str | None = Field(None, description="what happened")
    action: str | None = Field(None, description="what to do")


class ActiveAlarms(_Model):
    """All active alarms of a pump, or of the gateway itself, also when there is none."""

    alarms: list[ActiveAlarm] | None = Field(None, description="empty when there is none; absent: not known (`cut`)")
    schema_: str = Field(alias="schema", description=f"`{SCHEMA}`")
    cut: Literal[True] | None = Field(
        None, description="the alarms are left out: the broker takes no packet of the whole size"
    )


class Mdc(_Model):
    """A name of IHE PCD, with its code of IEEE 11073-10101 where two sources agree on it."""

    name: str = Field(description="reference identifier")
    code: int | None = Field(None, description="context-free code")
    unit: int | None = Field(None, description="code of the unit")


class Event(Head):
    """Anything else that happened; `kind` as in the journal."""


class StateChanged(Event):
    kind: Literal["state_changed"]
    from_: str | None = Field(None, alias="from", description="the state before")
    to: str | None = Field(None, description="the state after")
    may_flow: bool | None = Field(None, description="whether flow may occur in it")
    ipec_event: DeliveryEvent | None = Field(
        None, description="the begin and the end of a delivery segment, once each (IHE PCD, IPEC)"
    )
    mdc: Mdc | None = Field(None, description="the same event by its name in IHE PCD")


class AlarmRaised(Event):
    kind: Literal["alarm_raised"]
    code: str | None = Field(None, description="which alarm")
    priority: Priority | None = Field(None, description="its priority")
    cause: str | None = Field(None, description="what happened")
    action: str | None = Field(None, description="what to do")


class AlarmEscalated(AlarmRaised):
    """A HIGH alarm that nobody has acknowledged for 60 s. Use this message to call further staff."""

    kind: Literal["alarm_escalated"]  # type: ignore[assignment]  # the same fields under another kind


class AlarmCleared(Event):
    kind: Literal["alarm_cleared"]
    code: str | None = Field(None, description="which alarm")


class AlarmAcknowledged(Event):
    kind: Literal["alarm_acknowledged"]
    code: str | None = Field(None, description="which alarm")
    priority: Priority | None = Field(None, description="its priority")


class AudioPaused(Event):
    kind: Literal["alarm_audio_paused"]
    for_s: float | None = Field(None, description="for how long")


class AudioResumed(Event):
    kind: Literal["alarm_audio_resumed"]
    why: Literal["time", "new_alarm", "tablet_lost", "no_alarm"] | None = Field(None, description="why")


class ProgramLoaded(Event):
    kind: Literal["program_loaded"]
    vtbi_ml: float | None = Field(None, description="volume to be infused")
    digest: str | None = Field(None, description="the program, by its SHA-256")
    code: str | None = Field(None, description="what the pump refused")
    outcome: str | None = Field(None, description="whether the pump took it")
    state: str | None = Field(None, description="the infusion's state")
    may_flow: bool | None = Field(None, description="whether flow may occur in it")


class InfusionEnded(Event):
    kind: Literal["infusion_ended"]
    outcome: str | None = Field(None, description="how it ended")
    stopped_by: str | None = Field(
        None, description="`by-clinician`, `switching-source` or `not-specified`, as in IHE PCD"
    )
    delivered_ml: float | None = Field(None, description="volume given, booked at its worst case")
    undelivered_ml: float | None = Field(None, description="volume of the program that was not given")
    running_s: float | None = Field(None, description="time of flow")
    elapsed_s: float | None = Field(None, description="time since the first flow")
    off_window: bool | None = Field(None, description="it did not end within its time window")


class FoundFlowing(Event):
    kind: Literal["found_flowing"]
    delivered_ml: float | None = Field(None, description="volume that the pump reports")


class PumpReady(Event):
    kind: Literal["pump_ready"]
    model: str | None = Field(None, description="as the pump reports it")
    firmware: str | None = Field(None, description="as the pump reports it")


class ControlStarted(Event):
    kind: Literal["control_started"]
    library: str | None = Field(None, description="the drug library, by its SHA-256")
    time_scale: str | None = Field(None, description="how many times faster than real time clinical time runs")
    notice: str | None = Field(None, description="that pumpd is not a cleared medical device")


class LibraryAccepted(Event):
    kind: Literal["library_accepted"]
    digest: str | None = Field(None, description="the drug library, by its SHA-256")
    version: str | None = Field(None, description="its version")
    care_area: str | None = Field(None, description="the care area that it is for")


class OtherEvent(Event):
    """Every other kind: that it happened, and these fields if the entry has them."""

    kind: str
    digest: str | None = Field(None, description="the program, by its SHA-256")
    code: str | None = Field(None, description="a short code")
    outcome: str | None = Field(None, description="how it ended")
    state: str | None = Field(None, description="the infusion's state")
    may_flow: bool | None = Field(None, description="whether flow may occur in it")


class GatewayState(_Model):
    """The connection of a gateway: `ready` is the birth message, `lost` the will, `disconnected` a clean end."""

    state: Literal["ready", "lost", "disconnected"]
    boot: str = Field(description="the machine's boot")
    session: str = Field(description="the connection; the same in its birth and its will")
    machine: str = Field(
        description="which machine: differs between any two that run at once, even if one is a copy of the other"
    )
    ts: str = Field(description="when it was written, UTC; of the will: when the connection began")
    schema_: str = Field(alias="schema", description=f"`{SCHEMA}`")


class Pump(_Model):
    """A pump of the configuration."""

    name: str
    driver: str
    model: str
    simulated: bool


class Description(_Model):
    """What the gateway is."""

    schema_: str = Field(alias="schema", description=f"`{SCHEMA}`")
    version: str = Field(description="of pumpd")
    statement: str = Field(description="that pumpd is not a cleared medical device")
    pumps: list[Pump]
    mdc: dict[str, Mdc] = Field(description="fields of a reading by their names in IEEE 11073-10101")


class Anchor(_Model):
    """Number and hash of the newest published entry. Kept elsewhere, they reveal a journal that was cut off."""

    seq: int
    hash: str
    ts: str
    schema_: str = Field(alias="schema", description=f"`{SCHEMA}`")


EVENTS: tuple[type[Event], ...] = (
    *(StateChanged, AlarmRaised, AlarmCleared, AlarmEscalated, AlarmAcknowledged, AudioPaused, AudioResumed),
    *(ProgramLoaded, InfusionEnded, FoundFlowing, PumpReady, ControlStarted, LibraryAccepted),
)


def kind_of(model: type[Event]) -> str:
    """The kind of journal entry that a model is for."""
    (kind,) = get_args(model.model_fields["kind"].annotation)
    return str(kind)


def own_fields(model: type[Head]) -> tuple[str, ...]:
    """The fields that a kind of entry adds, under their names in the message."""
    own = {name: each for name, each in model.model_fields.items() if name not in Head.model_fields}
    return tuple(each.alias or name for name, each in own.items() if name not in ("kind", "mdc"))


FIELDS: dict[str, tuple[str, ...]] = {"reading": own_fields(Reading)} | {
    kind_of(model): own_fields(model) for model in EVENTS
}
"""The fields of each kind that may leave the gateway; a kind that is not listed has those of OTHER.

None of them is free text that a person typed: the reason of a stop could contain a name.
"""
OTHER = own_fields(OtherEvent)


class Topic(_Model):
    """A topic below `pumpd/v1/<gateway>/`."""

    path: str
    model: Any
    retained: bool
    expires: str
    what: str


TOPICS: tuple[Topic, ...] = (
    Topic(
        path="$state", model=GatewayState, retained=True, expires="never",
        what="the connection of this gateway: `ready`, `lost` (the will), `disconnected` (a clean end)",
    ),
    Topic(
        path="$description", model=Description, retained=True, expires="never",
        what='version, the "not a medical device" statement, pumps with driver, model and whether they are simulated',
    ),
    Topic(
        path="$anchor", model=Anchor, retained=True, expires="never",
        what="number and hash of the newest published journal entry",
    ),
    Topic(
        path="events", model=Event, retained=False, expires="never",
        what="journal entries that belong to no pump",
    ),
    Topic(
        path="pumps/{pump}/state", model=PumpState, retained=True,
        expires="120 s where flow may occur, otherwise 1 day", what="the infusion's state",
    ),
    Topic(
        path="pumps/{pump}/telemetry", model=Reading, retained=False, expires="30 s", what="each reading",
    ),
    Topic(
        path="pumps/{pump}/events", model=Event, retained=False, expires="never",
        what="every other journal entry of the pump",
    ),
    Topic(
        path="pumps/{pump}/alarms/{code}", model=Alarm, retained=True, expires="never",
        what="an active alarm; an empty message when it is cleared",
    ),
    Topic(
        path="alarms/{code}", model=Alarm, retained=True, expires="never",
        what="the same for an alarm of the gateway itself (no tablet is connected, its supply)",
    ),
    Topic(
        path="pumps/{pump}/active_alarms", model=ActiveAlarms, retained=True, expires="never",
        what="all active alarms of the pump in one message, also when there is none",
    ),
    Topic(
        path="active_alarms", model=ActiveAlarms, retained=True, expires="never",
        what="the same for the gateway itself",
    ),
)  # fmt: skip
