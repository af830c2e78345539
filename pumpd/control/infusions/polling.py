"""One pump's own loop: open the port, identify the pump, poll it, and send what waits, one after the other.

Promises:
- An answer counts as this pump's only while the pump is identified. After a lost port, a silence longer than two polls,
  or a reset, it is identified again before anything else (COM-10).
- A pump other than the configured one is sent nothing at all, except a stop that a person asks for.
- A pump that is found flowing, or waiting to flow, is stopped.
- A program that a waiting pump no longer holds is loaded again, or its order ends: not every pump can report that it
  was switched off.
- When pumpd or a driver fails here, the pump is stopped, and the loop starts over.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from pumpd.control import describe
from pumpd.control.infusions import pump_clock
from pumpd.control.infusions.alike import Alike
from pumpd.control.infusions.commands import Commands
from pumpd.control.infusions.deadman import PumpDeadman
from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.control.infusions.unprescribed import UnprescribedFlow
from pumpd.host.clock import Clock
from pumpd.infusion import Limits, State
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks.read_back import faults
from pumpd.pump import Done, Driver, PumpAlarm, Reading, Refused, Unknown, no_flow_since, stopped
from pumpd.texts import listed, text

log = structlog.get_logger("pumpd.control")

IDLE_POLL_S = 1.0
LEAST_PAUSE_S = 0.001  # between two polls, so that a port that fails at once cannot block a stop
CONNECT_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)
FAILED_PAUSE_S = 1.0
PREPARED = (State.LOADING, State.READY, State.ARMED)  # the pump holds, or is given, a program that was not started


class Polling:
    """`problem` says why the pump is not available, empty when it is. `stop` stops the pump and takes the reason.

    `last_turn_ns`: when the loop last came round, as evidence for the watchdog. No step in between takes longer than a
    read with all its retries.
    """

    def __init__(
        self,
        port: str,
        current: PumpInfusion,
        commands: Commands,
        line: PumpLine,
        deadman: PumpDeadman,
        unprescribed: UnprescribedFlow,
        journal: PumpJournal,
        clock: Clock,
        limits: Limits,
        stop: Callable[[str], None],
        alike: Alike[Any],
        *,
        simulated: bool,
        monitor_only: bool,
    ) -> None:
        self._simulated, self._alike = simulated, alike
        self._port, self._current, self._commands, self._line = port, current, commands, line
        self._deadman, self._unprescribed, self._journal = deadman, unprescribed, journal
        self._clock, self._limits, self._stop, self._monitor_only = clock, limits, stop, monitor_only
        self.problem: str = text("link.not_connected", "not connected yet")
        self.reading: Reading | None = None
        self.last_turn_ns = 0
        self._no_flow_since_ns: int | None = None
        self._reset_seen = False
        self._reset_doubted = False  # until it was identified again
        self._next_poll = 0.0
        self._clock_asked_ns = 0  # in the loop's time
        self._at_rest = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Nothing may flow, and readings confirm it (STP-04)."""
        if self._current.may_flow or self._unprescribed.stopping:
            return False
        return stopped(self._no_flow_since_ns, self.reading, self._limits.still_for_ns)

    async def at_rest(self) -> None:
        """Wait until readings confirm that the pump stopped, and its deadman is disarmed."""
        self._at_rest.clear()
        await self._at_rest.wait()

    async def run(self) -> None:
        """Connect, bring up, then poll and send until cancelled."""
        await self._deadman.take_over()
        while True:
            try:
                await self._serve(await self._connected())
            except Exception as error:  # any defect in pumpd or in a driver must end in a stop
                log.exception("pump_task_failed", pump=self._journal.pump)
                await self._failed(error)
            finally:
                await self._disconnect()

    async def _failed(self, error: Exception) -> None:
        self.problem = text("pump.failed", "pumpd failed: {error}", error=f"{error!r}")
        self._journal.note("internal_error", {"error": repr(error)})
        self._stop(self.problem)
        await self._commands.stop_answered()
        await asyncio.sleep(FAILED_PAUSE_S)

    # -- connecting --------------------------------------------------------------------------------------------------

    async def _connected(self) -> Driver:
        tries = 0
        while True:
            self._turned()
            problem = await self._line.open()
            self._turned()
            driver = self._line.driver
            if driver is not None:
                problem = await self._bring_up(driver)
            if problem != self.problem:
                what = "pump_unavailable" if problem else "pump_ready"
                log.log(30 if problem else 20, what, pump=self._journal.pump, why=problem)
                self._journal.note(what, {"why": problem} if problem else describe.identity(self._line.identity))
            self.problem = problem
            if driver is not None and not problem:
                self._let_load_again(
                    text("identity.other_was_there", "another pump was on this line; the program must be loaded again")
                )
                return driver
            await self._disconnect()
            self._turned()
            self._missed(problem)
            await asyncio.sleep(CONNECT_AGAIN_S[min(tries, len(CONNECT_AGAIN_S) - 1)])
            tries += 1

    def _let_load_again(self, why: str) -> None:
        """A program that was loaded, and not started, is loaded again: the pump, or a new driver, may not hold it any
        more, and a start would fail.
        """
        current, proved_by = self._current, self._line.proved_by
        if current.infusion is None or current.infusion.state not in PREPARED or not proved_by:
            return
        current.feed(ev.PumpDoubted(self._now(), why, others=False))
        current.feed(ev.PumpIdentified(self._now(), proved_by))

    async def _disconnect(self) -> None:
        self._no_flow_since_ns = None
        try:
            await self._deadman.let_go()
            await self._line.close()
        except Exception as error:  # the next connection shows whether the port can be used
            log.exception("port_not_closed", pump=self._journal.pump)
            self._journal.note("internal_error", {"error": repr(error)})

    async def _bring_up(self, driver: Driver) -> str:
        """Identify the pump, and stop what a crash may have left running. Returns what is wrong, or an empty text.

        A pump other than the configured one runs for another patient, and is left alone. A pump that cannot be read is
        not available: polling it would keep its watchdog from ending a flow.
        """
        problem = await self._identify(driver)
        if problem and self._line.identity is not None:
            await self._stop_other_beds_pump(driver, problem)
            return problem
        self._turned()
        if not await self._stop_leftover(driver) and not problem:
            return text("link.cannot_be_read", "the pump on {port} was identified, and cannot be read", port=self._port)
        if problem:
            self._turned()
            problem = await self._identify(driver)  # a flowing pump may have been too busy to report a reset
        return problem

    async def _stop_leftover(self, driver: Driver) -> bool:
        """Whether the pump could be read. If it flows, or waits to flow, it is sent a stop.

        A pump that does not answer may still receive, and polling may keep its watchdog from ending an infusion that
        pumpd started: it is sent a stop as well.
        """
        first = await self._line.call(driver.read())
        if not isinstance(first, Done):
            if self._current.may_flow and not self._monitor_only:
                await self._line.call(driver.stop())
            return False
        reading = self._clock.of_reading(first.value)
        if not reading.state.no_flow and not self._monitor_only:
            self._journal.note("found_flowing", {"delivered_ml": reading.delivered.number})
            log.error("found_flowing", pump=self._journal.pump, pump_state=reading.state.value)
            if not self._current.active:
                self._unprescribed.left_behind(reading)
            await self._line.call(driver.stop())
            if self._current.active and self._line.identified:  # its counter may be lost before the next poll
                self._current.feed(ev.ReadingTaken(self._now(), reading))
        return True

    # -- identifying -------------------------------------------------------------------------------------------------

    async def _identify(self, driver: Driver) -> str:
        """Identify the pump, and give the deadman the port of the right one. Returns what is wrong, or ""."""
        wrong = await self._line.identify(driver)
        if self._line.identity is not None and not wrong:
            await self._deadman.attach(driver)
        return wrong

    async def _identify_again(self, driver: Driver) -> bool:
        """Whether this is still the configured pump. If not, connecting starts over."""
        self._no_flow_since_ns = None
        problem = await self._identify(driver)
        if self._line.identity is None:  # no answer yet, or the port was lost again
            self._missed(problem)
            await asyncio.sleep(CONNECT_AGAIN_S[0])
            return True
        if problem:
            log.error("another_pump", pump=self._journal.pump, why=problem)
            self._journal.note("another_pump", {"why": problem})
            self._missed(problem, link_lost=True)
            await self._stop_other_beds_pump(driver, problem)
            return False
        self._journal.note("pump_identified_again", describe.identity(self._line.identity))
        if self._reset_doubted:
            self._reset_doubted = False
            self._let_load_again(
                text("pump.was_reset", "the pump was switched off and on; the program must be loaded again")
            )
        elif (infusion := self._current.infusion) is not None and infusion.state is State.READY:
            await self._read_back(driver)  # it may have been switched off in between
        return True

    async def _stop_other_beds_pump(self, driver: Driver, problem: str) -> None:
        """The pump on this line is another bed's, whose own line has another pump now: stop it by this line too."""
        identity = self._line.identity
        if identity is not None and self._alike.stop(problem, identity.serial) and not self._monitor_only:
            await self._line.call(driver.stop())

    # -- polling and sending -----------------------------------------------------------------------------------------

    async def _serve(self, driver: Driver) -> None:
        """Poll and send until another pump is on the line."""
        loop = asyncio.get_running_loop()
        self._next_poll = loop.time()
        while True:
            self._turned()
            if not self._line.identified:
                if not await self._identify_again(driver):
                    return
            elif waiting := self._commands.take():
                match waiting:
                    case ev.ReadPump(), _:
                        await self._poll(driver)
                    case ev.ReadBackProgram(), _:
                        await self._read_back(driver)
                    case command, intent:
                        await self._commands.perform(command, intent, driver)
            elif self._clock_due():
                self._clock_asked_ns = self._clock.loop_ns()
                await self._line.read_clock(driver)
            elif (delay := self._next_poll - loop.time()) > 0:
                await self._commands.sleep(delay)
            else:
                await self._poll(driver)

    def _clock_due(self) -> bool:
        if self._simulated or self._current.may_flow:
            return False
        return pump_clock.due(self._line.identity, self._clock, self._clock_asked_ns)

    async def _read_back(self, driver: Driver) -> None:
        """Ask for the program. A pump that reports another than was read back before is to be loaded again."""
        infusion, asked_ns = self._current.infusion, self._now()
        held = await self._line.ask(driver.read_back())
        self._journal.note("program_read_back", describe.held(held))
        self._current.feed(ev.ProgramReadBack(self._now(), held, asked_ns=asked_ns))
        after = self._current.infusion
        if infusion is None or after is None or after.state is not State.READY or isinstance(held, Unknown):
            return
        if infusion.state in (State.READY, State.ARMED) and (lost := faults(infusion.segment.program, held)):
            self._let_load_again(
                text("pump.holds_other", "the pump does not hold what was loaded: {why}", why=listed(lost))
            )

    async def _poll(self, driver: Driver) -> None:
        loop = asyncio.get_running_loop()
        # Counted from the planned instant, so that polls keep their pace; from now when this poll was an extra one.
        now = loop.time()
        self._next_poll = max(min(self._next_poll, now) + self._interval(), now + LEAST_PAUSE_S)
        try:
            match await driver.read():
                case Done(value=reading):
                    if self._line.heard() and not self._reset_first_seen(reading):
                        await self._read(self._clock.of_reading(reading), driver)
                case Refused(reasons=reasons):
                    self._missed(listed(reasons))
                case Unknown(cause=cause):
                    self._missed(cause)
        finally:
            self._line.note_frames()

    def _reset_first_seen(self, reading: Reading) -> bool:
        """A reset that was not reported before. Another pump that was just switched on would report one as well."""
        reset, seen = PumpAlarm.PUMP_RESET in reading.alarms, self._reset_seen
        self._reset_seen = reset
        if reset and not seen:
            self._line.doubt()
            self._reset_doubted = True
            return True
        return False

    async def _read(self, reading: Reading, driver: Driver) -> None:
        """A reading of this pump."""
        last, self.reading = self.reading, reading
        self._no_flow_since_ns = no_flow_since(self._no_flow_since_ns, last, reading)
        self._unprescribed.check(reading, self._now())
        current = self._current
        if current.active and current.infusion is not None:
            frames = self._line.frames(idle=False)
            current.feed(ev.ReadingTaken(self._now(), reading))
            written = describe.reading(current.infusion, reading, self._now())
            self._journal.note(
                "reading", written | {"frames": frames}
            )  # an entry of their own would cost twice as much
        elif not reading.state.no_flow and not self._monitor_only:
            self._unprescribed.flows(reading, may_be_another_beds=self._alike.under_way)
        else:
            self._unprescribed.rests()
            if self._reset_seen and not self._monitor_only:
                await self._acknowledge_reset(driver)
        if self.stopped:
            if self._deadman.armed:
                await self._deadman.disarm()
            self._at_rest.set()

    async def _acknowledge_reset(self, driver: Driver) -> None:
        """The pump was switched off and on with nothing under way, and has been identified since: it is ready again."""
        outcome = await self._line.ask(driver.release())
        self._journal.note("reset_acknowledged", {"outcome": describe.outcome(outcome)})

    def _missed(self, cause: str, *, link_lost: bool = False) -> None:
        self._line.missed()
        self._unprescribed.check(None, self._now())
        if self._current.active:
            lost = link_lost or self._line.missing
            self._current.feed(ev.ReadingFailed(self._now(), cause, link_lost=lost))

    def _interval(self) -> float:
        """Seconds of loop time to the next poll."""
        infusion, limits = self._current.infusion, self._limits
        if infusion is None or infusion.state.ended:
            return self._clock.loop_seconds(limits.stop_retry_ns) if self._unprescribed.stopping else IDLE_POLL_S
        hurry = infusion.state.ending or infusion.state in (State.ARMED, State.STARTING, State.COMPLETING)
        return self._clock.loop_seconds(min(limits.stop_retry_ns, limits.poll_ns) if hurry else limits.poll_ns)

    def _turned(self) -> None:
        self.last_turn_ns = self._now()

    def _now(self) -> int:
        return self._clock.monotonic_ns()
