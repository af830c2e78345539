"""The Harvard driver, for pumps without a watchdog: only their own targets end a flow that no host monitors.

Promises, in addition to those of `pumpd.pump.driver`:
- `irun` is sent only to a stopped pump with its counter at 0, right after it reported the loaded program with a target
  volume and a target time. It is *done* when its own reply reports infusing.
- Replies name no command. An answer is recognised by its shape; a setting counts once it has been read back.
- A stop is *done* when `status` reports a stopped motor; where only prompts can be read, when the answers to `stp` and
  `status` both show that of a stopped motor. After any other answer, and after silence, `stp` is sent again. The
  targets stay set: a key press at the panel then delivers at most the rest, whereas without targets it would start an
  unlimited run.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pumpd.driving import (
    Codec,
    DeclinedError,
    LineSettings,
    Side,
    UnansweredError,
    join,
    now_ns,
    of_error,
    text,
    timed_out,
)
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Volume
from pumpd.wire import ReplyTimeoutError
from pumpd_drivers.harvard import limits, program
from pumpd_drivers.harvard.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.harvard.dialogue import HarvardDialogue, consents
from pumpd_drivers.harvard.replies import shows_stopped
from pumpd_drivers.harvard.settings import HarvardSettings

_SHOWN = Decimal("1.001")  # one volume in two notations differs by less: the pump shows six digits
_VERSION = re.compile(r"(?P<model>(?!\d\d:)\S.*\S) v?\d+(?:\.\d+)+", re.ASCII)


class Harvard(HarvardDialogue):
    family = "harvard"
    title = 'Harvard Apparatus and KD Scientific "Ultra" laboratory syringe pumps (not for clinical use on humans)'
    models = ("11-elite", "phd-ultra", "legato-100", "legato-110")
    assumptions = HarvardSettings.assumptions()
    marks = (Mark.SERIAL,)
    codec = Codec(RequestFramer, ReplyFramer)
    stop_tries = 4

    def __init__(self, link: Side[Reply | Garbage], settings: HarvardSettings) -> None:
        super().__init__(link, settings)
        self._given = Volume(0)  # the last counter reading: the counter never falls by itself

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, HarvardSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        HarvardSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Harvard":
        chosen = HarvardSettings.of(settings)
        line = LineSettings(chosen.baudrate)
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
        return StopFrames((self.framed("stp"),))

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self._make_pollable(epoch)
        version = _fields(await self.question("version", lambda reply: "Serial number" in _fields(reply), epoch=epoch))
        if version.get("Pump address", "").strip() != str(self.settings.address):
            raise DeclinedError(
                text(
                    "harvard.address", "address: the pump reports {address}", address=f"{version.get('Pump address')!r}"
                )
            )
        serial = version["Serial number"]
        if self.settings.serial not in ("", serial):
            raise DeclinedError(
                text(
                    "pump.other_serial",
                    "serial: the pump reports {serial}; the settings allow only {allowed}",
                    serial=serial,
                    allowed=self.settings.serial,
                )
            )
        firmware = version.get("Firmware", "")
        if not self.settings.asks_ver:
            return Identity("ultra", firmware, serial)
        return Identity((await self.match("ver", _VERSION, epoch))["model"], firmware, serial)

    async def _make_pollable(self, epoch: int) -> None:
        """Make replies end in XON, without an echo before them; neither setting affects what the pump is doing."""
        for command in ("poll on", "echo off"):
            try:
                await self.first_words(command, epoch)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
            else:
                return
        await self.question("poll on", consents, epoch=epoch)

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            held = limits.rate(await self.match("irate", limits.RATE))
        except UnansweredError as error:
            if not timed_out(error) or self._flow_told(error) is not None or self._unidentified():
                raise  # it answered, with XON, what is not understood
            await self.set("poll on", None)  # it lost this setting, so it lost power
            self.latch(PumpAlarm.PUMP_RESET)
            held = limits.rate(await self.match("irate", limits.RATE))
        status = await self.status()  # last: state and volume are of one instant
        given = status.displaced
        if status.withdraws:
            given = limits.volume(await self.match("ivolume", limits.VOLUME))
        if given.times(_SHOWN) < self._given:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: it no longer counts from `load`
        self._given = given
        for alarm in status.alarms:
            self.latch(alarm)
        state = status.state
        if state is PumpState.STOPPED and any(alarm.stops_flow for alarm in self.alarms):
            state = PumpState.ALARM
        return Reading(asked, now_ns(), state, status.rate(held), given, tuple(self.alarms))

    # -- program and flow ------------------------------------------------------------------------------------

    def _unfit(self, program: PumpProgram) -> list[str]:
        reasons = limits.diameter_reasons(program.diameter, self.settings)
        return reasons or [*super()._unfit(program), *limits.time_reasons(program)]

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await self.require_stopped(epoch)
        await program.write(self, wanted, epoch)
        await self._require_unused(epoch)

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        await self._require_unused(epoch)
        reply = await self.command("irun", lambda reply: reply.prompt == ">" and not reply.lines, epoch)
        if reply.error is None:
            return
        try:
            status = await self.status(epoch=epoch)
        except DeclinedError as error:  # a stop came in between
            raise UnansweredError(
                text(
                    "pump.refuses_unread",
                    "{command}: the pump refuses ({error}), and its state was not read",
                    command="irun",
                    error=reply.error,
                )
            ) from error
        if not status.stopped or status.displaced:
            raise UnansweredError(
                text(
                    "pump.refuses_not_stopped",
                    "{command}: the pump refuses ({error}), but is not stopped",
                    command="irun",
                    error=reply.error,
                )
            )
        raise DeclinedError(text("pump.refuses", "{command}: the pump refuses: {why}", command="irun", why=reply.error))

    async def _stop_once(self) -> None:
        first = await self.heard_after("stp")
        if isinstance(first, UnansweredError) and self.link.insists:  # sent again; without a status it shows nothing
            raise UnansweredError(of_error(first)) from ReplyTimeoutError(of_error(first))
        second = await self.heard_after("status")  # also after silence: some chained pumps answer only questions
        if isinstance(second, UnansweredError):
            if not self.link.insists:
                await self.heard_after("poll on")  # after a power cut it is stopped, and replies without XON
            raise first if isinstance(first, UnansweredError) else second
        if not shows_stopped(first, second):
            raise UnansweredError(
                text(
                    "harvard.not_stopped", "stp: the pump does not report that it stopped, but {second}", second=second
                )
            )

    def flow_in(self, frame: Reply | Garbage) -> bool | None:
        """By the prompts beside a text; a prompt alone may belong to anything."""
        if not self.from_us(frame) or not frame.has_text:
            return None
        return True if frame.says_moving else False if frame.says_stopped else None

    async def _release(self, epoch: int) -> None:
        """Nothing was armed; the targets stay, so that a key at the panel never starts an unlimited run."""
        await self.require_stopped(epoch)

    async def _require_unused(self, epoch: int) -> None:
        """Stopped and nothing delivered: a target that counts from here limits everything that flows."""
        status = await self.require_stopped(epoch)
        given = limits.volume(await self.match("ivolume", limits.VOLUME, epoch))
        if given or (status.displaced and not status.withdraws):
            raise DeclinedError(
                text(
                    "pump.counter_shows",
                    "the pump's counter shows {given}, so its target is not the program's: load it again",
                    given=given,
                )
            )
        self._given = Volume(0)


def _fields(reply: Reply) -> dict[str, str]:
    """The lines of the form `Serial number: D101754`, by name."""
    return {
        name.strip(): text.strip()
        for name, found, text in (line.partition(":") for line in reply.plain_lines())
        if found
    }
