"""The only place that starts a pump: intent on disk, deadman armed, everything checked again, then sent.

Promises:
- The intent of a start is on disk before a byte of it leaves, and a start that a stop overtook is never sent.
- The deadman is armed before a start leaves.
- After each wait it checks again that the start is still wanted. Just before sending it checks that it is known which
  pump is on the line and that it has not been silent since (COM-10, COM-15), and that the gateway has no objection.
- It is sent once, whatever the pump answers.
"""

import asyncio
from collections.abc import Callable

from pumpd.control import describe
from pumpd.control.infusions.deadman import PumpDeadman
from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.host.clock import Clock
from pumpd.infusion import Limits, State
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import order_age
from pumpd.journal import Entry, JournalError
from pumpd.pump import Driver, Outcome, Refused
from pumpd.quantities import Duration
from pumpd.texts import of_error, text


class Starting:
    """`last_check` gives the gateway's objection to the start that is about to be sent; empty when there is none."""

    def __init__(
        self,
        current: PumpInfusion,
        line: PumpLine,
        deadman: PumpDeadman,
        journal: PumpJournal,
        clock: Clock,
        limits: Limits,
        last_check: Callable[[], str],
    ) -> None:
        self._current, self._line, self._deadman, self._journal = current, line, deadman, journal
        self._clock, self._limits, self._last_check = clock, limits, last_check

    async def start(self, command: ev.StartPump, intent: tuple[Entry, ...], driver: Driver) -> None:
        if not await self._written(intent):
            return
        if (until_ns := self._wanted_until()) is None:
            return  # a stop came while the journal was being written
        why_not = await self._deadman.arm(driver, self._clock.loop_seconds(until_ns))
        if self._wanted_until() is None:
            return  # or while the deadman was being armed
        if not why_not and not self._line.identified:  # the disk was slow; the pump may be another one
            why_not = await self._line.identify(driver)
            if self._wanted_until() is None:
                return
        why_not = why_not or self._line.not_proven() or self._expired() or self._last_check()
        asked_ns = self._clock.monotonic_ns()
        # The pump's watchdog is an I/O time-out, so it keeps to the loop's time when clinical time runs faster.
        watchdog = Duration.from_ns(command.watchdog.ns // self._clock.scale)
        answer = Refused((why_not,)) if why_not else await self._line.call(driver.start(watchdog))
        self._answered(answer, asked_ns)

    async def _written(self, intent: tuple[Entry, ...]) -> bool:
        try:
            async with asyncio.timeout(self._clock.loop_seconds(self._limits.flowing_within_ns)):
                await self._journal.append(intent)
        except TimeoutError:  # these entries are still written, in order, once the disk is back
            self._unwritten(text("journal.disk_slow", "the disk takes too long"))
            return False
        except JournalError as error:
            self._journal.post(intent)  # written once there is room: it was intended, and was not done
            self._unwritten(of_error(error))
            return False
        return True

    def _unwritten(self, why: str) -> None:
        """Nothing was sent to the pump. The refusal says so, and a stop is sent nevertheless."""
        self._current.feed(ev.JournalFailed(self._clock.monotonic_ns(), why))
        self._answered(
            Refused((text("start.not_written", "the intent could not be written: {why}", why=why),)),
            self._clock.monotonic_ns(),
        )

    def _wanted_until(self) -> int | None:
        """The end of the start's lease, None once the start is no longer wanted."""
        infusion = self._current.infusion
        return infusion.lease_until_ns if infusion and infusion.state is State.STARTING else None

    def _expired(self) -> str:
        """Why this is too late for a first start; empty when it is not (PRG-26)."""
        infusion = self._current.infusion
        return "" if infusion is None else order_age.expired(infusion, self._clock.monotonic_ns()) or ""

    def _answered(self, outcome: Outcome[None], asked_ns: int) -> None:
        self._journal.note("start_answered", {"outcome": describe.outcome(outcome)})
        self._current.feed(ev.StartAnswered(self._clock.monotonic_ns(), outcome, asked_ns=asked_ns))
