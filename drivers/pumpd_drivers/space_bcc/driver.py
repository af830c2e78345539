"""The B. Braun Space driver: it looks at one pump of a rack, and tells it nothing.

Source: the family's protocol sheet (monitoring-only.md). The public sources describe reading alone, and the interface's
own risk file says that it cannot change a pump.

Promises, besides those of `pumpd.driving`:
- Nothing but ADMIN:ALIVE, ADMIN:VERSION and MEM:GETSLOT is ever sent.
- A value that the rack did not send is not made up: without a parameter for the volume, a reading's volume is 0 and the
  driver says so in its assumptions.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NoReturn

from pydantic import StringConstraints

from pumpd.driving import Codec, DeclinedError, DriverSettings, LineSettings, LinkDriver, Side, assumed, join, now_ns
from pumpd.pump import (
    Capabilities,
    Container,
    FixedStep,
    Identity,
    LossOfControl,
    PumpAlarm,
    PumpKind,
    PumpProgram,
    PumpState,
    Reading,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.space_bcc.codec import ACK, Frame, Framer, Garbage, Record, Signal, records

Heard = Frame | Signal | Garbage

Parameter = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,12}$")]


class SpaceBccSettings(DriverSettings):
    """`slot` is the pump's pillar and slot in its rack, such as "11"."""

    slot: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] = "11"
    bed: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,16}$")] = "1"
    kind: Literal["syringe", "volumetric"] = "syringe"
    reply_timeout_s: float = assumed(
        2.0, "A rack answers within this time. No source states a time; 500 ms is its least pause between polls.",
        ge=0.05, le=30.0,
    )  # fmt: skip
    volume_parameter: Parameter = assumed(
        "", "The parameter that tells the infused volume in mL. The public sources name none; empty: readings say 0 mL."
    )
    flowing_by_rate: bool = assumed(
        True, "A pump whose rate (INRT) is above 0 infuses. The public sources name no parameter for the state."
    )
    alarm_parameter: Parameter = assumed(
        "", "A parameter whose value, other than empty or 0, is an alarm. The public sources name none; empty: none."
    )


class SpaceBcc(LinkDriver[Heard]):
    family = "space-bcc"
    title = "B. Braun Space rack (BCC): monitoring only"
    models = ("space",)
    monitor_only = True
    assumptions = SpaceBccSettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Frame))
    longest_reply = 0  # a network carries it, at no pace of its own

    def __init__(self, link: Side[Heard], settings: SpaceBccSettings) -> None:
        super().__init__(link, settings)
        self._settings = settings

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:  # noqa: ARG003 - none fits
        chosen = SpaceBccSettings.of(settings)
        return Capabilities(
            family=cls.family,
            kind=PumpKind(chosen.kind),
            rate_grid=FixedStep(Decimal("0.01")),
            volume_grid=FixedStep(Decimal("0.01")),
            rate_min=Rate(0),
            rate_max=Rate(0),
            volume_max=Volume(0),
            max_steps=0,
            loss_of_control=(LossOfControl.VTBI_ONLY,),
            monitor_only=True,
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        SpaceBccSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "SpaceBcc":
        chosen = SpaceBccSettings.of(settings)
        name = f"slot {chosen.slot}"
        link = await join(port, LineSettings(), Framer, name=name, quiet_s=chosen.quiet_s, respond=_acknowledged)
        return cls(link, chosen)

    async def _ask(self, request: str, fits: Callable[[list[Record]], bool], epoch: int | None = None) -> list[Record]:
        """The records that answer it. An answer names no request: its records, and an error's, are what tells it."""
        bed = self._settings.bed

        def accepts(frame: Heard) -> bool:
            return isinstance(frame, Frame) and frame.bed == bed and fits(records(frame.payload))

        frame = await self.ask(Frame(request, bed).to_bytes(), accepts, epoch=epoch)
        assert isinstance(frame, Frame)  # the answer that was asked for
        return records(frame.payload)

    async def _slot(self, epoch: int | None = None) -> dict[str, str]:
        """What the slot says, by parameter. Raises DeclinedError when the rack says nothing of it."""
        slot = self._settings.slot

        def fits(told: list[Record]) -> bool:
            return any(record.slot == slot for record in told) or _refused(told)

        told = await self._ask(f"MEM:GETSLOT#{slot}", fits, epoch)
        said = {record.parameter: record.value for record in told if record.slot == slot}
        if not said:
            raise DeclinedError(f"slot {slot}: the rack tells of no pump there")
        return said

    async def _identify(self, epoch: int) -> Identity:
        told = await self._ask("ADMIN:VERSION", lambda told: {record.slot for record in told} == {None}, epoch)
        version = "" if _refused(told) else told[0].value
        said = await self._slot(epoch)
        return Identity(said.get("GNMODEL") or "space", version or "unknown")

    async def _read(self) -> Reading:
        asked, settings = now_ns(), self._settings
        said = await self._slot()
        rate = Rate(_number(said, "INRT"))
        if settings.alarm_parameter and said.get(settings.alarm_parameter, "").strip("0 "):
            self.latch(PumpAlarm.PUMP_FAULT)
        else:
            self.alarms.clear()  # nobody loads or releases a pump that is only watched: the alarm is the rack's own
        flowing = settings.flowing_by_rate and rate > Rate(0)
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=PumpState.INFUSING if flowing else PumpState.ALARM if self.alarms else PumpState.STOPPED,
            rate=rate,
            delivered=Volume(_number(said, settings.volume_parameter)) if settings.volume_parameter else Volume(0),
            alarms=tuple(self.alarms),
        )

    # -- what this interface cannot do -----------------------------------------------------------------------

    async def _load(self, program: PumpProgram, epoch: int) -> None:  # noqa: ARG002 - refused whatever it is
        self._cannot()

    async def _read_back(self, epoch: int) -> PumpProgram:  # noqa: ARG002
        self._cannot()

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002
        self._cannot()

    async def _stop(self) -> None:
        self._cannot()

    async def _release(self, epoch: int) -> None:  # noqa: ARG002
        self._cannot()

    def _cannot(self) -> NoReturn:
        raise DeclinedError("this interface only monitors: go to the pump to change or stop it")


def _acknowledged(frame: Heard) -> bytes | None:
    return bytes([ACK]) if isinstance(frame, Frame) else None


def _refused(told: list[Record]) -> bool:
    """The rack knows nothing of what it was asked, or nothing at all came of it."""
    return all(record.parameter == "GNERR" for record in told)


def _number(said: Mapping[str, str], parameter: str) -> Decimal:
    """A parameter's value as a number; DeclinedError when the rack says something else."""
    try:
        value = Decimal(said.get(parameter, "0") or "0")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or value > 1_000_000:
        raise DeclinedError(f"{parameter}: the rack says {said.get(parameter)!r}, which is no number")
    return value
