"""The Alaris Asena driver: a control token that lapses, a volume that ends the flow, and a confirmed syringe.

Promises, in addition to those of `pumpd.driving`:
- The token is repeated only while the pump is polled (`KeepAlive`), and not after an unconfirmed stop; when the token
  lapses, the pump stops by itself.
- Each load allows one start. Right before it, the pump itself reports that it is stopped, that its syringe is confirmed
  and suits the rate, and that it holds exactly the loaded rate and volume. A start is *done* when the pump reports
  flow.
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
    now_ns,
    of_error,
    text,
)
from pumpd.pump import Capabilities, Container, Identity, Mark, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Length, Volume
from pumpd_drivers.alaris_asena import limits, program
from pumpd_drivers.alaris_asena.codec import Framer, Message
from pumpd_drivers.alaris_asena.dialogue import AlarisDialogue, Heard
from pumpd_drivers.alaris_asena.replies import alarm
from pumpd_drivers.alaris_asena.settings import AlarisSettings

START_CHECKS = 8
CHECK_AGAIN_S = 0.1  # a motor may take some time to stop

_PROTOCOL = re.compile(r"Asena Rev (?P<revision>[0-9]{1,4}(?:\.[0-9]{1,4}){0,5})")


class AlarisAsena(AlarisDialogue):
    family = "alaris-asena"
    title = "Alaris Asena GH and CC, clinical syringe pumps (remote control up to firmware 2.3.6)"
    models = ("asena-gh", "asena-cc")  # the protocol does not distinguish them
    assumptions = AlarisSettings.assumptions()
    marks = (Mark.SERIAL,)
    codec = Codec(Framer, Framer, checked=lambda frame: isinstance(frame, Message))

    def __init__(self, link: Side[Heard], settings: AlarisSettings) -> None:
        super().__init__(link, settings)
        self._diameter: Length | None = None
        self._given = Volume(0)  # the last counter reading: the counter never falls by itself

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, AlarisSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        AlarisSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "AlarisAsena":
        chosen = AlarisSettings.of(settings)
        return cls(
            await join(
                port, LineSettings(38400), Framer, quiet_s=chosen.quiet_s, facts=chosen.line_facts(cls.longest_reply)
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        """Without the token, which would keep control alive: once it has lapsed, the pump has stopped by itself."""
        return StopFrames((Message("INF_STOP").to_bytes(),))

    # -- identify and read -----------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        serial = "".join((await self.question("INST_SERIALNO", epoch=epoch))[:1])
        reply = " ".join(await self.question("COMMS_PROTOCOL", epoch=epoch))
        protocol = _PROTOCOL.fullmatch(reply)
        if not serial or protocol is None:
            raise DeclinedError(
                text(
                    "alaris_asena.no_asena",
                    "the pump reports serial {serial} and protocol {protocol}: this is no Asena",
                    serial=f"{serial!r}",
                    protocol=f"{reply!r}",
                )
            )
        revision = protocol["revision"]
        newest = self.settings.newest_firmware
        if self.settings.firmware_is_revision and tuple(map(int, revision.split("."))) > newest:
            last = ".".join(map(str, newest))
            raise DeclinedError(
                text(
                    "alaris_asena.firmware",
                    "firmware: {revision} has no remote control; {last} is the last that has",
                    revision=revision,
                    last=last,
                )
            )
        if not self.control.identified(serial):
            self._loaded, self._given = None, Volume(0)
        return Identity("Asena", revision, serial)

    async def _read(self) -> Reading:
        asked = now_ns()
        status = await self.status()
        halted = False
        if status.flagged and (reported := alarm(await self.question("ALARM"), self.settings)):
            self.latch(reported)
            halted = reported.stops_flow
        if status.infused < self._given:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: it no longer counts from `load`
        self._given = status.infused
        self.control.renew()
        state = PumpState.INFUSING
        if status.stopped(self.settings):
            state = PumpState.ALARM if halted or PumpAlarm.PUMP_RESET in self.alarms else PumpState.STOPPED
        return Reading(
            asked, now_ns(), state, status.rate, status.infused, tuple(self.alarms), pressure_mmhg=status.pressure_mmhg
        )

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        self._given = Volume(0)  # the counter is cleared
        await program.write(self, wanted, epoch)
        self._diameter = wanted.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, self._diameter, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        # The time allowed without a poll, less the pump's own wait, less how late the last token may arrive.
        wait_s = self.settings.token_lapse_s + self.settings.reply_timeout_s + self.settings.quiet_s
        lease_s = watchdog.ns / 1e9 - wait_s
        if lease_s <= 0 or watchdog > limits.LONGEST_LEASE:
            raise DeclinedError(
                text(
                    "alaris_asena.watchdog",
                    "watchdog: {watchdog} is not within {least} s to {longest}",
                    watchdog=watchdog,
                    least=f"{wait_s:g}",
                    longest=limits.LONGEST_LEASE,
                )
            )
        assert self._loaded is not None  # `start` refuses without
        try:
            await self._require_ready(self._loaded, epoch)
        except UnansweredError as error:
            raise DeclinedError(
                text("alaris_asena.not_sent", "INF_START was not sent: {why}", why=of_error(error))
            ) from error
        self._loaded = None
        self.control.keep(Duration.from_ns(int(lease_s * 1e9)))
        await self.command("INF_START", epoch=epoch)
        for _ in range(START_CHECKS):
            status = await self.status(epoch=epoch)
            if status.rate and not status.stopped(self.settings):
                return
            await asyncio.sleep(CHECK_AGAIN_S)
        raise UnansweredError(
            text(
                "pump.does_not_infuse",
                "{command}: the pump replied, but does not report that it infuses",
                command="INF_START",
            )
        )

    async def _require_ready(self, loaded: PumpProgram, epoch: int) -> None:
        await self.require_stopped(epoch)
        await program.require_syringe(self, loaded.highest_rate, epoch)
        await self.control.take(epoch)

    async def _stop(self) -> None:
        try:
            await super()._stop()
        except (DeclinedError, UnansweredError):
            self.control.let_lapse()
            raise

    async def _stop_once(self) -> None:
        await self.command("INF_STOP", epoch=None, lane=Lane.STOP_FRAME)
        if await self.rests():
            return
        if self.control.serial:  # it may accept a stop from its controller only
            await self.control.take(None, Lane.STOP)
        await asyncio.sleep(CHECK_AGAIN_S)
        raise UnansweredError(
            text("pump.has_not_stopped", "{command}: the pump does not report that it has stopped", command="INF_STOP")
        )

    async def _release(self, epoch: int) -> None:
        await self.require_stopped(epoch)
        await self.control.give_back(epoch)
