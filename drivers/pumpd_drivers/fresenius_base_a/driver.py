"""The Fresenius Base A driver: one module of a rack, or one syringe pump on its own line.

Source: the family's protocol sheet (fresenius-base-a.md). What it marks as inferred or unknown is in the settings.

Promises, besides those of `pumpd.driving`:
- The command that begins a flow leaves once, after the pump has said that it stands without an alarm and holds the
  program's volume limit. It is *done* when the pump accepted it and then itself says that it flows at that rate.
- Where PR itself begins the flow the pump holds no rate before: reading back then tells the rate that the start will
  send, and the limit that the pump says.
- PO is repeated until the pump itself says that it stands, whatever it answered.
- Any bit of the alarm or error variable is an alarm. A counter that has gone back since the load is a pump that was
  reset, which it does not tell.
"""

from collections.abc import Mapping
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    LineSettings,
    LinkDriver,
    Side,
    UnansweredError,
    join,
    now_ns,
    timed_out,
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
    Reading,
    StopFrames,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.fresenius_base_a import holding
from pumpd_drivers.fresenius_base_a.codec import ACK, Frame, Heard, ReplyFramer, RequestFramer, Signal
from pumpd_drivers.fresenius_base_a.dialogue import (
    RATE_STEP,
    VOLUME_STEP,
    Dialogue,
    Told,
)
from pumpd_drivers.fresenius_base_a.line import PumpLine, line_of
from pumpd_drivers.fresenius_base_a.replies import is_device_type, variables
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings

LINE = LineSettings(19200, 7, "E", 1)
STOP_TRIES = 6  # within one call; the caller repeats the call until the stop is believed


class FreseniusBaseA(LinkDriver[Heard]):
    family = "fresenius-base-a"
    title = "Fresenius Base A with Pilot or Agilia-class syringe modules"
    models = ("base-a",)
    assumptions = FreseniusBaseASettings.assumptions()
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: isinstance(frame, Frame))
    longest_reply = 86  # ACK, and a frame of 80

    def __init__(self, link: Side[Heard], settings: FreseniusBaseASettings, line: PumpLine) -> None:
        super().__init__(link, settings)
        self._settings, self._line, self._module = settings, line, settings.module
        self._talk = Dialogue(settings, self.ask, self.tell)
        self._held: PumpProgram | None = None  # loaded, and not released since
        self._counted = Volume(0)  # the last that was read of it
        link.on_stray = self._overhear

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:  # noqa: ARG003 - any syringe
        chosen = FreseniusBaseASettings.of(settings)
        return Capabilities(
            family=cls.family,
            kind=PumpKind.SYRINGE,
            rate_grid=FixedStep(RATE_STEP),
            volume_grid=FixedStep(VOLUME_STEP),
            rate_min=Rate(RATE_STEP),
            rate_max=Rate(chosen.highest_rate_ml_h),
            volume_max=Volume(chosen.highest_volume_ml),
            max_steps=1,
            loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
            if chosen.stops_unheard
            else (LossOfControl.VTBI_ONLY,),
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        FreseniusBaseASettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "FreseniusBaseA":
        chosen, line = FreseniusBaseASettings.of(settings), line_of(port)
        name = f"module {chosen.module}"
        side = await join(port, LINE, ReplyFramer, name=name, quiet_s=chosen.quiet_s, respond=line.respond)
        return cls(side, chosen, line)

    async def close(self) -> None:
        self._line.end(self._module)
        await super().close()

    @property
    def stop_frames(self) -> StopFrames | None:
        """Sessions opened that the pump may have closed, then PO, each behind the ACK of what the pump said before."""
        if not self._settings.stops_unheard:
            return None
        module = self._talk.address
        told = [Frame(module, "DC"), Frame(module, "MO;2"), Frame(module, "PO")]
        if module is not None:
            told.insert(0, Frame(0, "DC"))
        return StopFrames(tuple(Signal(ACK).to_bytes() + frame.to_bytes() for frame in told))

    # -- bringing up and reading -----------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self._talk.look(epoch=epoch)  # opens the session where the pump says that there is none
        told = await self._talk.question("LF;b", lambda frame: is_device_type(frame.data), epoch=epoch)
        return Identity(told.data[1:], "not told")

    async def _read(self) -> Reading:
        asked = now_ns()
        told = await self._talk.look()
        self._line.renew(self._module)
        if told.alarmed:
            self.latch(PumpAlarm.PUMP_FAULT)
        if self._held is not None:
            if told.delivered < self._counted:
                self.latch(PumpAlarm.PUMP_RESET)
            self._counted = told.delivered
        standing = PumpState.ALARM if self.alarms else PumpState.STOPPED
        return Reading(
            asked_ns=asked,
            answered_ns=now_ns(),
            state=PumpState.INFUSING if told.flowing else standing,
            rate=told.rate,
            delivered=told.delivered,
            alarms=tuple(self.alarms),
        )

    def _overhear(self, heard: Heard) -> None:
        """An alarm that the pump tells by itself, where somebody enabled that."""
        if isinstance(heard, Frame) and heard.address == self._talk.address and heard.letter == "E":
            said = variables(heard.data)
            if said.get("a") or said.get("e"):
                self.latch(PumpAlarm.PUMP_FAULT)

    # -- programming -----------------------------------------------------------------------------------------

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        self._held, talk = None, self._talk
        told = await talk.look(epoch=epoch)
        if told.alarmed and not told.flowing:
            await talk.command("SI", epoch=epoch)  # whoever loads has seen to it; with its cause there it stays
            told = await talk.look(epoch=epoch)
        self._must_rest(told)
        await holding.give(talk, self._settings, program, epoch)
        self._held, self._counted = program, Volume(0)

    async def _read_back(self, epoch: int) -> PumpProgram:
        if self._held is None:
            raise DeclinedError("no program was loaded since this driver was opened or the pump released")
        return await holding.held(self._talk, self._settings, self._held, epoch)

    async def _release(self, epoch: int) -> None:
        if (told := await self._talk.look(epoch=epoch)).flowing:
            raise DeclinedError(f"the pump flows at {told.rate}: it stays under PC control")
        await self._talk.set_mode("1", epoch=epoch)
        self._held = None
        self._line.end(self._module)

    def _must_rest(self, told: Told) -> None:
        if told.flowing:
            raise DeclinedError(f"the pump flows at {told.rate}: stop it first")
        if told.alarmed:
            self.latch(PumpAlarm.PUMP_FAULT)
            raise DeclinedError("the pump has an alarm and stands still: see to its cause, then load again")

    # -- flow ------------------------------------------------------------------------------------------------

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        program = self._held
        if program is None or await self._read_back(epoch) != program:
            raise DeclinedError("the pump does not hold a program that was loaded: load it first")
        told = await self._talk.look(epoch=epoch)
        self._must_rest(told)
        if told.delivered >= program.vtbi:
            raise DeclinedError(f"the pump has given its {program.vtbi}: load a program first")
        command = self._settings.start_command or holding.rate_command(program, self._settings)
        self._line.begin(self._module, watchdog)
        try:
            await self._talk.command(command, epoch=epoch)
        except DeclinedError as refusal:
            # Without a cause it left, and the pump said no: that is believed when the pump stands still.
            if refusal.__cause__ is None and (await self._after(str(refusal))).flowing:
                raise UnansweredError(f"{refusal}; yet it says that it flows") from refusal
            self._line.end(self._module)
            raise
        told = await self._after("the pump accepted the start")
        if told.delivered < program.vtbi and not (told.flowing and told.rate == program.steps[0].rate):
            does = f"flows at {told.rate}" if told.flowing else "stands still"
            raise UnansweredError(f"the pump accepted the start, and says that it {does}")

    async def _after(self, what: str) -> Told:
        try:
            return await self._talk.look()
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(f"{what}; then no word on its state: {error}") from error

    async def _stop(self) -> None:
        heard = UnansweredError("PO: no answer")
        for _ in range(STOP_TRIES):
            try:
                if await self._talk.pause():
                    self._line.end(self._module)
                    return
                heard = UnansweredError("PO: the pump says that it still flows")
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                heard = error
            except DeclinedError as error:
                if error.__cause__ is not None:  # it did not leave: the port is gone
                    raise
                heard = UnansweredError(f"{error}; the pump may flow on")
        raise heard
