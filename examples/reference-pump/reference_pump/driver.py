"""The driver of the reference firmware: a start names the pump and the program, and only a reading renews the lease."""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, join, now_ns
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration
from reference_pump import limits, program, replies
from reference_pump.codec import Reply, ReplyFramer, Request, RequestFramer, is_frame
from reference_pump.dialogue import DEADMANS_NUMBER, Heard, ReferenceDialogue
from reference_pump.replies import IDENTITY, NOTHING, STATUS, Flag, Status
from reference_pump.settings import ReferenceSettings

BAUD = 38400
ALARMS = {
    Flag.RESET: PumpAlarm.PUMP_RESET,
    Flag.LEASE_ENDED: PumpAlarm.PUMP_WATCHDOG,
    Flag.STALLED: PumpAlarm.OCCLUSION,
    Flag.HUNG: PumpAlarm.PUMP_FAULT,
}
MOST_BLINKS = 15


class Reference(ReferenceDialogue):
    family = "reference"
    title = "Reference firmware of examples/firmware, a syringe pump to copy"
    models = ("ref-1",)
    assumptions = ReferenceSettings.assumptions()
    marks = (Mark.SERIAL,)
    signals = "the light on its board blinks"
    codec = Codec(RequestFramer, ReplyFramer, checked=is_frame)

    def __init__(self, link: Side[Heard], settings: ReferenceSettings) -> None:
        super().__init__(link, settings)
        self._serial: str | None = None
        self._programmed = False  # by this driver: a restart then loses something
        self._lease = f"{limits.LONGEST_LEASE_S:02X}"

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        ReferenceSettings.of(settings)
        return limits.capabilities(cls.family, container)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        ReferenceSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Reference":
        chosen = ReferenceSettings.of(settings)
        line = LineSettings(BAUD)
        return cls(
            await join(
                port,
                line,
                ReplyFramer,
                name=chosen.address,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        """X needs nothing before it, has no effect on a stopped pump, and renews no lease."""
        return StopFrames((Request(self.address, DEADMANS_NUMBER, "X").to_bytes(),))

    # -- identify and read -----------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        self._serial = None
        found = replies.identity(await self.question("I", "", IDENTITY, epoch=epoch))
        if found.model not in self.models:
            raise DeclinedError(f"model: the pump reports {found.model}; this driver knows {', '.join(self.models)}")
        if found.serial is None:
            raise DeclinedError("serial: this pump has none, and would start nothing: build its firmware with SERIAL")
        self._serial = found.serial
        return found

    async def _read(self) -> Reading:
        asked = now_ns()
        status = replies.status(await self.question("S", self._lease, STATUS))
        self._latch_from(status)
        at_rest = PumpState.ALARM if any(alarm.stops_flow for alarm in self.alarms) else PumpState.STOPPED
        state = PumpState.INFUSING if status.flowing else at_rest
        return Reading(asked, now_ns(), state, status.rate, status.delivered, tuple(self.alarms))

    def _latch_from(self, status: Status) -> None:
        for flag, alarm in ALARMS.items():
            if flag in status.flags and (self._programmed or flag is not Flag.RESET):
                self.latch(alarm)

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await program.write(self, wanted, epoch)
        self._programmed = True

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        seconds = int(watchdog.decimal)
        if not 1 <= seconds <= limits.LONGEST_LEASE_S:
            raise DeclinedError(f"watchdog: {watchdog} is not within 1 s to {limits.LONGEST_LEASE_S} s")
        assert self._loaded is not None  # the pump has just shown that it holds it
        named, self._loaded = program.text(self._loaded), None  # the pump starts a load once
        self._lease = f"{seconds:02X}"
        await self.command("G", f"{self._serial}{named}{self._lease}", NOTHING, epoch)
        status = replies.status(await self.question("S", "", STATUS))
        if not status.flowing and not status.steps:
            raise UnansweredError("G: the pump agreed, but reports that it does not infuse")

    async def _stop_once(self) -> None:
        if replies.status(await self.command("X", "", STATUS, None, lane=Lane.STOP_FRAME)).flowing:
            raise UnansweredError("X: the pump reports that it still infuses")

    def flow_in(self, frame: Heard) -> bool | None:
        """The first digit of a status, whatever follows it."""
        if not isinstance(frame, Reply) or frame.address != self.address or frame.command not in "SX" or frame.result:
            return None
        return {"0": False, "1": True}.get(frame.data[:1])

    async def _release(self, epoch: int) -> None:
        if replies.status(await self.question("S", "", STATUS, epoch=epoch)).flowing:
            raise DeclinedError("the pump infuses: stop it first")
        self._programmed = False

    async def _signal(self, times: int, epoch: int) -> None:
        if not 1 <= times <= MOST_BLINKS:
            raise DeclinedError(f"times: {times} is not within 1 to {MOST_BLINKS}")
        await self.command("B", f"{times:X}", NOTHING, epoch)
