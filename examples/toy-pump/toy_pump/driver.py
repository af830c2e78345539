"""The toy pump's driver: what `pumpd.driving.LinkDriver` leaves to a family, and nothing else."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field

from pumpd.driving import (
    Codec,
    DeclinedError,
    DriverSettings,
    Lane,
    LineSettings,
    LinkDriver,
    Side,
    UnansweredError,
    assumed,
    join,
    now_ns,
)
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
    RateStep,
    Reading,
    StopFrames,
)
from pumpd.quantities import Duration, Rate, Volume
from toy_pump.codec import Frame, Framer, Garbage

STATES = {"idle": PumpState.STOPPED, "infusing": PumpState.INFUSING, "alarm": PumpState.ALARM}
ALARMS = {"occlusion": PumpAlarm.OCCLUSION, "silence": PumpAlarm.PUMP_WATCHDOG}  # any other word: a fault
STOP_LOOKS = 5
LONGEST_WATCHDOG_S = 60


class ToySettings(DriverSettings):
    serial_digits: int = Field(default=4, ge=1, le=8)
    steady: bool = assumed(True, "The pump's STATUS answers at once, also while it pumps.")


class Toy(LinkDriver[Frame | Garbage]):
    family = "toy"
    title = "A pump that does not exist, as an example"
    models = ("toy-1",)
    assumptions = ToySettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Frame))

    def __init__(self, link: Side[Frame | Garbage], settings: ToySettings) -> None:
        super().__init__(link, settings)
        self._settings = settings

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        ToySettings.of(settings)
        if container.diameter is None:
            raise ValueError("diameter: this pump takes syringes")
        return Capabilities(
            family=cls.family,
            kind=PumpKind.SYRINGE,
            rate_grid=FixedStep(Decimal("0.1")),
            volume_grid=FixedStep(Decimal("0.1")),
            rate_min=Rate("0.1"),
            rate_max=Rate(200),
            volume_max=Volume(60),
            max_steps=1,
            loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN),
            watchdog=Duration(LONGEST_WATCHDOG_S),
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        ToySettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Toy":
        chosen = ToySettings.of(settings)
        return cls(await join(port, LineSettings(9600), Framer, quiet_s=chosen.quiet_s), chosen)

    @property
    def stop_frames(self) -> StopFrames:
        """HALT needs nothing before it, and does nothing to a pump that stands."""
        return StopFrames((Frame("HALT").to_bytes(),))

    # -- frames ----------------------------------------------------------------------------------------------

    async def _question(self, word: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> list[str]:
        return _agreed(await self.ask(Frame(word).to_bytes(), _answers(word), lane=lane, epoch=epoch))

    async def _command(self, text: str, epoch: int) -> list[str]:
        return _agreed(await self.tell(Frame(text).to_bytes(), _answers(Frame(text).word), epoch))

    # -- what LinkDriver asks for ----------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        model, serial = await self._question("ID", epoch=epoch)
        return Identity(model, "1", serial)

    async def _read(self) -> Reading:
        asked = now_ns()
        state, rate, delivered, alarm = await self._question("STATUS")
        if alarm != "none":
            self.latch(ALARMS.get(alarm, PumpAlarm.PUMP_FAULT))
        return Reading(asked, now_ns(), STATES[state], Rate(rate), Volume(delivered), tuple(self.alarms))

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        (step,) = program.steps
        await self._command(f"SET {step.rate.number} {step.volume.number}", epoch)
        self._diameter = program.diameter  # this pump is told no diameter: it has one syringe only

    async def _read_back(self, epoch: int) -> PumpProgram:
        rate, volume = await self._question("HELD", epoch=epoch)
        return PumpProgram((RateStep(Rate(rate), Volume(volume)),), self._diameter)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        seconds = int(watchdog.decimal)
        if not 1 <= seconds <= LONGEST_WATCHDOG_S:
            raise DeclinedError(f"watchdog: {watchdog} is not within 1 s to {LONGEST_WATCHDOG_S} s")
        await self._command(f"GO {seconds}", epoch)

    async def _stop(self) -> None:
        for _ in range(STOP_LOOKS):
            await self._question("HALT", lane=Lane.STOP)
            state, *_ = await self._question("STATUS", lane=Lane.STOP)
            if state != "infusing":
                return
        raise UnansweredError("HALT: the pump says that it still infuses")

    async def _release(self, epoch: int) -> None:
        await self._question("STATUS", epoch=epoch)  # its watchdog sleeps while it stands


def _answers(word: str) -> Any:
    return lambda frame: isinstance(frame, Frame) and frame.word == word and frame.rest[:1] in (["OK"], ["NO"])


def _agreed(frame: Frame | Garbage) -> list[str]:
    assert isinstance(frame, Frame)  # `_answers` takes none else
    if frame.rest[0] == "NO":
        raise DeclinedError(f"{frame.word}: the pump refuses: {' '.join(frame.rest[1:])}")
    return frame.rest[1:]
