"""The toy pump's driver: what `pumpd.driving.LinkDriver` leaves to a family, and nothing else."""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, join, now_ns
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Length, Rate, Volume
from toy_pump import limits, program
from toy_pump.codec import Frame, Framer
from toy_pump.dialogue import Heard, ToyDialogue
from toy_pump.settings import ToySettings

STATES = {"idle": PumpState.STOPPED, "infusing": PumpState.INFUSING, "alarm": PumpState.ALARM}
ALARMS = {"occlusion": PumpAlarm.OCCLUSION, "silence": PumpAlarm.PUMP_WATCHDOG}  # any other word: a fault


class Toy(ToyDialogue):
    family = "toy"
    title = "A pump that does not exist, as an example"
    models = ("toy-1",)
    assumptions = ToySettings.assumptions()
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Frame))
    marks = (Mark.SERIAL,)

    def __init__(self, link: Side[Heard], settings: ToySettings) -> None:
        super().__init__(link, settings)
        self._diameter: Length | None = None

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        ToySettings.of(settings)
        return limits.capabilities(cls.family, container)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        ToySettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Toy":
        chosen = ToySettings.of(settings)
        return cls(
            await join(
                port, LineSettings(9600), Framer, quiet_s=chosen.quiet_s, facts=chosen.line_facts(cls.longest_reply)
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        """HALT needs nothing before it, and has no effect on a stopped pump."""
        return StopFrames((Frame("HALT").to_bytes(),))

    async def _identify(self, epoch: int) -> Identity:
        model, serial = await self.question("ID", 2, epoch=epoch)
        return Identity(model, "1", serial)

    async def _read(self) -> Reading:
        asked = now_ns()
        state, rate, delivered, alarm = await self.question("STATUS", 4)
        if alarm != "none":
            self.latch(ALARMS.get(alarm, PumpAlarm.PUMP_FAULT))
        return Reading(asked, now_ns(), STATES[state], Rate(rate), Volume(delivered), tuple(self.alarms))

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await program.write(self, wanted, epoch)
        self._diameter = wanted.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, self._diameter, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        seconds = int(watchdog.decimal)
        if not 1 <= seconds <= limits.LONGEST_WATCHDOG_S:
            raise DeclinedError(f"watchdog: {watchdog} is not within 1 s to {limits.LONGEST_WATCHDOG_S} s")
        await self.command(f"GO {seconds}", epoch)

    async def _stop_once(self) -> None:
        await self.command("HALT", None, lane=Lane.STOP_FRAME)
        state, *_ = await self.question("STATUS", 4, lane=Lane.STOP)
        if state == "infusing":
            raise UnansweredError("HALT: the pump reports that it still infuses")

    def flow_in(self, frame: Heard) -> bool | None:
        """The state in a STATUS with other words than those known."""
        if not isinstance(frame, Frame) or frame.word != "STATUS" or len(frame.rest) < 2:
            return None
        state = STATES.get(frame.rest[1])
        return None if state is None else state.flowing

    async def _release(self, epoch: int) -> None:
        await self.question("STATUS", 4, epoch=epoch)  # its watchdog is off while it is stopped
