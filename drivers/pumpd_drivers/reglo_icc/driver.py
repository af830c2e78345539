"""The Reglo ICC driver, a channel each: no watchdog, no check on the line, and answers that name no command.

Promises, besides those of `pumpd.pump.driver`:
- Only mode O is ever started: a volume at a rate, which the pump ends by itself. `H` leaves once a load, and only for a
  channel at rest, with its total at nothing, that has just then confirmed mode, direction, flow and volume.
- What a stop rests on, the pump has said twice: its answers have no check.
- A stop and a release take the flow to 0, with which the pump refuses a start (`xe` R), so that no key gives the volume
  again. The panel is never locked: whoever stands at the pump can stop it.
"""

import contextlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, join, now_ns, timed_out
from pumpd.pump import (
    Capabilities,
    Container,
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
from pumpd_drivers.reglo_icc import holding, limits
from pumpd_drivers.reglo_icc.codec import FAIL, NO, OK, ReplyFramer, RequestFramer, volume_type
from pumpd_drivers.reglo_icc.settings import RegloIccSettings
from pumpd_drivers.reglo_icc.talking import FailedError, Heard, RegloIccLink, is_sign

ML_PER_L = 1000
STOP_TRIES = 6  # within one call; the caller repeats the call until the stop is believed

_ANY = re.compile(r".+")
_DIGITS = re.compile("[0-9]{1,6}", re.ASCII)
_CAUSES = {"C": "its cycles are 0", "R": "its flow is 0 or too high", "V": "its volume is 0 or too large"}


class RegloIcc(RegloIccLink):
    family = "reglo-icc"
    title = "Ismatec Reglo ICC, laboratory peristaltic pump (not for clinical use on humans)"
    models = ("reglo-icc",)
    assumptions = RegloIccSettings.assumptions()
    codec = Codec(RequestFramer, ReplyFramer)

    def __init__(self, link: Side[Heard], settings: RegloIccSettings) -> None:
        super().__init__(link, settings)
        self._given = Volume(0)  # what the pump said last: its total never falls by itself
        self._loaded: PumpProgram | None = None

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        chosen = RegloIccSettings.of(settings)
        if container.diameter is not None:
            raise ValueError("diameter: this pump takes a tube, not a syringe")
        return Capabilities(
            family=cls.family,
            kind=PumpKind.VOLUMETRIC,
            rate_grid=limits.RATE_GRID,
            volume_grid=limits.VOLUME_GRID,
            rate_min=Rate(chosen.rate_min_ml_h),
            rate_max=Rate(chosen.rate_max_ml_h),
            volume_max=Volume(chosen.volume_max_ml),
            max_steps=1,
            loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
            counter_step=limits.counter_step(container.volume, chosen),
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        RegloIccSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "RegloIcc":
        chosen = RegloIccSettings.of(settings)
        name = f"channel {chosen.channel}" if chosen.channels_apart else "the pump (channels_apart is false)"
        return cls(await join(port, LineSettings(9600), ReplyFramer, name=name, quiet_s=chosen.quiet_s), chosen)

    @property
    def stop_frames(self) -> StopFrames:
        """`I` to this channel; what is started, `_require_rest` has seen to be told apart from the others."""
        return StopFrames((self.request("I"),))

    # -- bringing up -----------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self.tell_apart(epoch)
        await self.set("xE", "0", epoch)  # nothing unasked, which could come inside an answer
        said = (await self.value("#", _ANY, epoch))[0]
        if not said.startswith(self.settings.model):
            raise DeclinedError(f"model: the pump says {said!r}; the settings allow {self.settings.model} only")
        firmware = await self.twice("(", _DIGITS, epoch)
        await self.runs(epoch=epoch)  # a channel that is not there fails; and the answers around it look alike
        serial = await self.twice("xS", _ANY, epoch) if self.settings.asks_serial else None
        if self.settings.serial not in ("", serial):
            raise DeclinedError(f"serial: the pump says {serial}; the settings allow {self.settings.serial} only")
        return Identity(self.settings.model, firmware, serial)

    # -- reading ---------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            rate = limits.rate(await self.number("f", None), self.settings)
            if not await self.is_apart() and not self._strange():
                self.latch(PumpAlarm.PUMP_RESET)  # it woke up anew, and takes the channel for its address
            runs = await self.runs()
            given = await self.total()  # last, next to the state
            if given < self._given:
                given = await self.total()  # one garbled digit is not believed
        except FailedError:
            self.latch(PumpAlarm.PUMP_FAULT)
            raise
        if given < self._given:
            self.latch(PumpAlarm.PUMP_RESET)
        self._given = given
        standing = PumpState.ALARM if any(alarm.stops_flow for alarm in self.alarms) else PumpState.STOPPED
        return Reading(asked, now_ns(), PumpState.INFUSING if runs else standing, rate, given, tuple(self.alarms))

    # -- programming and flow --------------------------------------------------------------------------------

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        await self._require_rest(epoch)
        self._loaded = None
        (step,) = program.steps
        top = Rate(Decimal((await self.value("?", limits.TOP_FLOW, epoch))[1]) * 60)
        if step.rate > top:
            raise DeclinedError(f"rate: {step.rate} is above the {top} that the pump allows for its tubing")
        if "volume_unit" not in self.settings.model_fields_set and step.rate.decimal * ML_PER_L <= top.decimal:
            raise DeclinedError(
                f"rate: {step.rate} is so low that a pump which takes mL for L could run it a thousand times too fast. "
                "Calibrate the pump, then set volume_unit, also when it is ml"
            )
        await holding.give(self, step, epoch)
        await self.set("W", "", epoch)
        self._given = Volume(0)
        await self._require_held(program, epoch)
        self._loaded = program

    async def _read_back(self, epoch: int) -> PumpProgram:
        return PumpProgram((await holding.held(self, epoch),))

    async def _require_held(self, program: PumpProgram, epoch: int) -> None:
        held = await self._read_back(epoch)
        if held != program:
            raise DeclinedError(f"the pump holds {held}, not {program}: load it again")
        if total := await self.total(epoch):
            raise DeclinedError(f"the pump's total says {total}, not 0: load the program again")

    async def _require_rest(self, epoch: int) -> None:
        if not await self.is_apart(epoch):
            raise DeclinedError("the pump no longer tells its channels apart: identify it again")
        if not await self.stands(epoch=epoch):
            raise DeclinedError("the pump is infusing: stop it first")

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        if (program := self._loaded) is None:
            raise DeclinedError("no program was loaded since the last start: load one first")
        await self._require_rest(epoch)
        await self._require_held(program, epoch)
        self._loaded = None  # each start would give the whole volume again
        answer = await self.tell(self.request("H"), is_sign, epoch)
        try:
            moves = await self.runs() or bool(await self.total())
            cause = None if moves or str(answer) == OK else (await self.value("xe", _ANY, None))[0]
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(f"H: the pump answers {answer}; then no word on what it does: {error}") from error
        if moves and str(answer) == OK:
            return
        if moves or str(answer) not in (NO, FAIL):
            raise UnansweredError(f"H: the pump answers {answer}, and {'infuses' if moves else 'stands still'}")
        self._loaded = program
        raise DeclinedError(f"H: the pump refuses: {_CAUSES.get((cause or '')[:1], 'it does not say why')} ({cause})")

    async def _stop(self) -> None:
        heard: Exception = UnansweredError("I: not sent")
        for _ in range(STOP_TRIES):
            try:
                answer = await self.tell(self.request("I"), is_sign, None, lane=Lane.STOP)
                if await self.stands(lane=Lane.STOP):
                    with contextlib.suppress(DeclinedError, UnansweredError):
                        await self._disarm(None, Lane.STOP)
                    return
                heard = UnansweredError(f"I: the pump answers {answer}, and says that it runs")
            except (DeclinedError, UnansweredError) as error:
                if error.__cause__ is not None and not timed_out(error):
                    raise  # it never left, or the port is gone
                heard = UnansweredError(str(error))
        raise heard

    async def _release(self, epoch: int) -> None:
        await self._require_rest(epoch)
        await self._disarm(epoch)

    async def _disarm(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        self._loaded = None
        await self.set("f", volume_type(Decimal(0)), epoch, lane=lane)
