"""What waits to be sent to one pump, and the sending: one command at a time, while a stop overtakes all of them.

Promises:
- A stop is sent at once, wherever the request comes from; waiting commands are dropped (STP-02), their intent recorded.
- A program is loaded only while the infusion still wants it, and only into a pump that is identified (COM-10).
- Every answer is fed together with the instant of its question.
"""

import asyncio
from collections import deque

from pumpd.control import describe
from pumpd.control.infusions.deadman import PumpDeadman
from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.control.infusions.starting import Starting
from pumpd.control.infusions.unprescribed import UnprescribedFlow
from pumpd.control.strangers import Strangers
from pumpd.host.clock import Clock
from pumpd.host.sleep import until_set
from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.journal import Entry
from pumpd.pump import Done, Driver, Outcome, PumpProgram, Unknown
from pumpd.texts import text

STOP_ANSWER_S = 1.0
LEAST_APART_S, MOST_APART_S = 0.1, 0.2  # between two stops of a pump that has confirmed the first

Sent = ev.LoadProgram | ev.StartPump | ev.ReleasePump
Command = ev.ReadPump | ev.ReadBackProgram | Sent


class Commands:
    def __init__(
        self,
        current: PumpInfusion,
        line: PumpLine,
        starting: Starting,
        deadman: PumpDeadman,
        unprescribed: UnprescribedFlow,
        journal: PumpJournal,
        strangers: Strangers,
        clock: Clock,
    ) -> None:
        self._current, self._line, self._starting, self._deadman = current, line, starting, deadman
        self._unprescribed, self._journal, self._strangers, self._clock = unprescribed, journal, strangers, clock
        self._waiting: deque[tuple[Command, tuple[Entry, ...]]] = deque()
        self._awake = asyncio.Event()
        self._stopping: asyncio.Task[Outcome[None]] | None = None
        self._next_stop_s = 0.0  # of the loop: until then a pump that was just stopped is read first
        self._hurry = asyncio.Event()

    # -- what waits --------------------------------------------------------------------------------------------------

    def add(self, command: Command) -> None:
        self._waiting.append((command, ()))

    def add_start(self, command: ev.StartPump, intent: tuple[Entry, ...]) -> None:
        """Queue it before everything else, with the entries that must be on disk first."""
        self._waiting.appendleft((command, intent))

    def take(self) -> tuple[Command, tuple[Entry, ...]] | None:
        return self._waiting.popleft() if self._waiting else None

    def wake(self) -> None:
        """Something may be waiting."""
        self._awake.set()

    async def sleep(self, for_s: float) -> None:
        """Sleep until something may be waiting, or that time has passed."""
        self._awake.clear()
        await until_set(self._awake, for_s)

    # -- stop --------------------------------------------------------------------------------------------------------

    def stop_now(self) -> None:
        """Send a stop that overtakes everything, and drop the waiting commands."""
        for _, intent in self._waiting:
            self._journal.post(intent)
        self._waiting.clear()
        if self._flowing:
            self._next_stop_s = 0.0
            self._hurry.set()
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._stop(), name=f"stop {self._journal.pump}")

    def stop_ours(self) -> None:
        """The same on pumpd's own initiative. A pump that is known not to be the configured one is left alone."""
        if self._line.driver is None or self._line.may_be_ours:
            self.stop_now()

    async def test_stop(self, within_s: float) -> Outcome[None]:
        """Send a stop to an idle pump as any other stop is sent. The caller has checked that it is idle."""
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._stop(), name=f"stop {self._journal.pump}")
        stopping = self._stopping
        await asyncio.wait([stopping], timeout=within_s)
        return (
            stopping.result()
            if stopping.done()
            else Unknown(text("stop.no_answer", "no answer within {seconds} s", seconds=f"{within_s:g}"))
        )

    async def _stop(self) -> Outcome[None]:
        await self._let_it_be_read()
        asked_ns, asked_s = self._now(), asyncio.get_running_loop().time()
        outcome: Outcome[None] = Unknown(text("stop.no_link", "no link to the pump"))
        if self._line.driver is not None:
            outcome = await self._line.call(self._line.driver.stop())
        if isinstance(outcome, Done):
            now_s = asyncio.get_running_loop().time()
            self._next_stop_s = now_s + min(max(LEAST_APART_S, 2 * (now_s - asked_s)), MOST_APART_S)
        answered = {"outcome": describe.outcome(outcome)}
        if self._current.active or self._strangers.may_of_pump(self._journal.pump, "stop_answered", answered):
            self._journal.note("stop_answered", answered)
        if self._current.active:
            self._current.feed(ev.StopAnswered(self._now(), outcome, asked_ns=asked_ns))
        return outcome

    async def _let_it_be_read(self) -> None:
        """Stops without end must not keep a pump that has just confirmed one from being read: the next waits a moment.

        Not that of a pump that may flow: `stop_now` has seen to it.
        """
        left_s = self._next_stop_s - asyncio.get_running_loop().time()
        if left_s > 0:
            self.add(ev.ReadPump())
            self.wake()
            self._hurry.clear()
            await until_set(self._hurry, left_s)

    @property
    def _flowing(self) -> bool:
        """The pump may flow, and no stop is under way."""
        infusion = self._current.infusion
        return infusion is not None and infusion.state.may_flow and not infusion.state.ending

    async def stop_answered(self) -> None:
        """Wait until a stop under way is answered, but no longer than that may take."""
        if self._stopping is not None:
            await asyncio.wait([self._stopping], timeout=STOP_ANSWER_S)

    # -- the others --------------------------------------------------------------------------------------------------

    async def perform(self, command: Sent, intent: tuple[Entry, ...], driver: Driver) -> None:
        """Send a command that changes something. The caller has checked that the pump on the line is identified."""
        match command:
            case ev.LoadProgram(program=program):
                await self._load(program, driver)
            case ev.StartPump():
                await self._starting.start(command, intent, driver)
            case ev.ReleasePump():
                released = await self._line.ask(driver.release())
                self._journal.note("release_answered", {"outcome": describe.outcome(released)})

    async def _load(self, program: PumpProgram, driver: Driver) -> None:
        infusion, asked_ns = self._current.infusion, self._now()
        if infusion is None or infusion.state is not State.LOADING or infusion.segment.program is not program:
            return  # withdrawn while it waited
        self._unprescribed.holds(infusion.place.session)
        loaded = await self._line.ask(driver.load(program))
        self._journal.note("program_loaded", {"outcome": describe.outcome(loaded), "vtbi_ml": program.vtbi.number})
        await self._deadman.prepare(driver)
        self._current.feed(ev.ProgramLoaded(self._now(), loaded, asked_ns=asked_ns))

    def _now(self) -> int:
        return self._clock.monotonic_ns()
