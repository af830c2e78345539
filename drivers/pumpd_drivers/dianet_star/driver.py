"""The Dianet Star driver: closed loop while a program is held, so that silence ends the flow within 1.2 s.

Promises, besides those of `pumpd.driving`:
- Looking changes nothing: IDENT and STATUS come first, and a pump that flows keeps its mode.
- A start leaves only in closed loop, for a pump that says it is ready, holds exactly the program that was loaded (its
  VTBD above all: without one the flow has no end) and no second step (reload).
- The keep-alive goes on only while somebody looks at the pump. While it stands, a program is held for `HOLD` at most.
- After a stop rate, VTBD and reload are taken away, so that a key would start nothing.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from pumpd.driving import Codec, DeclinedError, Lane, LineSettings, Side, UnansweredError, join, now_ns, timed_out
from pumpd.pump import Capabilities, Container, Identity, PumpAlarm, PumpClock, PumpProgram, PumpState, Reading
from pumpd.quantities import Duration, Length
from pumpd_drivers.dianet_star import holding, limits, meaning, stopping
from pumpd_drivers.dianet_star.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.dianet_star.segments import LEAVE_16, Action, Actual, DoIt, Ident, Mode, State, Status, Word
from pumpd_drivers.dianet_star.settings import DianetStarSettings
from pumpd_drivers.dianet_star.talking import HOLD, DianetStarLink, RefusedError

PUMP_WAITS_S = 1.2  # [S] its watchdog in closed loop
START_LOOKS = 3

_KINDS = {"perfusor-fm": (1019, "Perfusor fm"), "infusomat-fms": (202, "Infusomat fmS")}  # type in the ident number


class DianetStar(DianetStarLink):
    family = "dianet-star"
    title = "B. Braun Perfusor fm and Infusomat fmS, clinical pumps (Dianet Star protocol)"
    models = tuple(_KINDS)
    assumptions = DianetStarSettings.assumptions()
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: not isinstance(frame, Garbage))

    def __init__(self, link: Side[Reply | Garbage], settings: DianetStarSettings) -> None:
        super().__init__(link, settings)
        self._loaded: PumpProgram | None = None
        self._diameter: Length | None = None
        self._given = 0  # what the counter said last, 0.1 mL

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        return limits.capabilities(cls.family, container, DianetStarSettings.of(settings))

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        DianetStarSettings.of(settings)

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "DianetStar":
        chosen = DianetStarSettings.of(settings)
        return cls(
            await join(port, LineSettings(9600), ReplyFramer, name=chosen.address, quiet_s=chosen.quiet_s), chosen
        )

    # -- bringing up and reading -----------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        ident = await self.get(Ident, epoch=epoch)
        clock = PumpClock(ident.unix_time_s, now_ns()) if self.settings.tells_time else None
        kind, name = _KINDS[self.settings.model]
        if ident.kind != kind:
            raise DeclinedError(f"model: the pump says type {ident.kind}; a {name} is type {kind}")
        if self.settings.serial not in ("", str(ident.serial)):
            raise DeclinedError(f"serial: the pump says {ident.serial}; the settings allow {self.settings.serial} only")
        if self.ident is not None and self.ident.number != ident.number:
            self._loaded, self._given = None, 0  # they are the other pump's
        self.ident = ident
        try:
            status = await self.status(epoch=epoch)
            left_over = status.state & State.FERNREGEL and not self.hold.alive
        except (DeclinedError, UnansweredError) as error:
            if not (timed_out(error) or isinstance(error, RefusedError)):
                raise
            status, left_over = None, True  # it has no address yet
        if status is None or (left_over and not meaning.state(status.state).flowing):
            await self.switch(Mode.DOKU, epoch)
            await self.status(epoch=epoch)
        version = "".join(each for each in ident.version.decode("ascii", "replace").strip() if each.isprintable())
        return Identity(name, version, str(ident.serial), clock)

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            status = await self.status()
        except (DeclinedError, UnansweredError) as error:
            if not (timed_out(error) or isinstance(error, RefusedError)) or self._strange():
                raise
            status = await self._find_again()
        actual = await self.get(Actual)  # last: a pump that reached its end has counted all of it
        if actual.infused < self._given:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: what it says now is not from `load` on
        self._given = actual.infused
        self.hold.renew()
        state = meaning.state(status.state)
        if state is PumpState.STOPPED and any(alarm.stops_flow for alarm in self.alarms):
            state = PumpState.ALARM
        return Reading(
            asked,
            now_ns(),
            state,
            limits.rate(status.rate),
            limits.volume(actual.infused),
            tuple(self.alarms),
            mains=bool(status.state & State.MAINS),
            battery_left_min=None if actual.battery_min == LEAVE_16 else actual.battery_min,
        )

    async def _find_again(self) -> Status:
        """A pump that no longer knows its address lost its power, or our control. It gets it back to be read."""
        before, now = self.ident, await self.get(Ident)
        if before is None or now.number != before.number:
            raise DeclinedError(f"another pump answers: serial {now.serial}")
        await self.switch(Mode.DOKU, None)
        status = await self.status()
        self.latch(PumpAlarm.PUMP_RESET)
        return status

    # -- programming and flow --------------------------------------------------------------------------------

    async def _load(self, program: PumpProgram, epoch: int) -> None:
        await self._require_rest(epoch)
        self._loaded = None
        (step,) = program.steps
        await holding.give(self, step, epoch)
        self._given, self._loaded, self._diameter = 0, program, program.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        """The pump measures its syringe itself and is told no diameter."""
        return PumpProgram((await holding.held(self, epoch),), self._diameter)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        silent_s = self.question_s + PUMP_WAITS_S  # the last keep-alive, its repetitions, and then the pump's own wait
        lease = Duration.from_ns(watchdog.ns - int(silent_s * 1e9))
        if lease <= Duration(0) or watchdog > limits.LONGEST_WATCHDOG:
            raise DeclinedError(
                f"watchdog: {watchdog} is not above {silent_s:.2f} s, within which the pump may stop by itself, and up "
                f"to {limits.LONGEST_WATCHDOG}"
            )
        if self._loaded is None:
            raise DeclinedError("no program was loaded: load one first")
        if (held := await holding.held(self, epoch)) not in self._loaded.steps:
            raise DeclinedError(f"the pump holds {held.volume} at {held.rate}: load the program again")
        await holding.must_be_unused(self, epoch)
        status = await self._require_rest(epoch)
        if not status.state & State.FERNREGEL:
            raise DeclinedError("the pump fell out of closed loop: load the program again")
        if not status.state & State.RUN_READY:
            raise DeclinedError("the pump says that it is not ready to run: see its display")
        self.hold.begin(lease)
        try:
            await self.do(Word.ACTION, DoIt(Action.START_STOP, 1), epoch)
        except RefusedError as refusal:
            await self._believe(refusal)
            raise
        for _ in range(START_LOOKS):
            if meaning.state((await self.status()).state) is PumpState.INFUSING:
                return
        raise UnansweredError("start: the pump answered, and does not say that it runs")

    async def _believe(self, refusal: RefusedError) -> None:
        try:
            status = await self.status()
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(f"{refusal}; then no word on its state: {error}") from error
        if meaning.state(status.state).flowing:
            raise UnansweredError(f"{refusal}; yet it flows")

    async def _stop(self) -> None:
        try:
            status = await stopping.stand(self)
        except UnansweredError:
            self.hold.end()  # what does not stop when it is told to has one reason more: nobody talks to it
            raise
        if self._holds_ours(status):
            self.hold.begin(HOLD)
            with contextlib.suppress(UnansweredError, DeclinedError):  # tried, not insisted on: the stop itself is done
                await self._take_away(status, None, Lane.STOP)

    async def _release(self, epoch: int) -> None:
        status = await self._require_rest(epoch)
        ours = self._holds_ours(status)
        if ours:
            await self._take_away(status, epoch, Lane.NORMAL)
        if ours or not status.state & State.DOKU:
            await self.switch(Mode.DOKU, epoch)
        self.hold.end()

    def _holds_ours(self, status: Status) -> bool:
        """A program, or what came of one that was not loaded to its end."""
        return self._loaded is not None or bool(status.state & State.FERNREGEL)

    async def _take_away(self, status: Status, epoch: int | None, lane: Lane) -> None:
        await holding.take_away(self, status, epoch, lane)
        self._loaded = None

    async def _require_rest(self, epoch: int) -> Status:
        status = await self.status(epoch=epoch)
        if (state := meaning.state(status.state)) is not PumpState.STOPPED:
            raise DeclinedError(f"the pump is {state}, not stopped: stop it first")
        return status
