"""The Zyno driver: no watchdog, so nothing but the programmed volume ends a flow that no host monitors.

Promises, in addition to those of `pumpd.pump.driver`:
- `WT01` is sent once per load, and only to a stopped pump that has just confirmed mode, unit, rate, volume, no bolus, a
  counter at 0, the whole volume left, and no new alarm. It is *done* when the pump itself reports that it runs.
- A pump may show its parameters before it begins. Until it has been seen running, a stop is done only when the time for
  that is over.
- Alarms come from the pump's event log, entry by entry; what happened while the line was away is read afterwards.
"""

import asyncio
import re
from collections.abc import Mapping
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
    named,
    now_ns,
    of_error,
    text,
)
from pumpd.pump import (
    Capabilities,
    Container,
    Identity,
    Mark,
    PumpAlarm,
    PumpProgram,
    PumpState,
    Reading,
    StopFrames,
    word,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.zyno_miva import limits, program
from pumpd_drivers.zyno_miva.codec import Frame, Framer
from pumpd_drivers.zyno_miva.dialogue import Heard, ZynoMivaDialogue
from pumpd_drivers.zyno_miva.replies import CASSETTE_EMPTY, EVENT, Event
from pumpd_drivers.zyno_miva.settings import ZynoMivaSettings

RUN, STOP = "WT01", "WT02"
CHECK_AGAIN_S = 0.25
LOG_SIZE = 43264  # entries in the log, which then starts over (a public client)
MOST_NEW_EVENTS = 256  # since the last reading; more means that the log was replaced
EVENTS_A_READING = 8  # the others with the next one

_SERIAL = re.compile("[A-Z0-9]{8}")
_FIRMWARE = re.compile(r"[A-Za-z0-9.\-]{1,20}")
_NAME = re.compile("[^:*].{2,60}")
_INDICES = re.compile("[0-9A-F]{8}([0-9A-F]{8})")


class ZynoMiva(ZynoMivaDialogue):
    family = "zyno-miva"
    title = "Zyno MIVA ambulatory volumetric pump"
    models = ("miva",)
    assumptions = ZynoMivaSettings.assumptions()
    marks = (Mark.SERIAL,)
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Frame))
    late_answers = 18  # a reading with several events

    def __init__(self, link: Side[Heard], settings: ZynoMivaSettings) -> None:
        super().__init__(link, settings)
        self._serial = ""  # of the pump identified last
        self._given = Volume(0)  # the last counter reading: the counter never falls by itself
        self._last_event: int | None = None  # the index of the last one that was read
        self._begins_by_ns = 0  # a start was sent, and no flow has been seen yet

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, ZynoMivaSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        ZynoMivaSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "ZynoMiva":
        chosen = ZynoMivaSettings.of(settings)

        def framer() -> Framer:
            return Framer(chosen.checksum)

        return cls(
            await join(
                port, LineSettings(9600), framer, quiet_s=chosen.quiet_s, facts=chosen.line_facts(cls.longest_reply)
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames | None:
        return StopFrames((self.framed(STOP),)) if self.settings.stops_unheard else None

    @property
    def longest_call_s(self) -> float:
        return super().longest_call_s + self.settings.review_s

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        name = await self.plain("*IDN?", _NAME, epoch=epoch)
        if self.settings.model.upper() not in name.upper():
            raise DeclinedError(
                text(
                    "pump.other_model",
                    "model: the pump reports {model}; the settings allow only {allowed}",
                    model=f"{name!r}",
                    allowed=self.settings.model,
                )
            )
        serial = await self.question("RN", _SERIAL, epoch=epoch)
        if self.settings.serial not in ("", serial):
            raise DeclinedError(
                text(
                    "pump.other_serial",
                    "serial: the pump reports {serial}; the settings allow only {allowed}",
                    serial=serial,
                    allowed=self.settings.serial,
                )
            )
        firmware = await self.question("RS", _FIRMWARE, epoch=epoch)
        if serial != self._serial:
            self._given = Volume(0)
            self._last_event = await self._newest_event(epoch)  # what happened before concerns no infusion of pumpd's
        self._serial = serial
        return Identity(self.settings.model, firmware, serial)

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        runs, rate, given = await self._flow()
        bolus, answered = await self.gives_bolus(), now_ns()
        if await self._note_events(EVENTS_A_READING) and runs:  # it may have ended the flow
            (runs, rate, given), answered = await self._flow(), now_ns()
        if given < self._given:
            self.latch(PumpAlarm.PUMP_RESET)
        self._given = given
        return Reading(asked, answered, self._state(runs=runs, bolus=bolus), rate, given, tuple(self.alarms))

    async def _flow(self) -> tuple[bool, Rate, Volume]:
        """Whether it runs, its rate, and what it has given."""
        runs = await self.runs()
        rate = await self._rate(runs=runs)
        if runs and not rate and not (runs := await self.runs()):  # it ended in between
            rate = await self._rate(runs=False)
        return runs, rate, await self.volume("Q5")

    async def _rate(self, *, runs: bool) -> Rate:
        return limits.rate(await self.plain(":INFU:RATE?" if runs else f"{program.RATE}?", limits.DECIMAL))

    def _state(self, *, runs: bool, bolus: bool) -> PumpState:
        """The log says that an alarm came, not whether its cause is still there; so `ALARM` is never reported."""
        if bolus:
            return PumpState.PURGING
        if runs:
            self._begins_by_ns = 0
            return PumpState.INFUSING
        return PumpState.WAITING if now_ns() < self._begins_by_ns else PumpState.STOPPED

    async def _newest_event(self, epoch: int | None) -> int:
        match = _INDICES.fullmatch(await self.question("RI", _INDICES, epoch=epoch))
        assert match is not None  # `question` accepts nothing else
        head = int(match[1], 16)
        return (head if self.settings.log_head == "newest" else head - 1) % LOG_SIZE

    async def _note_events(self, most: int, epoch: int | None = None) -> bool:
        """Latch the alarms among the log's new entries, at most so many of them. Returns whether there was one.

        A log that jumped is a fault: what it no longer shows may have been anything.
        """
        newest = await self._newest_event(epoch)
        last, alarmed = self._last_event, False
        if last is None:
            self._last_event = newest
            return False
        new = (newest - last) % LOG_SIZE
        if new > MOST_NEW_EVENTS:
            self._last_event = newest
            self.latch(PumpAlarm.PUMP_FAULT)
            return True
        for offset in range(1, 1 + min(new, most)):
            index = (last + offset) % LOG_SIZE
            alarm = await self._alarm_at(index, epoch)
            self._last_event = index
            if alarm is not None:
                alarmed = True
                self.latch(alarm)
        return alarmed

    async def _alarm_at(self, index: int, epoch: int | None) -> PumpAlarm | None:
        entry = f"{index:08X}"
        text = await self.question(f"RE{entry}", re.compile(f"{entry}{EVENT.pattern}"), epoch=epoch)
        event = Event.of(text[len(entry) :])
        if event.kind == CASSETTE_EMPTY and await self.volume("Q5", epoch) >= await self.volume("QD", epoch):
            return None  # the end of the program
        return event.alarm

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        self._last_event = await self._newest_event(epoch)  # before: no alarm of this program's
        await self.require_stopped(epoch)
        self._given = Volume(0)  # setting the volume clears the counter
        (step,) = wanted.steps
        await program.write(self, step, epoch)
        if reasons := wanted.differences(await self._read_back(epoch)):
            raise DeclinedError(
                text(
                    "zyno_miva.not_held",
                    "the pump does not hold what was sent ({differences}): set it at the pump",
                    differences=listed(reasons),
                )
            )
        await program.require_ready(self, wanted, epoch)

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        loaded = self._loaded
        assert loaded is not None  # the base compared it with what the pump holds
        await self.require_stopped(epoch)
        await program.require_ready(self, loaded, epoch)
        await self._note_events(MOST_NEW_EVENTS, epoch)
        if halting := [alarm for alarm in self.alarms if alarm.stops_flow]:
            raise DeclinedError(
                text(
                    "zyno_miva.alarm",
                    "the pump has an alarm ({alarms}): clear it at the pump, then load again",
                    alarms=named(map(word, halting)),
                )
            )
        self._loaded = None  # after a stop, a second start would continue with the rest
        self._begins_by_ns = now_ns() + int(self.settings.review_s * 1e9)
        try:
            await self.send_once(self.framed(RUN), _answers_command, epoch)
        except DeclinedError:
            self._begins_by_ns = 0  # it was not sent
            raise
        try:
            while not await self._begun(epoch=epoch):
                if now_ns() >= self._begins_by_ns:
                    raise UnansweredError(
                        text(
                            "pump.does_not_infuse",
                            "{command}: the pump replied, but does not report that it infuses",
                            command=RUN,
                        )
                    )
                await asyncio.sleep(CHECK_AGAIN_S)
        except DeclinedError as error:  # such as a stop that came first: the start was sent all the same
            raise UnansweredError(
                text("pump.sent_and_then", "{command} was sent, and then {why}", command=RUN, why=of_error(error))
            ) from error.__cause__

    async def _begun(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        """Whether it runs; then no start is pending any more."""
        if not await self.runs(lane=lane, epoch=epoch):
            return False
        self._begins_by_ns = 0
        return True

    async def _stop_once(self) -> None:
        while True:
            answer = await self.send_once(self.framed(STOP), _answers_command, None, lane=Lane.STOP_FRAME)
            if await self._begun(lane=Lane.STOP) or await self.gives_bolus(lane=Lane.STOP):
                raise UnansweredError(
                    text(
                        "pump.replied_and_runs",
                        "{command}: the pump replied {reply}, and reports that it runs",
                        command=STOP,
                        reply=answer,
                    )
                )
            if now_ns() >= self._begins_by_ns:
                return
            await asyncio.sleep(CHECK_AGAIN_S)  # it may still begin by itself

    async def _release(self, epoch: int) -> None:
        """The rest of a stopped infusion stays: a key at the pump continues it, and no source says what ends it."""
        await self.require_stopped(epoch)


def _answers_command(frame: Heard) -> bool:
    """`WT`: the reply to run and to stop alike. What counts is what the pump then reports."""
    return isinstance(frame, Frame) and frame.text == "WT"
