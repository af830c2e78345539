"""The journal's writer as the control loop sees it: post and continue, or append and wait until it is on disk.

Promises:
- The SQLite connection lives on one thread of its own, so a slow disk delays the next start and nothing else (RUN-16).
- Entries that collected while the disk was busy are written in one transaction, in the order in which they were handed
  over.
- Posted entries that could not be written are kept, within the bounds of `Backlog`, and written before anything else.
- An append always gets an answer: a JournalError at once when the backlog is full, when the disk has hung for `HUNG_S`,
  or when the thread has ended. A disk that hangs is a failure like one that refuses.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from pumpd.journal.anchor_file import Order
from pumpd.journal.backlog import Backlog, Batch, write
from pumpd.journal.chain import JournalError
from pumpd.journal.records import Entry, Removed
from pumpd.journal.store import Journal
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

CLOSE_WITHIN_S = 5.0
SLOW_S = 2.0  # for one write; a good card takes some 30 ms
SLOW_FOR_S = 60.0  # after such a write the disk counts as slow
HUNG_S = 5.0  # shorter than a lease, so that pumpd itself stops an infusion whose journal hangs (PWR-11)


@dataclass(frozen=True, slots=True)
class Lost:
    """What the journal lost before it was opened, as its anchor shows; empty when it lost nothing. `orders`: of which
    at least a part may be lost.
    """

    what: str = ""
    orders: tuple[Order, ...] = ()


def lost_of(journal: Journal) -> Lost:
    return Lost(journal.kept.loss, journal.kept.orders) if journal.kept.loss else Lost()


class JournalWriter(Protocol):
    """Both methods keep the order of their calls. A failure is reported to `on_failure`, the first success after it to
    `on_restored`, with how many entries had been kept.
    """

    on_failure: Callable[[JournalError], None]
    on_restored: Callable[[int], None]
    lost: Lost

    @property
    def slow(self) -> bool:
        """A write takes or took `SLOW_S` or longer, in the last `SLOW_FOR_S`."""
        ...

    def post(self, entries: Sequence[Entry]) -> None:
        """Write soon; never waits."""
        ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return once these and all earlier entries are on disk. Raises JournalError; then these are not written,
        unless a disk that hangs had begun to write them, as the message then says.
        """
        ...

    async def prune(self, removed: Sequence[Removed], entries: Sequence[Entry]) -> None:
        """The same, and remove what these entries record as removed, all or nothing. Raises JournalError."""
        ...

    async def close(self) -> None: ...


def _ignore(_: JournalError | int) -> None:
    """The default until a caller sets another."""


class ThreadWriter:
    """The writer of a running gateway."""

    def __init__(self, path: Path, boot: str) -> None:
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self.lost = Lost()
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()  # guards the fields below
        self._backlog = Backlog()
        self._fresh = self._closing = False
        self._busy_since: float | None = None  # monotonic seconds
        self._slow_at = -math.inf  # monotonic seconds: the end of the last write that was slow
        self._waiters: dict[Batch, asyncio.Future[None]] = {}  # used only on the loop
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(path, boot), name="journal", daemon=True)
        self._thread.start()

    @property
    def slow(self) -> bool:
        now, busy_since = time.monotonic(), self._busy_since
        return now - self._slow_at < SLOW_FOR_S or (busy_since is not None and now - busy_since >= SLOW_S)

    async def opened(self) -> None:
        """Return once the journal is open. Raises JournalError."""
        await self._opened

    def post(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        with self._changed:
            self._backlog.post(entries)
            self._wake()
            why = self._unusable() if not self._backlog.behind else ""
            self._backlog.behind = self._backlog.behind or bool(why)
        if why:  # later: the state machine may be handling an event
            self._loop.call_soon(self._report, JournalError(why))

    async def append(self, entries: Sequence[Entry]) -> None:
        await self.prune((), entries)

    async def prune(self, removed: Sequence[Removed], entries: Sequence[Entry]) -> None:
        with self._changed:
            why = self._unusable()
            self._backlog.behind = self._backlog.behind or bool(why)
            batch = None if why else self._backlog.append(entries, removed)
            self._wake()
        if batch is None:
            self._report(error := JournalError(why))
            raise error
        await self._settled(batch)
        if batch.error is not None:
            raise batch.error

    async def close(self) -> None:
        with self._changed:
            self._closing = True
            self._wake()
        await asyncio.to_thread(self._thread.join, CLOSE_WITHIN_S)  # a disk that hangs must not delay the end

    def _wake(self) -> None:
        self._fresh = True
        self._changed.notify()

    def _report(self, error: JournalError) -> None:
        self.on_failure(error)

    def _unusable(self) -> str:
        """Why nothing more may be handed to the thread; empty when it may. Call it with the lock held."""
        if self._closing:
            return ""
        if self._opened.done() and not self._thread.is_alive():
            return text("journal.thread_ended", "journal {path}: pumpd's thread for it has ended", path=self._path)
        busy_since = self._busy_since  # the thread sets it to None without the lock
        if busy_since is None:
            return ""
        if time.monotonic() - busy_since >= HUNG_S:
            return text(
                "journal.disk_hangs",
                "journal {path}: the disk has not answered for {seconds} s",
                path=self._path,
                seconds=f"{HUNG_S:g}",
            )
        if self._backlog.full:
            return text(
                "journal.disk_behind",
                "journal {path}: the disk does not keep up, and {number} entries wait for it",
                path=self._path,
                number=self._backlog.posted,
            )
        return ""

    async def _settled(self, batch: Batch) -> None:
        """Wait until it is written or refused, or withdraw it when the disk hangs. Raises JournalError."""
        waiter = self._waiters[batch] = self._loop.create_future()
        try:
            while self._backlog.holds(batch):
                busy_since = self._busy_since
                left = HUNG_S if busy_since is None else busy_since + HUNG_S - time.monotonic()
                await asyncio.wait([waiter], timeout=max(0.001, left))
                with self._changed:
                    why = self._unusable() if self._backlog.holds(batch) else ""
                    if not why:
                        continue
                    self._backlog.behind = True
                    withdrawn = self._backlog.withdraw(batch)
                error = JournalError(
                    why
                    if withdrawn
                    else text("journal.may_be_written", "{why}; what it was writing may still be written", why=why)
                )
                self._report(error)
                raise error
        finally:
            del self._waiters[batch]

    def _run(self, path: Path, boot: str) -> None:
        try:
            journal = Journal(path, boot)
        except JournalError as error:
            self._loop.call_soon_threadsafe(self._opened.set_exception, error)
            return
        self.lost = lost_of(journal)
        self._loop.call_soon_threadsafe(self._opened.set_result, None)
        with contextlib.closing(journal):
            while self._turn(journal):
                pass

    def _turn(self, journal: Journal) -> bool:
        """Wait for something to write, and write it. Returns whether there will be more."""
        with self._changed:
            self._changed.wait_for(lambda: self._fresh)
            self._fresh, last = False, self._closing
            batches, lost = self._backlog.begin()
        outcome = self._write(journal, batches, lost)
        for call, argument in outcome:  # in this order, before any waiting caller continues
            self._on_loop(call, argument)
        self._on_loop(self._settle)
        return not last

    def _write(self, journal: Journal, batches: list[Batch], lost: int) -> list[tuple[Callable[[Any], None], Any]]:
        """Write them; returns the calls to make on the loop."""
        try:
            self._busy_since = begun = time.monotonic()
            try:
                write(journal, batches, lost)
            finally:
                self._busy_since = None
                if (ended := time.monotonic()) - begun >= SLOW_S:
                    self._slow_at = ended
        except JournalError as error:
            with self._changed:
                self._backlog.failed(batches, error)
            return [(self._report, error)]
        except Exception as caught:  # the thread must survive: every append waits for it
            log.exception("journal_thread_failed")
            if len(batches) > 1:  # one entry that cannot be written must not take others with it
                return [call for batch in batches for call in self._write(journal, [batch], 0)]
            defect = JournalError(
                text(
                    "journal.failed_on_entry",
                    "journal {path}: pumpd failed on an entry: {error}",
                    path=journal.path,
                    error=f"{caught!r}",
                )
            )
            with self._changed:
                for batch in batches:
                    self._backlog.drop(batch, defect)
            return [(self._report, defect)]
        with self._changed:
            kept = self._backlog.written(batches, lost)
        return [] if kept is None else [(self._restored, kept)]

    def _restored(self, kept: int) -> None:
        self.on_restored(kept)

    def _settle(self) -> None:
        for batch, waiter in self._waiters.items():
            if batch.settled and not waiter.done():
                waiter.set_result(None)

    def _on_loop(self, call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it every waiting caller
            self._loop.call_soon_threadsafe(call, *arguments)


class InlineWriter:
    """The same on the loop itself, for virtual time, which a thread does not share.

    `group` posted entries are written as one transaction, as they would be while a disk is busy.
    """

    def __init__(self, journal: Journal, group: int = 1) -> None:
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self.lost, self.slow = lost_of(journal), False
        self._journal, self._group = journal, group
        self._backlog = Backlog()
        self._posted = 0  # since the last attempt

    def post(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        self._backlog.post(entries)
        self._posted += len(entries)
        if self._posted >= self._group:
            self._flush()

    async def append(self, entries: Sequence[Entry]) -> None:
        await self.prune((), entries)

    async def prune(self, removed: Sequence[Removed], entries: Sequence[Entry]) -> None:
        batch = self._backlog.append(entries, removed)
        await asyncio.sleep(0)  # other tasks run meanwhile, as they do alongside the thread
        if not batch.settled:
            self._flush()
        if batch.error is not None:
            raise batch.error

    async def close(self) -> None:
        self._flush()
        self._journal.close()

    def _flush(self) -> None:
        """Try to write everything that waits."""
        batches, lost = self._backlog.begin()
        self._posted = 0
        try:
            write(self._journal, batches, lost)
        except JournalError as error:
            self._backlog.failed(batches, error)
            self.on_failure(error)
        else:
            if (kept := self._backlog.written(batches, lost)) is not None:
                self.on_restored(kept)


class NoWriter:
    """Replaces a journal that cannot be opened: nothing is written, so nothing is started, and stop works."""

    def __init__(self, error: JournalError) -> None:
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self.lost, self.slow = Lost(), False
        self._error = error

    def post(self, entries: Sequence[Entry]) -> None:
        """The entries are lost: the log has what matters."""

    async def append(self, entries: Sequence[Entry]) -> None:  # noqa: ARG002 - nothing is written
        self.on_failure(self._error)
        raise JournalError(str(self._error))

    async def prune(self, removed: Sequence[Removed], entries: Sequence[Entry]) -> None:  # noqa: ARG002 - nothing is written
        await self.append(entries)

    async def close(self) -> None:
        """There is nothing to close."""
