"""The Poseidon driver: one motor of a pump that reports no volume, no state and no end, and has no watchdog.

Promises, in addition to those of `pumpd.pump.driver`:
- The pump gets a move of two seconds at a time. Control that no longer polls, or a dead process, ends the flow with it.
- `RUN` is sent only to a pump whose clock has shown that nothing moves. A start is *done* when it is then frozen.
- A stop lists no motor; it is *done* when it was echoed, and two later echoes show a clock that runs.
- `delivered` and `rate` are calculated here, never reported by the pump. A stalled motor, an empty syringe and a motor
  without its supply are not seen.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, join, now_ns, text, timed_out
from pumpd.pump import Capabilities, Container, Identity, PumpAlarm, PumpProgram, PumpState, Reading, StopFrames
from pumpd.quantities import Duration, Rate
from pumpd_drivers.poseidon import limits, program
from pumpd_drivers.poseidon.codec import Reply, ReplyFramer, RequestFramer
from pumpd_drivers.poseidon.dialogue import STOP, PoseidonDialogue, now_s
from pumpd_drivers.poseidon.replies import Sign
from pumpd_drivers.poseidon.settings import PoseidonSettings
from pumpd_drivers.poseidon.slices import Slices

BAUDRATE = 230400
DECIDED_S = 0.75  # after this, two echoes have shown whether the pump's clock runs
AGAIN_S = 0.06
SHOWN_S = 0.5  # each phase of the light


class Poseidon(PoseidonDialogue):
    family = "poseidon"
    title = "Poseidon, an open-source laboratory syringe pump with three motors (not for clinical use on humans)"
    models = ("poseidon",)
    assumptions = PoseidonSettings.assumptions()
    syringes = limits.SYRINGES
    signals = text("poseidon.signals", "the light L on the pump's board goes out and comes on")
    codec = Codec(RequestFramer, ReplyFramer)
    late_answers = 20

    def __init__(self, link: Side[Reply], settings: PoseidonSettings) -> None:
        super().__init__(link, settings)
        self._slices = Slices(self)
        self._plan: limits.Plan | None = None
        self._known_on = 0  # the connection on which the pump was identified last

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, PoseidonSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        PoseidonSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Poseidon":
        """One driver for a port: a frame for another motor would end the move of this one."""
        chosen = PoseidonSettings.of(settings)
        name = text("poseidon.one_motor", "the pump, of which one motor can be used at a time,")
        return cls(
            await join(
                port,
                LineSettings(BAUDRATE),
                ReplyFramer,
                name=name,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    @property
    def stop_frames(self) -> StopFrames:
        return StopFrames((STOP.to_bytes(),))

    async def close(self) -> None:
        """Release the port. The present slice moves on to its end; none follows."""
        self._slices.end()
        await super().close()

    # -- what happens at the pump ----------------------------------------------------------------------------

    @property
    def own_slices(self) -> bool:
        return self._slices.wanted and self._known_on == self.connections

    def on_idle(self, heard_s: float) -> None:
        self._slices.ended(heard_s)

    def on_restart(self) -> None:
        self._plan = None
        self._slices.lost()
        if self._known_on == self.connections:
            self.latch(PumpAlarm.PUMP_RESET)

    # -- identify --------------------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        """There is no question for it: a pump whose echo is right in every field is a Poseidon."""
        if self._known_on != self.connections:
            self._plan = None
            self._slices.end()
            await self._boot()
        if await self.ping(epoch) in (Sign.FIRST, Sign.SAME):
            await self._decided(epoch)
        self._known_on = self.connections
        return Identity("poseidon", "")

    async def _boot(self) -> None:
        """Opening the port may have reset the board: wait for its ready text, or as long as it may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(float(self.settings.boot_s)):
                await self.ready.wait()

    async def _decided(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        """Ask until the pump's clock runs, or is frozen for so long that the pump moves or waits."""
        until_s = now_s() + DECIDED_S
        while not self.idle and now_s() < until_s:
            await asyncio.sleep(AGAIN_S)
            if await self.ping(epoch, lane) is Sign.FROZEN:
                return

    # -- read ------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        asked = now_ns()
        sign = await self.ping()
        if not (self.idle or self._slices.active or sign is Sign.FROZEN):
            await self._decided(None)
        self._slices.renew()
        if self._slices.faulty:
            self.latch(PumpAlarm.PUMP_FAULT)
        return Reading(asked, now_ns(), self._state(), self._rate(), self._slices.volume, tuple(self.alarms))

    def _state(self) -> PumpState:
        if self._slices.active or not self.idle:
            return PumpState.INFUSING
        return PumpState.ALARM if any(alarm.stops_flow for alarm in self.alarms) else PumpState.STOPPED

    def _rate(self) -> Rate:
        return self._plan.program.steps[0].rate if self._plan is not None else Rate(0)

    # -- program and flow ------------------------------------------------------------------------------------

    def _unfit(self, wanted: PumpProgram) -> list[str]:
        reasons = limits.diameter_reasons(wanted.diameter)
        return reasons or [*super()._unfit(wanted), *limits.time_reasons(wanted)]

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await self._require_idle(epoch)
        self._plan = plan = limits.Plan.of(wanted, self.settings)
        self._slices.load(plan)
        await program.write(self, plan, epoch)
        if self._plan is not plan:
            raise DeclinedError(
                text("poseidon.restarted", "the pump restarted while it was programmed: identify it again")
            )

    async def _read_back(self, epoch: int) -> PumpProgram:
        return await program.read(self, self._plan, epoch)

    async def _require_idle(self, epoch: int) -> None:
        if self._slices.active:
            raise DeclinedError(text("pump.infusing_stop_first", "the pump is infusing: stop it first"))
        await self.ping(epoch)
        await self._decided(epoch)
        if not self.idle:
            raise DeclinedError(
                text("poseidon.frozen", "the pump's clock is frozen, so it moves or is paused: stop it first")
            )

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        await self._require_idle(epoch)
        if self._plan is None or self._slices.begun:
            raise DeclinedError(
                text("poseidon.not_loaded", "no program was loaded since the last start: load one first")
            )
        await self._slices.first(epoch)
        self._slices.follow(watchdog)

    async def _stop_once(self) -> None:
        self._slices.end()
        await self.stop_moving()
        self._slices.halted()
        if await self._rests():
            return
        await self.end_pause()
        if not await self._rests():
            raise UnansweredError(
                text(
                    "poseidon.stop_frozen", "STOP: the pump echoes it, but its clock is frozen: it moves, or is paused"
                )
            )

    async def _rests(self) -> bool:
        """Two echoes, because there is no check sum, show that the pump's clock runs: nothing moves or waits to."""
        await self._decided(None, Lane.STOP)
        if self.idle:
            await self.ping(None, Lane.STOP)
        return self.idle

    async def _release(self, epoch: int) -> None:
        await self._require_idle(epoch)

    async def _signal(self, times: int, epoch: int) -> None:
        """The light goes out with any byte outside of a frame, and comes on with the end of a frame."""
        await self._require_idle(epoch)
        for _ in range(times):
            try:
                await self.send_once(b"\n", lambda _: False, epoch)  # the pump ignores it, and sends nothing
            except UnansweredError as error:
                if not timed_out(error):
                    raise
            await self.ping(epoch)
            await asyncio.sleep(SHOWN_S)
