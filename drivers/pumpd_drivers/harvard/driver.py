"""The Harvard driver, for pumps that have no watchdog: nothing but their own targets ends a flow that nobody watches.

Promises, besides those of `pumpd.pump.driver`:
- `irun` leaves only for a pump at rest, with its counter at nothing, that confirms just then a target volume and a
  target time. It is *done* when its own reply says infusing.
- Replies name no command. A question is known by the shape of its answer; a setting is believed when it is read back.
- A stop is *done* when `status` shows a motor at rest. What is then left at the pump is bounded by the same targets: a
  key at its panel would go on with the rest, since clearing them would make that key unlimited.
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
    now_ns,
    timed_out,
)
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
from pumpd.quantities import Duration, Volume
from pumpd_drivers.harvard import holding, limits
from pumpd_drivers.harvard.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.harvard.settings import HarvardSettings
from pumpd_drivers.harvard.status import SHAPE, Status
from pumpd_drivers.harvard.talking import HarvardLink, consents, shaped

STOP_TRIES = 3  # within one call; the caller repeats the call until the stop is believed

_SHOWN = Decimal("1.001")  # two ways to say one volume differ by less: the pump shows six digits
_VERSION = re.compile(r"(?P<model>(?!\d\d:)\S.*\S) v?\d+(?:\.\d+)+", re.ASCII)


class Harvard(HarvardLink):
    family = "harvard"
    title = 'Harvard Apparatus and KD Scientific "Ultra" laboratory syringe pumps (not for clinical use on humans)'
    models = ("11-elite", "phd-ultra", "legato-100", "legato-110")
    assumptions = HarvardSettings.assumptions()
    codec = Codec(RequestFramer, ReplyFramer)

    def __init__(self, link: Side[Reply | Garbage], settings: HarvardSettings) -> None:
        super().__init__(link, settings)
        self._given = Volume(0)  # what the pump said last: its counter never falls by itself
        self._loaded: PumpProgram | None = None

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        chosen = HarvardSettings.of(settings)
        if reasons := limits.diameter_reasons(container.diameter, chosen):
            raise ValueError("; ".join(reasons))
        assert container.diameter is not None  # diameter_reasons has seen it
        low, high = limits.rate_range(container.diameter, chosen)
        return Capabilities(
            family=cls.family,
            kind=PumpKind.SYRINGE,
            rate_grid=limits.grid(chosen),
            volume_grid=limits.grid(chosen),
            rate_min=low,
            rate_max=high,
            volume_max=Volume(chosen.volume_max_ml),
            max_steps=1,
            loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
        )

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        HarvardSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Harvard":
        chosen = HarvardSettings.of(settings)
        line = LineSettings(chosen.baudrate)
        return cls(await join(port, line, ReplyFramer, name=chosen.address, quiet_s=chosen.quiet_s), chosen)

    @property
    def stop_frames(self) -> StopFrames:
        return StopFrames((self.framed("stp"),))

    # -- bringing up -----------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        await self._make_pollable(epoch)
        said = await self.question("version", lambda reply: "Serial number" in _fields(reply), epoch=epoch)
        version = _fields(said)
        if version.get("Pump address", "").strip() != str(self.settings.address):
            raise DeclinedError(f"address: the pump says it is {version.get('Pump address')!r}")
        serial = version["Serial number"]
        if self.settings.serial not in ("", serial):
            raise DeclinedError(f"serial: the pump says {serial}; the settings allow {self.settings.serial} only")
        firmware = version.get("Firmware", "")
        if not self.settings.asks_ver:
            return Identity("ultra", firmware, serial)
        return Identity((await self.match("ver", _VERSION, epoch))["model"], firmware, serial)

    async def _make_pollable(self, epoch: int) -> None:
        """Replies that end in XON with no echo ahead of them; neither touches what the pump is doing."""
        for command in ("poll on", "echo off"):
            try:
                await self.set(command, epoch)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
            else:
                return
        await self.question("poll on", consents, epoch=epoch)

    # -- reading ---------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            held = limits.rate(await self.match("irate", limits.RATE))
        except UnansweredError as error:
            if not timed_out(error) or self._strange():
                raise
            await self.set("poll on", None)  # it forgot: it lost its power
            self.latch(PumpAlarm.PUMP_RESET)
            held = limits.rate(await self.match("irate", limits.RATE))
        status = await self._status()  # last: state and volume are of one instant
        given = status.displaced
        if status.withdraws:
            given = limits.volume(await self.match("ivolume", limits.VOLUME))
        if given.times(_SHOWN) < self._given:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: what it says now is not from `load` on
        self._given = given
        for alarm in status.alarms:
            self.latch(alarm)
        state = status.state
        if state is PumpState.STOPPED and any(alarm.stops_flow for alarm in self.alarms):
            state = PumpState.ALARM
        return Reading(asked, now_ns(), state, status.rate(held), given, tuple(self.alarms))

    async def _status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Status:
        return Status.of(await self.question("status", shaped(SHAPE), lane=lane, epoch=epoch))

    # -- programming and flow --------------------------------------------------------------------------------

    def _unfit(self, program: PumpProgram) -> list[str]:
        reasons = limits.diameter_reasons(program.diameter, self.settings)
        return reasons or [*super()._unfit(program), *limits.time_reasons(program)]

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        await self._require_rest(epoch)
        self._loaded = None
        await holding.give(self, program, epoch)
        await self._require_untouched(epoch)
        self._loaded = program

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await holding.held(self, epoch)

    async def _start(self, watchdog: Duration, epoch: int) -> None:  # noqa: ARG002 - these pumps have none to arm
        if (program := self._loaded) is None:
            raise DeclinedError("no program was loaded: load one first")
        await self._require_untouched(epoch)
        await holding.require_targets(self, program, epoch)
        reply = await self.command("irun", lambda reply: reply.prompt == ">" and not reply.lines, epoch)
        if reply.error is None:
            return
        try:
            status = await self._status(epoch=epoch)
        except DeclinedError as error:  # a stop came in between
            raise UnansweredError(f"irun: the pump refuses ({reply.error}), and was not seen to stand still") from error
        if not status.at_rest or status.displaced:
            raise UnansweredError(f"irun: the pump refuses ({reply.error}), and does not stand still")
        raise DeclinedError(f"irun: the pump refuses: {reply.error}")

    async def _stop(self) -> None:
        heard: Exception = UnansweredError("stp: not sent")
        for _ in range(STOP_TRIES):
            try:
                await self.command("stp", consents, None, lane=Lane.STOP)
                status = await self._status(lane=Lane.STOP)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                heard = error
                with contextlib.suppress(UnansweredError):  # a pump that lost its power stops, and says so without XON
                    await self.command("poll on", consents, None, lane=Lane.STOP)
                continue
            if status.at_rest:
                return
            heard = UnansweredError(f"stp: the pump is {status.state}")
        raise heard

    async def _release(self, epoch: int) -> None:
        """Nothing was armed; the targets stay, so that a key at the panel never starts an unlimited run."""
        await self._require_rest(epoch)

    async def _require_rest(self, epoch: int) -> Status:
        status = await self._status(epoch=epoch)
        if not status.at_rest:
            raise DeclinedError(f"the pump is {status.state}: stop it first")
        return status

    async def _require_untouched(self, epoch: int) -> None:
        """At rest with nothing given: a target that counts from here bounds all that flows."""
        status = await self._require_rest(epoch)
        given = limits.volume(await self.match("ivolume", limits.VOLUME, epoch))
        if given or (status.displaced and not status.withdraws):
            raise DeclinedError(f"the pump's counter says {given}, so its target is not the program's: load it again")
        self._given = Volume(0)


def _fields(reply: Reply) -> dict[str, str]:
    """`Serial number: D101754` and its like."""
    return {
        name.strip(): text.strip()
        for name, found, text in (line.partition(":") for line in reply.plain_lines())
        if found
    }
