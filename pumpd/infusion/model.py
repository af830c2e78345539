"""An infusion as one frozen value, and what follows from it."""

from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from pumpd.infusion.events import Binding, ConfirmAction, Segment
from pumpd.infusion.limits import Limits, Window
from pumpd.infusion.states import State
from pumpd.infusion.vitals import VitalRules, VitalSample
from pumpd.pump import AlarmCode, PumpProgram, Reading
from pumpd.quantities import Duration, Rate, Volume

ZERO = Volume(0)

# After these a person may clear the trip and resume; after any other the infusion is over.
RESUMABLE = frozenset(
    {
        AlarmCode.OCCLUSION,
        AlarmCode.AIR_IN_LINE,
        AlarmCode.EMPTY,
        AlarmCode.DOOR_OPEN,
        AlarmCode.LINK_LOST,
        AlarmCode.LEASE_LAPSED,
        AlarmCode.PUMP_WATCHDOG,
        AlarmCode.CONTROL_RESTARTED,
        AlarmCode.DEADMAN_FAILED,
        AlarmCode.IDENTITY_DOUBTED,
        AlarmCode.VITALS_CRITICAL,
        AlarmCode.VITALS_LOST,
        AlarmCode.PRESSURE_OVERDUE,
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an infusion runs: what a confirmation binds to besides the program."""

    session: str
    gateway: str
    pump: str
    serial: str
    channel: int = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """Delivered volume of the segment at an instant of flow."""

    at_ns: int
    delivered: Volume


@dataclass(frozen=True)
class Infusion:
    """Everything that the next decision depends on. Instants are monotonic nanoseconds; None means never."""

    place: Place
    segment: Segment
    prescribed: Volume  # of the whole infusion
    window: Window
    limits: Limits
    accuracy_percent: Decimal
    ordered_ns: int
    patient: str = ""  # token of the order; empty in journals before 0.1, and then nothing starts
    container: Volume | None = None  # usable volume of the syringe or bag; None in journals of version 0.1
    # the treatment, of which this is one delivery
    treatment: str = ""  # session of its first delivery; empty: this is the first
    earlier: Volume = ZERO  # booked by its earlier deliveries, at worst
    earlier_flow_ns: int = 0  # their running time
    of_treatment: Volume | None = None  # prescribed in all; None: this delivery is all of it
    closes_ns: int | None = None  # nothing of the treatment flows after this
    state: State = State.ORDERED
    since_ns: int = 0  # entered the state
    # pump
    reading: Reading | None = None
    read_back: PumpProgram | None = None
    read_back_from_ns: int | None = None  # a read-back that was requested before this proves nothing
    link_lost: bool = False
    no_flow_since_ns: int | None = None  # first of the unbroken readings without flow and with unchanged volume
    doubted_ns: int | None = None  # since when it is not known which pump answers
    doubted_reading: Reading | None = None  # the last one since then; nothing but `doubt` uses it
    mismatched: bool = False  # a reading since then cannot be of this infusion's pump
    identified_ns: int | None = None  # when a person last identified the pump
    # permission
    challenge: Binding | None = None
    confirmed: Binding | None = None
    confirmed_by: str = ""
    requests: frozenset[str] = frozenset()  # those already acted on, each with its nonce
    lease_until_ns: int | None = None
    # flow
    started_ns: int | None = None  # first start of the infusion
    start_answered: bool = False
    flow_since_ns: int | None = None  # start of the present segment's flow
    flow_ended_ns: int | None = None
    flowed_ns: int = 0  # running time of the segments before
    given_before: Volume = ZERO  # by the segments before, at most
    counted: Volume = ZERO  # by this segment, as the pump reports it; never goes back
    loaded: bool = False  # the pump took this segment, and its counter shows all of it
    load_unknown: bool = False  # it may have taken the segment without answering, and was not read since
    counted_when_stopped: Volume = ZERO  # `counted` when the flow last ended
    unaccounted: Volume = ZERO  # the most that this segment can have given in addition, where the counter was lost
    integral: Volume = ZERO  # of the reported rate over this segment
    samples: tuple[Sample, ...] = ()  # of the last five minutes of flow
    # patient
    vital_rules: VitalRules | None = None  # None: not configured, and no interlock
    vitals: tuple[VitalSample, ...] = ()  # the last one of each sign
    # stop
    stop_sent_ns: int | None = None
    stop_since_ns: int | None = None
    then: State | None = None  # where the stop under way leads
    resuming_ns: int | None = None  # a resume was asked for and waits for a reading
    pauses: int = 0
    trips: tuple[AlarmCode, ...] = ()  # latched
    tripped: tuple[tuple[AlarmCode, int], ...] = ()  # every trip of this infusion and its instant
    stopped_by: str = ""  # the person who asked for the stop
    switching: bool = False  # that stop was for another source of the drug
    alarms: frozenset[AlarmCode] = field(default_factory=frozenset)  # raised and not cleared
    reason: str = ""
    # the order
    ordered_ts: str = ""  # wall time, for people; empty in journals before 0.2
    expires_ns: int | None = None  # an order that is not started by then is withdrawn (PRG-26)

    def but(self, **changes: Any) -> "Infusion":
        """The same infusion with some fields changed; `dataclasses.replace` at a tenth of its cost."""
        if not changes.keys() <= _FIELDS:
            raise TypeError(f"an infusion has no {', '.join(sorted(changes.keys() - _FIELDS))}")
        other = object.__new__(Infusion)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def moved(self, by_ns: int) -> "Infusion":
        """The same infusion with every instant moved: the monotonic clock starts from zero when the machine boots."""
        if not by_ns:
            return self
        instants = {name: at + by_ns for name in _INSTANTS if (at := getattr(self, name)) is not None}
        reading = self.reading and replace(
            self.reading, asked_ns=self.reading.asked_ns + by_ns, answered_ns=self.reading.answered_ns + by_ns
        )
        return self.but(
            **instants,
            reading=reading,
            challenge=None,
            doubted_reading=None,
            confirmed=self.confirmed and replace(self.confirmed, expires_ns=self.confirmed.expires_ns + by_ns),
            samples=tuple(Sample(each.at_ns + by_ns, each.delivered) for each in self.samples),
            vitals=tuple(replace(each, at_ns=each.at_ns + by_ns) for each in self.vitals),
            tripped=tuple((code, at + by_ns) for code, at in self.tripped),
        )

    @property
    def takes_stop(self) -> bool:
        """A stop that a person asks for now changes the infusion: also one that comes while a trip is stopping it."""
        return self.state.takes_stop or (self.state is State.STOPPING and self.then is not State.STOPPED)

    @property
    def delivered(self) -> Volume:
        """What was given: the pump's report for this segment, plus the most that earlier segments can have given."""
        return self.given_before + self.counted

    @property
    def whole(self) -> Volume:
        """Prescribed of the whole treatment."""
        return self.prescribed if self.of_treatment is None else self.of_treatment

    def treatment_running_ns(self, now_ns: int) -> int:
        """Running time of all deliveries of the treatment."""
        return self.earlier_flow_ns + self.running_ns(now_ns)

    @property
    def remaining(self) -> Volume:
        return max(self.prescribed - self.delivered, ZERO)

    @property
    def action(self) -> ConfirmAction:
        """What a confirmation would permit now."""
        return ConfirmAction.START if self.started_ns is None else ConfirmAction.RESUME

    def running_ns(self, now_ns: int) -> int:
        """Running time of the infusion: flow time over all segments, without pauses."""
        if self.flow_since_ns is None:
            return self.flowed_ns
        end = now_ns if self.flow_ended_ns is None else self.flow_ended_ns
        return self.flowed_ns + end - self.flow_since_ns

    def elapsed_ns(self, now_ns: int) -> int:
        """Time since the first start, with pauses."""
        return 0 if self.started_ns is None else now_ns - self.started_ns

    def paused_ns(self, now_ns: int) -> int:
        """All pauses so far, the present one included."""
        return self.elapsed_ns(now_ns) - self.running_ns(now_ns)

    def programmed_rate(self) -> Rate:
        """What the pump should now be running at."""
        return self.segment.program.rate_at(self.counted)

    @property
    def in_doubt(self) -> bool:
        """What was given is not known, and the pump has not reported it (COM-04)."""
        return self.state is State.UNCERTAIN or AlarmCode.DELIVERY_UNCERTAIN in self.alarms

    @property
    def accounted(self) -> Volume:
        """The most that this segment can have given when the pump was last read: up to its program."""
        hidden = ZERO if self.flow_since_ns is None else self.limits.counter_step
        return min(self.counted + self.unaccounted + hidden, max(self.segment.program.vtbi, self.counted))

    def booked(self, now_ns: int) -> Volume:
        """The most that can have been given: reported, or lost, or at the highest rate since; up to the program."""
        last = self.reading.asked_ns if self.reading else self.flow_since_ns  # the count may be as old as the question
        if not self.state.may_flow or last is None:
            return self.given_before + self.accounted
        most = max(self.segment.program.vtbi, self.counted)
        return self.given_before + min(self.accounted + self.could_give(now_ns - last), most)

    def could_give(self, for_ns: int) -> Volume:
        """The most that the program gives in a period of this length."""
        return self.segment.program.highest_rate.volume_in(Duration.from_ns(max(0, for_ns)))


_INSTANTS = (
    "ordered_ns",
    "expires_ns",
    "closes_ns",
    "since_ns",
    "doubted_ns",
    "identified_ns",
    "read_back_from_ns",
    "no_flow_since_ns",
    "lease_until_ns",
    "started_ns",
    "flow_since_ns",
    "flow_ended_ns",
    "stop_sent_ns",
    "stop_since_ns",
    "resuming_ns",
)
_FIELDS = frozenset(each.name for each in fields(Infusion))
