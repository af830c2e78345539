"""The Dianet Star driver: closed loop while the pump holds a program, so that silence ends the flow within 1.2 s.

Promises, in addition to those of `pumpd.driving`:
- Identifying and reading change nothing: IDENT and STATUS come first, and a flowing pump keeps its mode.
- A start is sent only in closed loop, to a pump that reports ready and holds exactly the loaded program (above all its
  VTBD: without one the flow has no end) and no second step (reload).
- The keep-alive continues only while the pump is polled. A stopped pump holds a program for `HOLD` at most.
- A stop is *done* only when STATUS reports no flow. Rate, VTBD and reload are then cleared, so that a key press starts
  nothing.
- A pump that no host controls, or that has lost its address, is switched to closed loop to be stopped. While its keys
  are in use it may refuse everything, even a stop; the stop is then sent again.
"""

import asyncio
import contextlib
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
    port_failed,
    text,
    timed_out,
)
from pumpd.pump import (
    Capabilities,
    Container,
    Identity,
    Mark,
    PumpAlarm,
    PumpClock,
    PumpProgram,
    PumpState,
    Reading,
    word,
)
from pumpd.quantities import Duration, Length
from pumpd_drivers.dianet_star import limits, program, replies
from pumpd_drivers.dianet_star.codec import Garbage, Reply, ReplyFramer, RequestFramer
from pumpd_drivers.dianet_star.dialogue import HOLD, DianetStarDialogue, RefusedError
from pumpd_drivers.dianet_star.segments import LEAVE_16, Action, Actual, DoIt, Ident, Mode, State, Status, Word
from pumpd_drivers.dianet_star.settings import DianetStarSettings

PUMP_WAITS_S = 1.2  # [S] its watchdog in closed loop
START_CHECKS = 3
KEYS_HOLD_BACK_S = 0.3  # between two tries; the pump refuses for 2 s after a key press [S]

_KINDS = {"perfusor-fm": (1019, "Perfusor fm"), "infusomat-fms": (202, "Infusomat fmS")}  # type in the ident number


class DianetStar(DianetStarDialogue):
    family = "dianet-star"
    title = "B. Braun Perfusor fm and Infusomat fmS, clinical pumps (Dianet Star protocol)"
    models = tuple(_KINDS)
    assumptions = DianetStarSettings.assumptions()
    marks = (Mark.SERIAL,)
    codec = Codec(RequestFramer, ReplyFramer, checked=lambda frame: not isinstance(frame, Garbage))
    stop_tries = 10  # while its keys are in use, the pump refuses

    def __init__(self, link: Side[Reply | Garbage], settings: DianetStarSettings) -> None:
        super().__init__(link, settings)
        self._stopped: Status | None = None  # the STATUS that confirmed the last stop
        self._diameter: Length | None = None
        self._given = 0  # the last counter reading, in 0.1 mL

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
            await join(
                port,
                LineSettings(9600),
                ReplyFramer,
                name=chosen.address,
                quiet_s=chosen.quiet_s,
                facts=chosen.line_facts(cls.longest_reply),
            ),
            chosen,
        )

    # -- identify and read -----------------------------------------------------------------------------------

    async def _identify(self, epoch: int) -> Identity:
        ident = await self.get(Ident, epoch=epoch)
        clock = PumpClock(ident.unix_time_s, now_ns()) if self.settings.tells_time else None
        kind, name = _KINDS[self.settings.model]
        if ident.kind != kind:
            raise DeclinedError(
                text(
                    "dianet_star.model",
                    "model: the pump reports type {found}; a {name} is type {kind}",
                    found=ident.kind,
                    name=name,
                    kind=kind,
                )
            )
        if self.settings.serial not in ("", str(ident.serial)):
            raise DeclinedError(
                text(
                    "pump.other_serial",
                    "serial: the pump reports {serial}; the settings allow only {allowed}",
                    serial=ident.serial,
                    allowed=self.settings.serial,
                )
            )
        if self.ident is not None and self.ident.number != ident.number:
            self._loaded, self._given = None, 0  # they belong to the other pump
        self.ident = ident
        try:
            status = await self.status(epoch=epoch)
            left_over = status.state & State.FERNREGEL and not self.hold.alive
        except (DeclinedError, UnansweredError) as error:
            if not (timed_out(error) or isinstance(error, RefusedError)):
                raise
            status, left_over = None, True  # it has no address yet
        if status is None or (left_over and not replies.state(status.state).flowing):
            await self.switch(Mode.DOKU, epoch)
            await self.status(epoch=epoch)
        version = "".join(each for each in ident.version.decode("ascii", "replace").strip() if each.isprintable())
        return Identity(name, version, str(ident.serial), clock)

    async def _read(self) -> Reading:
        asked = now_ns()
        try:
            status = await self.status()
        except (DeclinedError, UnansweredError) as error:
            if not (timed_out(error) or isinstance(error, RefusedError)) or self._unidentified():
                raise
            status = await self._find_again()
        actual = await self.get(Actual)  # last: a pump that reached its end has then counted all of it
        if actual.infused < self._given:
            self.latch(PumpAlarm.PUMP_RESET)  # the counter fell: it no longer counts from `load`
        self._given = actual.infused
        self.hold.renew()
        state = replies.state(status.state)
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
        """A pump that no longer knows its address lost power, or left remote control. Assign the address again, then
        read.
        """
        before, now = self.ident, await self.get(Ident)
        if before is None or now.number != before.number:
            raise DeclinedError(text("dianet_star.another", "another pump replied: serial {serial}", serial=now.serial))
        await self.switch(Mode.DOKU, None)
        status = await self.status()
        self.latch(PumpAlarm.PUMP_RESET)
        return status

    # -- program and flow ------------------------------------------------------------------------------------

    async def _load(self, wanted: PumpProgram, epoch: int) -> None:
        await self._require_stopped(epoch)
        (step,) = wanted.steps
        await program.write(self, step, epoch)
        self._given, self._diameter = 0, wanted.diameter

    async def _read_back(self, epoch: int) -> PumpProgram:
        """The pump measures its syringe itself, so the diameter is the one that was loaded."""
        return PumpProgram((await program.read(self, epoch),), self._diameter)

    async def _start(self, watchdog: Duration, epoch: int) -> None:
        silent_s = self.question_s + PUMP_WAITS_S  # the last keep-alive, its repetitions, and then the pump's own wait
        lease = Duration.from_ns(watchdog.ns - int(silent_s * 1e9))
        if lease <= Duration(0) or watchdog > limits.LONGEST_WATCHDOG:
            raise DeclinedError(
                text(
                    "dianet_star.watchdog",
                    "watchdog: {watchdog} is not above {least} s, within which the pump may stop by itself, and "
                    "up to {longest}",
                    watchdog=watchdog,
                    least=f"{silent_s:.2f}",
                    longest=limits.LONGEST_WATCHDOG,
                )
            )
        await program.require_unused(self, epoch)
        status = await self._require_stopped(epoch)
        if not status.state & State.FERNREGEL:
            raise DeclinedError(text("dianet_star.left_loop", "the pump left closed loop: load the program again"))
        if not status.state & State.RUN_READY:
            raise DeclinedError(
                text("dianet_star.not_ready", "the pump reports that it is not ready to run: see its display")
            )
        self.hold.begin(lease)
        try:
            await self.do(Word.ACTION, DoIt(Action.START_STOP, 1), epoch)
        except RefusedError as refusal:
            await self._confirm(refusal)
            raise
        for _ in range(START_CHECKS):
            if replies.state((await self.status()).state) is PumpState.INFUSING:
                return
        raise UnansweredError(
            text("pump.does_not_run", "{command}: the pump replied, but does not report that it runs", command="start")
        )

    async def _confirm(self, refusal: RefusedError) -> None:
        """A refused start counts as refused only when nothing flows. Raises UnansweredError otherwise."""
        try:
            status = await self.status()
        except (DeclinedError, UnansweredError) as error:
            raise UnansweredError(
                text(
                    "pump.then_not_read",
                    "{refusal}; its state could then not be read: {error}",
                    refusal=of_error(refusal),
                    error=of_error(error),
                )
            ) from error
        if not (state := replies.state(status.state)).no_flow:
            raise UnansweredError(
                text("pump.but_is", "{refusal}; but it is {state}", refusal=of_error(refusal), state=word(state))
            )

    async def _stop(self) -> None:
        try:
            await super()._stop()
        except UnansweredError:
            self.hold.end()  # silence may stop a pump that ignores the stop
            raise
        status, self._stopped = self._stopped, None
        if status is not None and self._holds_loaded_program(status):
            self.hold.begin(HOLD)
            with contextlib.suppress(UnansweredError, DeclinedError):  # the stop itself is done
                await self._clear(status, None, Lane.STOP)

    async def _stop_once(self) -> None:
        """Only STATUS counts. After anything else, control is taken: the pump may have lost its address."""
        try:
            with contextlib.suppress(RefusedError):
                await self.do(Word.ACTION, DoIt(Action.START_STOP, 0), None, lane=Lane.STOP_FRAME)
            status = await self.status(lane=Lane.STOP)
            if (state := replies.state(status.state)).no_flow:
                self._stopped = status
                return
            if status.state & State.OPERATED:
                await asyncio.sleep(KEYS_HOLD_BACK_S)
            raise UnansweredError(
                text(
                    "pump.stop_reports",
                    "{command}: the pump reports that it is {state}",
                    command="stop",
                    state=word(state),
                )
            )
        except (RefusedError, UnansweredError) as error:
            if port_failed(error) or (timed_out(error) and self.link.insists):
                raise
            with contextlib.suppress(UnansweredError, DeclinedError):
                await self.switch(Mode.FERNREGEL, None, lane=Lane.STOP)
            raise

    async def _release(self, epoch: int) -> None:
        status = await self._require_stopped(epoch)
        ours = self._holds_loaded_program(status)
        if ours:
            await self._clear(status, epoch, Lane.NORMAL)
        if ours or not status.state & State.DOKU:
            await self.switch(Mode.DOKU, epoch)
        self.hold.end()

    def _holds_loaded_program(self, status: Status) -> bool:
        """Whether the pump holds the loaded program, or part of one whose loading was interrupted."""
        return self._loaded is not None or bool(status.state & State.FERNREGEL)

    async def _clear(self, status: Status, epoch: int | None, lane: Lane) -> None:
        await program.clear(self, status, epoch, lane)
        self._loaded = None

    async def _require_stopped(self, epoch: int) -> Status:
        status = await self.status(epoch=epoch)
        if (state := replies.state(status.state)) is not PumpState.STOPPED:
            raise DeclinedError(
                text("pump.not_stopped", "the pump is {state}, not stopped: stop it first", state=word(state))
            )
        return status
