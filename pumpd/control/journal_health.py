"""Whether the journal can be trusted and written to, and what happens when it cannot.

Promises:
- Nothing is ordered, confirmed or started while the earlier journal is damaged or the journal cannot be written.
- A failure is passed to every infusion under way at once. A stop needs no journal.
- The alarm is active until the entries kept in memory are on disk.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import structlog

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import CHECK_AGAIN_AFTER_S
from pumpd.host.clock import Clock
from pumpd.infusion import events as ev
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.texts import of_error, text

log = structlog.get_logger("pumpd.control")


class JournalHealth:
    def __init__(
        self,
        runners: Mapping[str, PumpService],
        journal: JournalWriter,
        clock: Clock,
        changed: Callable[[], None],
        damage: str = "",
    ) -> None:
        """`changed` is called when `fault` has changed. `damage`: what is wrong with the earlier journal, until it is
        repaired and control has restarted.
        """
        self.damage, self.problem = damage, ""
        self._runners, self._journal, self._clock, self._changed = runners, journal, clock, changed
        journal.on_failure = self._failed
        journal.on_restored = self._restored
        if damage:
            log.error("journal_damaged", why=damage)

    @property
    def fault(self) -> str:
        """What is wrong with the journal now; empty when it can be used."""
        return self.damage or self.problem

    def objections(self) -> list[str]:
        """Why the state of the journal lets nothing be started."""
        reasons: list[str] = []
        if self.damage:
            reasons.append(
                text(
                    "journal.damaged",
                    "{damage}; earlier doses are not known, so nothing is started",
                    damage=self.damage,
                )
            )
        if self.problem:
            reasons.append(
                text(
                    "journal.not_recorded",
                    "journal: {problem}; nothing is started that cannot be recorded",
                    problem=self.problem,
                )
            )
        return reasons

    async def watch(self) -> None:
        """Try again for as long as the journal cannot be written: an idle gateway has nothing else to write."""
        while True:
            await asyncio.sleep(CHECK_AGAIN_AFTER_S)
            await self.retry()

    async def retry(self) -> None:
        """After a failure: try again to write the entries kept in memory; success clears the problem."""
        if not self.problem:
            return
        with contextlib.suppress(JournalError):
            await self._journal.append([Entry("journal_tried", {}, "", "", self._clock.monotonic_ns())])
            if self.problem:  # no entry had been kept
                self._restored(0)

    def _failed(self, error: JournalError) -> None:
        known, self.problem = bool(self.problem), of_error(error)
        if known:  # an entry about it would fail as well
            return
        log.error("journal_failed", why=str(error))
        for runner in self._runners.values():
            if runner.active:
                runner.feed(ev.JournalFailed(self._clock.monotonic_ns(), of_error(error)))
        self._changed()

    def _restored(self, kept: int) -> None:
        """The entries kept in memory are on disk now."""
        log.info("journal_restored", entries_kept=kept)
        body = {"problem": self.problem, "entries_kept": kept}
        self.problem = ""
        self._post("journal_restored", body)
        self._changed()

    def _post(self, kind: str, body: Mapping[str, object]) -> None:
        self._journal.post([Entry(kind, body, "", "", self._clock.monotonic_ns())])
