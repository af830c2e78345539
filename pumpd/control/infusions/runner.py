"""One pump and the infusion on it: carries out what the state machine says and tells it what came of it.

Promises:
- A stop is sent at once, from wherever it is asked for, past everything that waits; what waited is dropped.
- The intent of a start is on the disk before a byte of it leaves, and a start that a stop overtook is never sent.
- Nothing but the state machine's `StartPump` makes this pump flow.
- The deadman is armed before a start leaves, and stands down once the pump is seen standing with nothing under way.
- After the port was lost and opened again the pump is not read or told anything before it has said anew who it is;
  another one is told nothing at all (COM-10).
- When pumpd itself fails here, the pump is stopped.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from pumpd.control import describe
from pumpd.control.infusions.deadman import PumpDeadman, said_of_deadman
from pumpd.control.infusions.line_record import LineRecord
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.control.infusions.recovery import Recovered
from pumpd.control.infusions.unprescribed import UnprescribedFlow
from pumpd.dosing import RateProgram, Refusals
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, Limits, State, advance, begin
from pumpd.infusion import events as ev
from pumpd.infusion.record import event_to_data, to_data
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.pump import (
    Capabilities,
    Done,
    Driver,
    DriverFamily,
    Identity,
    Outcome,
    Reading,
    Refused,
    Unknown,
)
from pumpd.quantities import Duration
from pumpd.settings import PumpSettings

log = structlog.get_logger("pumpd.control")

IDLE_POLL_S = 1.0
LEAST_PAUSE_S = 0.001  # between two looks, so that a port that fails at once cannot keep the loop from a stop
CONNECT_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)
LOST_AFTER_FAILURES = 2
FAILED_PAUSE_S = 1.0
STOP_ANSWER_S = 1.0

T = TypeVar("T")

Work = ev.ReadPump | ev.LoadProgram | ev.ReadBackProgram | ev.StartPump | ev.ReleasePump


class PumpRunner:
    def __init__(
        self,
        settings: PumpSettings,
        family: type[DriverFamily],
        journal: JournalWriter,
        clock: Clock,
        limits: Limits,
        deadman_socket: Path,
        line: LineRecord,
    ) -> None:
        self.settings, self.family = settings, family
        self.deadman = PumpDeadman(settings.port, deadman_socket, self._note, self._deadman_says)
        self.limits = limits
        self.problem = "not connected yet"
        self.infusion: Infusion | None = None
        self.program: RateProgram | None = None
        self.patient = ""  # whom this pump is associated with; `association` sets it
        self.capabilities: Capabilities | None = None
        self.reading: Reading | None = None
        self.last_turn_ns = 0
        self.on_change: Callable[[], None] = lambda: None  # the infusion is in another state, or an alarm came or went
        self.last_look: Callable[[], str] = lambda: ""  # what of the gateway speaks against the start to be sent now
        self._journal, self._clock = journal, clock
        self.line = PumpLine(
            settings, family, line, lambda body: self._note("frame", body), idle=lambda: not self.active
        )
        self._work: deque[tuple[Work, tuple[Entry, ...]]] = deque()
        self._wake = asyncio.Event()
        self._next_poll = 0.0
        self._failures = 0
        self.unprescribed = UnprescribedFlow(settings.name, limits, self._note_of, self.stop_now)
        self._stopping: asyncio.Task[None] | None = None

    # -- what the gateway asks ---------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def driver(self) -> Driver | None:
        return self.line.driver

    @property
    def identity(self) -> Identity | None:
        return self.line.identity

    @property
    def missing(self) -> bool:
        """The pump did not answer the last looks at it."""
        return self._failures >= LOST_AFTER_FAILURES

    @property
    def active(self) -> bool:
        return self.infusion is not None and not self.infusion.state.ended

    @property
    def may_flow(self) -> bool:
        return self.infusion is not None and self.infusion.state.may_flow

    def order(
        self, infusion: Infusion, program: RateProgram, capabilities: Capabilities, asked: Mapping[str, Any]
    ) -> None:
        """Take on an infusion; `asked` is for its record. The caller has checked that none is active (STA-14)."""
        self.program, self.capabilities = program, capabilities
        self.infusion, actions = begin(infusion)
        self._note("began", {**asked, "infusion": to_data(infusion), "identity": describe.identity(self.identity)})
        self._carry_out(actions)

    def recover(self, left: Recovered) -> None:
        """An infusion that another process had under way: what may flow is stopped; nothing goes on by itself."""
        self.infusion, self.program, self.capabilities = left.infusion, left.program, left.capabilities
        self.unprescribed.holds(left.session)
        body = {"state": left.infusion.state.value, "resumable": left.program is not None, "moved_ns": left.moved_ns}
        self._note("recovered", body)
        log.error("infusion_recovered", pump=self.name, state=left.infusion.state.value)
        self.feed(ev.ControlRestarted(self._now()))
        if left.why_stopped:
            self.stop("pumpd", left.why_stopped)

    def feed(self, event: ev.Event) -> tuple[str, ...]:
        """Let something happen to the infusion; returns the reasons when it was a request and is refused."""
        if self.infusion is None:
            return ("there is no infusion on this pump",)
        self._note("happened", event_to_data(event))
        try:
            self.infusion, actions = advance(self.infusion, event)
        except Exception as error:  # a defect in pumpd must end in a stop, whatever it is
            log.exception("state_machine_failed", pump=self.name)
            self.stop_now()
            self._note("internal_error", {"error": repr(error), "event": type(event).__name__})
            return (f"pumpd failed and stops the pump: {error}",)
        self._carry_out(actions, getattr(event, "by", "pumpd"))
        return tuple(reason for action in actions if isinstance(action, ev.Refuse) for reason in action.reasons)

    def stop(self, by: str, reason: str, *, switching: bool = False) -> None:
        """Stop this pump: always, at once, with or without an infusion."""
        if self.infusion is None:
            self.stop_now()
        else:
            self.feed(ev.StopRequested(self._now(), by, reason, switching))
        self._note("stop_requested", {"by": by, "reason": reason})

    # -- actions -----------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.monotonic_ns()

    def _carry_out(self, actions: Sequence[ev.Action], by: str = "pumpd") -> None:
        entries: list[Entry] = []
        changed = False
        for action in actions:
            match action:
                case ev.StopPump():
                    self.stop_now()
                case ev.StartPump():
                    # These rows hold the intent: awaited in `_start`, not only posted; no others go before.
                    self._work.appendleft((action, tuple(entries)))
                    entries = []
                case ev.ReadPump() | ev.LoadProgram() | ev.ReadBackProgram() | ev.ReleasePump():
                    self._work.append((action, ()))
                case ev.PlanRemainder(delivered=delivered):
                    self._journal.post(entries)
                    entries = []
                    self._plan_remainder(delivered)
                case _:
                    if isinstance(action, ev.RenewLease):
                        self.deadman.renew(self.driver, self._clock.loop_seconds(action.until_ns))
                    if isinstance(action, ev.RaiseAlarm):
                        log.warning("alarm_raised", pump=self.name, code=action.code.value)
                    row = describe.of_action(action, by)
                    if row is not None:
                        entries.append(self._row(*row))
                        changed = True
        self._journal.post(entries)
        self._wake.set()
        if changed:
            self.on_change()

    def _row(self, kind: str, body: Mapping[str, Any]) -> Entry:
        session = self.infusion.place.session if self.infusion else ""
        return Entry(kind, body, self.name, session, self._now())

    def _note(self, kind: str, body: Mapping[str, Any]) -> None:
        self._journal.post([self._row(kind, body)])

    def _note_of(self, session: str, kind: str, body: Mapping[str, Any]) -> None:
        """What is another infusion's than the last one's, or no infusion's."""
        self._journal.post([Entry(kind, body, self.name, session, self._now())])

    async def _ask(self, call: Awaitable[Outcome[T]]) -> Outcome[T]:
        """A call in its turn; one without an answer is a look at the pump that failed."""
        outcome = await self.line.call(call)
        if isinstance(outcome, Unknown):
            self._failures += 1
        return outcome

    def stop_now(self) -> None:
        """Send a stop past everything; what waited to be sent is dropped (STP-02), and on record as far as it came."""
        for _, intent in self._work:
            self._journal.post(intent)
        self._work.clear()
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._stop(), name=f"stop {self.name}")

    async def _stop(self) -> None:
        outcome: Outcome[None] = Unknown("no link to the pump")
        if self.driver is not None:
            outcome = await self.line.call(self.driver.stop())
        self._note("stop_answered", {"outcome": describe.outcome(outcome)})
        if self.infusion is not None:
            self.feed(ev.StopAnswered(self._now(), outcome))

    def _plan_remainder(self, delivered: Any) -> None:
        segment: ev.Segment | None = None
        try:
            rest = None
            if self.program is not None and self.capabilities is not None:
                rest = self.program.remainder(delivered, self.capabilities)
            if rest is not None:
                self.program = rest
                segment = ev.Segment(rest.digest, rest.pump_program)
                self._note("remainder_planned", {"digest": rest.digest, "vtbi_ml": rest.vtbi.number})
        except Refusals as error:
            self._note("remainder_refused", {"reasons": [str(reason) for reason in error.reasons]})
        self.feed(ev.SegmentPlanned(self._now(), segment))

    # -- the pump's own task -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, bring up, then poll and work until cancelled."""
        await self.deadman.take_over()
        while True:
            try:
                await self._connect()
                await self._serve()
            except Exception as error:  # a defect in pumpd or in a driver must end in a stop, whatever it is
                log.exception("pump_task_failed", pump=self.name)
                await self._failed(error)
            finally:
                await self._disconnect()

    def _deadman_says(self, why: str) -> None:
        if self.active:
            self.feed(said_of_deadman(why, self.capabilities, self._now()))

    async def _failed(self, error: Exception) -> None:
        self.problem = f"pumpd failed: {error!r}"
        self._note("internal_error", {"error": repr(error)})
        self.stop("pumpd", self.problem)
        await self.stop_answered()
        await asyncio.sleep(FAILED_PAUSE_S)

    async def _connect(self) -> None:
        tries = 0
        while self.driver is None:
            self._turned()
            problem = await self.line.open()
            self._turned()
            if opened := self.line.driver:
                problem = await self._bring_up(opened)
            if problem != self.problem:
                what = "pump_unavailable" if problem else "pump_ready"
                log.log(30 if problem else 20, what, pump=self.name, why=problem)
                self._note(what, {"why": problem} if problem else describe.identity(self.identity))
            self.problem = problem
            if problem:
                await self._disconnect()
                self._turned()
                self._missed(problem)
                await asyncio.sleep(CONNECT_AGAIN_S[min(tries, len(CONNECT_AGAIN_S) - 1)])
                tries += 1

    def _turned(self) -> None:
        """Evidence for the watchdog: no step between two of these takes longer than a read with all its retries."""
        self.last_turn_ns = self._now()

    async def _disconnect(self) -> None:
        await self.deadman.let_go()
        await self.line.close()

    async def _bring_up(self, driver: Driver) -> str:
        """See who the pump is, and stop what a crash may have left running. Returns what is wrong, or nothing.

        Another pump than the configured one runs for somebody else, and is left alone. A pump that cannot be read is
        not available: looking at it would keep its watchdog from ending a flow.
        """
        problem = await self._identify(driver)
        if problem and self.identity is not None:
            return problem
        self._turned()
        if not await self._stop_leftover(driver) and not problem:
            return f"the pump on {self.settings.port} says who it is, and cannot be read"
        if problem:
            self._turned()
            problem = await self._identify(driver)  # a pump that flowed may have had no time for it
        return problem

    async def _identify(self, driver: Driver) -> str:
        """Who the pump is; the deadman holds the port of the right one. Returns what is wrong, or nothing."""
        wrong = await self.line.identify(driver)
        if self.identity is not None and not wrong:
            await self.deadman.attach(driver)
        return wrong

    async def _stop_leftover(self, driver: Driver) -> bool:
        """Whether the pump could be read; if it flows, it is told to stop.

        One that says nothing may still hear, and our asking keep its watchdog from ending an infusion of ours: it is
        told to stop unseen.
        """
        first = await self.line.call(driver.read())
        if not isinstance(first, Done):
            if self.may_flow and not self.family.monitor_only:
                await self.line.call(driver.stop())
            return False
        if first.value.state.flowing and not self.family.monitor_only:
            self._note("found_flowing", {"delivered_ml": first.value.delivered.number})
            log.error("found_flowing", pump=self.name, pump_state=first.value.state.value)
            if not self.active:
                self.unprescribed.found(self._now())
            await self.line.call(driver.stop())
            if self.active:  # its counter may be lost before it can be read again
                self.feed(ev.ReadingTaken(self._now(), self._clock.of_reading(first.value)))
        return True

    async def _meet_again(self, driver: Driver) -> bool:
        """The port was lost and is back. Whether this is still a pump to speak to; if not, bring up begins anew."""
        problem = await self._identify(driver)
        if self.identity is None:  # no answer yet, or the port went again
            self._missed(problem)
            await asyncio.sleep(CONNECT_AGAIN_S[0])
            return True
        if problem:
            log.error("another_pump", pump=self.name, why=problem)
            self._note("another_pump", {"why": problem})
            self._missed(problem, link_lost=True)
            return False
        self._note("pump_identified_again", describe.identity(self.identity))
        return True

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_poll = loop.time()
        driver = self.driver
        assert driver is not None  # `_connect` has made it
        while True:
            self._turned()
            if not self.line.met:
                if not await self._meet_again(driver):
                    return
                continue
            if self._work:
                action, intent = self._work.popleft()
                await self._perform(action, intent)
                continue
            delay = self._next_poll - loop.time()
            if delay <= 0:
                await self._poll()
                continue
            self._wake.clear()
            timer = loop.call_later(delay, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                timer.cancel()

    async def _perform(self, action: Work, intent: tuple[Entry, ...]) -> None:
        assert self.driver is not None  # `_serve` runs between connect and disconnect
        match action:
            case ev.ReadPump():
                await self._poll()
            case ev.LoadProgram(program=program):
                self.unprescribed.holds(self.infusion.place.session if self.infusion else "")
                loaded = await self._ask(self.driver.load(program))
                self._note("program_loaded", {"outcome": describe.outcome(loaded), "vtbi_ml": program.vtbi.number})
                await self.deadman.prepare(self.driver)
                self.feed(ev.ProgramLoaded(self._now(), loaded))
            case ev.ReadBackProgram():
                held = await self._ask(self.driver.read_back())
                self._note("program_read_back", describe.held(held))
                self.feed(ev.ProgramReadBack(self._now(), held))
            case ev.StartPump():
                await self._start(action, intent)
            case ev.ReleasePump():
                self._note("release_answered", {"outcome": describe.outcome(await self._ask(self.driver.release()))})

    async def _start(self, action: ev.StartPump, intent: tuple[Entry, ...]) -> None:
        assert self.driver is not None  # as above
        try:
            async with asyncio.timeout(self._clock.loop_seconds(self.limits.flowing_within_ns)):
                await self._journal.append(intent)
        except TimeoutError:  # these rows still go down, in their order, once the disk is back
            self._unwritten("the disk takes too long")
            return
        except JournalError as error:
            self._journal.post(intent)  # once there is room: it was meant, and was not done
            self._unwritten(str(error))
            return
        if (until_ns := self._starting_until()) is None:
            return  # a stop came while the journal was being written
        why_not = await self.deadman.arm(self.driver, self._clock.loop_seconds(until_ns))
        if self._starting_until() is None:
            return  # or while the deadman was being armed
        why_not = why_not or self.last_look()
        # The pump's watchdog is an I/O time-out, so it keeps the loop's time when clinical time runs faster.
        watchdog = Duration.from_ns(action.watchdog.ns // self._clock.scale)
        self._start_answered(Refused((why_not,)) if why_not else await self.line.call(self.driver.start(watchdog)))

    def _unwritten(self, why: str) -> None:
        """Nothing has left for the pump; whoever waits at it is told, and a stop goes out all the same."""
        self.feed(ev.JournalFailed(self._now(), why))
        self._start_answered(Refused((f"the intent could not be written: {why}",)))

    def _starting_until(self) -> int | None:
        """The lease of the start that is still wanted."""
        infusion = self.infusion
        return infusion.lease_until_ns if infusion and infusion.state is State.STARTING else None

    def _start_answered(self, outcome: Outcome[None]) -> None:
        self._note("start_answered", {"outcome": describe.outcome(outcome)})
        self.feed(ev.StartAnswered(self._now(), outcome))

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        assert self.driver is not None  # as above
        # From the planned instant on, so that looks keep their pace; from now on when this one was out of turn.
        now = loop.time()
        self._next_poll = max(min(self._next_poll, now) + self._interval(), now + LEAST_PAUSE_S)
        match await self.driver.read():
            case Done(value=reading):
                self._failures = 0
                self.reading = self._clock.of_reading(reading)
                self.unprescribed.look(self.reading, self._now())
                if self.infusion is not None and self.active:
                    frames = self.line.frames(idle=False)
                    self.feed(ev.ReadingTaken(self._now(), self.reading))
                    said = describe.reading(self.infusion, self.reading, self._now())
                    self._note("reading", said | {"frames": frames})  # a row of their own would cost twice as much
                elif reading.state.flowing and not self.family.monitor_only:
                    self.unprescribed.flows(reading)
                else:
                    self.unprescribed.rests()
                if self.deadman.armed and not (reading.state.flowing or self.may_flow or self.unprescribed.stopping):
                    await self.deadman.stand_down()
            case Refused(reasons=reasons):
                self._missed("; ".join(reasons))
            case Unknown(cause=cause):
                self._missed(cause)
        self.line.note_frames()

    def _missed(self, cause: str, *, link_lost: bool = False) -> None:
        self._failures += 1
        self.unprescribed.look(None, self._now())
        if self.active:
            lost = link_lost or self._failures >= LOST_AFTER_FAILURES
            self.feed(ev.ReadingFailed(self._now(), cause, link_lost=lost))

    def _interval(self) -> float:
        """Seconds of loop time to the next look."""
        infusion = self.infusion
        if infusion is None or infusion.state.ended:
            return (
                IDLE_POLL_S if not self.unprescribed.stopping else self._clock.loop_seconds(self.limits.stop_retry_ns)
            )
        hurry = infusion.state.ending or infusion.state in (State.ARMED, State.STARTING, State.COMPLETING)
        limits = self.limits
        return self._clock.loop_seconds(min(limits.stop_retry_ns, limits.poll_ns) if hurry else limits.poll_ns)

    async def stop_answered(self) -> None:
        """Let a stop under way reach the pump and be answered; waits no longer than that may take."""
        if self._stopping is not None:
            await asyncio.wait([self._stopping], timeout=STOP_ANSWER_S)
