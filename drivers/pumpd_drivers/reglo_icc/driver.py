"""The Reglo ICC driver, one for each channel: no watchdog, no check on the line, and replies that name no command.

Promises, in addition to those of `pumpd.pump.driver`:
- Only mode O is ever started: a volume at a rate, which the pump ends by itself. `H` is sent once per load, and only to
  a stopped channel with its total at 0, right after it confirmed mode, direction, flow and volume.
- A stop is confirmed by two replies, because replies have no check.
- A stop and a release set the flow to 0, with which the pump refuses a start (`xe` R), so that no key press delivers
  the volume again. The panel is never locked: a person at the pump can always stop it.
"""

import contextlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    Lane,
    LineSettings,
    Side,
    UnansweredError,
    join,
    listed,
    now_ns,
    of_error,
    text,
)
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.reglo_icc import limits, program
from pumpd_drivers.reglo_icc.codec import FAIL, NO, OK, ReplyFramer, RequestFramer, volume_type
from pumpd_drivers.reglo_icc.dialogue import FailedError, Heard, RegloIccDialogue, is_sign
from pumpd_drivers.reglo_icc.settings import RegloIccSettings

ML_PER_L = 1000

_ANY = re.compile(r".+")
_DIGITS = re.compile("[0-9]{1,6}", re.ASCII)
_CAUSES = {
    "C": text("reglo_icc.cycles", "its cycles are 0"),
    "R": text("reglo_icc.flow", "its flow is 0 or too high"),
    "V": text("reglo_icc.volume", "its volume is 0 or too large"),
}


class RegloIcc(RegloIccDialogue):
    family = "reglo-icc"
    title = "Ismatec Reglo ICC, laboratory peristaltic pump (not for clinical use on humans)"
    models = ("reglo-icc",)
    assumptions = RegloIccSettings.assumptions()
    marks = (Mark.SERIAL,)
    codec = Codec(RequestFramer, ReplyFramer)
    late_answers = 17  # of a load

    def __init__(self, link: Side[Heard], settings: RegloIccSettings) -> None:
        super().__init__(link, settings)
        self._given = Volume(0)  # the last total: it never falls by itself

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, RegloIccSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        RegloIccSettings.of(settings)

    @classmethod
    def reports_serial(cls, settings: Mapping[str, Any]) -> bool:
        return RegloIccSettings.of(settings).asks_serial

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "RegloIcc":
        chosen = RegloIccSettings.of(settings)
        name = (
            text("reglo_icc.channel", "channel {channel}", channel=chosen.channel)
            if chosen.channels_apart
            else text("reglo_icc.whole_pump", "the pump (channels_apart is false)")
        )
        return cls(
            await join(
                port,
                LineSettings(9600),
                ReplyFramer,
                name=name,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        """`I` to this channel; a start requires that the pump addresses its channels separately."""
        return StopFrames((self.request("I"),))

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self.address_channels(epoch)
        await self.set("xE", "0", epoch)  # nothing unasked, which could come inside a reply
        model = (await self.value("#", _ANY, epoch))[0]
        if not model.startswith(self.settings.model):
            raise DeclinedError(
                text(
                    "pump.other_model",
                    "model: the pump reports {model}; the settings allow only {allowed}",
                    model=f"{model!r}",
                    allowed=self.settings.model,
                )
            )
        firmware = await self.twice("(", _DIGITS, epoch)
        await self.runs(epoch=epoch)  # a missing channel fails here; and it separates two similar replies
        serial = await self.twice("xS", _ANY, epoch) if self.settings.asks_serial else None
        if self.settings.serial not in ("", serial):
            raise DeclinedError(
                text(
                    "pump.other_serial",
                    "serial: the pump reports {serial}; the settings allow only {allowed}",
                    serial=serial,
                    allowed=self.settings.serial,
                )
            )
        return Identity(self.settings.model, firmware, serial)

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            rate = limits.rate(await self.number("f", None), self.settings)
            if not await self.addresses_channels() and not self._unidentified():
                self.latch(PumpAlarm.PUMP_RESET)  # it restarted, and takes the channel for its address
            runs = await self.runs()
            given = await self.total()  # last, next to the state
            if given < self._given:
                given = await self.total()  # it may have been one garbled digit
        except FailedError:
            self.latch(PumpAlarm.PUMP_FAULT)
            raise
        if given < self._given:
            self.latch(PumpAlarm.PUMP_RESET)
        self._given = given
        at_rest = PumpState.ALARM if any(alarm.stops_flow for alarm in self.alarms) else PumpState.STOPPED
        return Reading(asked, now_ns(), PumpState.INFUSING if runs else at_rest, rate, given, tuple(self.alarms))

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await self._require_stopped(epoch)
        (step,) = wanted.steps
        top = Rate(Decimal((await self.value("?", limits.TOP_FLOW, epoch))[1]) * 60)
        if step.rate > top:
            raise DeclinedError(
                text(
                    "reglo_icc.rate",
                    "rate: {rate} is above the {most} that the pump allows for its tubing",
                    rate=step.rate,
                    most=top,
                )
            )
        if "volume_unit" not in self.settings.model_fields_set and step.rate.decimal * ML_PER_L <= top.decimal:
            raise DeclinedError(
                text(
                    "reglo_icc.unit",
                    "rate: {rate} is so low that a pump which reads mL as L could run it a thousand times too "
                    "fast. Calibrate the pump, then set volume_unit, even if it is ml",
                    rate=step.rate,
                )
            )
        await program.write(self, step, epoch)
        await self.set("W", "", epoch)
        self._given = Volume(0)
        if reasons := wanted.differences(await self._read_back(epoch)):  # nothing else shows a garbled setting
            raise DeclinedError(
                text(
                    "reglo_icc.not_held",
                    "the pump does not hold what was sent ({differences}): load it again",
                    differences=listed(reasons),
                )
            )
        await self._require_unused(epoch)

    async def _read_back(self, epoch: int) -> PumpProgram:
        return PumpProgram((await program.read(self, epoch),))

    async def _require_unused(self, epoch: int) -> None:
        if total := await self.total(epoch):
            raise DeclinedError(
                text("reglo_icc.total", "the pump's total shows {total}, not 0: load the program again", total=total)
            )

    async def _require_stopped(self, epoch: int) -> None:
        if not await self.addresses_channels(epoch):
            raise DeclinedError(
                text("reglo_icc.no_channels", "the pump no longer addresses its channels separately: identify it again")
            )
        if not await self.stopped(epoch=epoch):
            raise DeclinedError(text("pump.infusing_stop_first", "the pump is infusing: stop it first"))

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        await self._require_stopped(epoch)
        await self._require_unused(epoch)
        loaded, self._loaded = self._loaded, None  # each start would deliver the whole volume again
        answer = await self.send_once(self.request("H"), is_sign, epoch)
        try:
            moves = await self.runs() or bool(await self.total())
            cause = None if moves or str(answer) == OK else (await self.value("xe", _ANY, None))[0]
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(
                text(
                    "reglo_icc.then_not_read",
                    "H: the pump replied {reply}; its state could then not be read: {why}",
                    reply=answer,
                    why=of_error(error),
                )
            ) from error
        if moves and str(answer) == OK:
            return
        if moves or str(answer) not in (NO, FAIL):
            raise UnansweredError(
                text("reglo_icc.infuses", "H: the pump replied {reply}, and infuses", reply=answer)
                if moves
                else text("reglo_icc.stopped", "H: the pump replied {reply}, and is stopped", reply=answer)
            )
        self._loaded = loaded
        why = _CAUSES.get((cause or "")[:1], text("reglo_icc.no_reason", "it gives no reason"))
        raise DeclinedError(
            text(
                "pump.refuses_with_code",
                "{command}: the pump refuses: {why} ({code})",
                command="H",
                why=why,
                code=cause,
            )
        )

    async def _stop_once(self) -> None:
        answer = await self.send_once(self.request("I"), is_sign, None, lane=Lane.STOP_FRAME)
        if not await self.stopped(lane=Lane.STOP):
            raise UnansweredError(
                text(
                    "pump.replied_and_runs",
                    "{command}: the pump replied {reply}, and reports that it runs",
                    command="I",
                    reply=answer,
                )
            )
        with contextlib.suppress(DeclinedError, UnansweredError):  # the stop itself is done
            await self._disarm(None, Lane.STOP)

    async def _release(self, epoch: int) -> None:
        await self._require_stopped(epoch)
        await self._disarm(epoch)

    async def _disarm(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        self._loaded = None
        await self.set("f", volume_type(Decimal(0)), epoch, lane=lane)
