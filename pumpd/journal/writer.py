"""The journal's writer as the control loop sees it: post and go on, or append and wait until it is on the disk.

The SQLite connection lives on one thread of its own, so a slow disk delays the next start and nothing else (RUN-16).
What has gathered while the disk was busy goes down as one transaction, in the order in which it was handed over.

What was posted and could not be written is kept, and goes down before anything else once there is room; beyond
`KEPT_MOST` rows it is counted, and a row `rows_lost` says so (AUD-10). Who appends is told of a failure instead.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from pumpd.journal import Entry, Journal, JournalError

log = structlog.get_logger("pumpd.control")

CLOSE_WITHIN_S = 5.0
KEPT_MOST = 20_000  # rows: an hour of a running pump, some 20 MB


class JournalWriter(Protocol):
    """Both ways keep the order of their calls. A failure is told to `on_failure`, the first success after it to
    `on_restored`, with how many rows had been kept.
    """

    on_failure: Callable[[JournalError], None]
    on_restored: Callable[[int], None]

    def post(self, entries: Sequence[Entry]) -> None:
        """Write soon; never waits."""
        ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return once these and all before them are on the disk. Raises JournalError; then these are not written."""
        ...

    async def close(self) -> None: ...


def _ignore(_: JournalError | int) -> None:
    """Until somebody listens."""


def _stamped(entries: Iterable[Entry]) -> list[Entry]:
    """With the wall time of now: a row says when something happened, not when the disk had time (AUD-02)."""
    now = datetime.now(UTC)
    return [Entry(each.kind, each.body, each.pump, each.session, each.mono_ns, now) for each in entries]


class _Backlog:
    """What was posted and is not on the disk yet."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.lost = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.lost)

    def keep(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if len(self.entries) < KEPT_MOST:
                self.entries.append(entry)
            else:
                self.lost += 1

    def write(self, journal: Journal, more: Sequence[Entry]) -> int:
        """Write what was kept and then these; returns how many had been kept. Raises JournalError; then nothing is."""
        kept = [*self.entries]
        if self.lost:
            kept += _stamped([Entry("entries_lost", {"count": self.lost}, mono_ns=kept[-1].mono_ns if kept else 0)])
        if kept or more:
            journal.append([*kept, *more])
        self.entries, self.lost = [], 0
        return len(kept)


_Batch = tuple[Sequence[Entry], "asyncio.Future[None] | None"]


class ThreadWriter:
    """The writer of a running gateway."""

    def __init__(self, path: Path, boot: str) -> None:
        """Open the journal. Raises JournalError."""
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self._loop = asyncio.get_running_loop()
        self._backlog = _Backlog()  # the thread's alone
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(path, boot), name="journal", daemon=True)
        self._thread.start()

    async def opened(self) -> None:
        """Return once the journal is open. Raises JournalError."""
        await self._opened

    def post(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._batches.put((_stamped(entries), None))

    async def append(self, entries: Sequence[Entry]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._batches.put((_stamped(entries), done))
        await done

    async def close(self) -> None:
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join, CLOSE_WITHIN_S)  # a disk that hangs must not hold up the end

    def _run(self, path: Path, boot: str) -> None:
        try:
            journal = Journal(path, boot)
        except JournalError as error:
            self._tell(self._opened, error)
            return
        self._tell(self._opened, None)
        last = False
        while not last:
            batches = [self._batches.get()]
            while not self._batches.empty():
                batches.append(self._batches.get())
            last = None in batches
            self._write(journal, [batch for batch in batches if batch is not None])
        journal.close()

    def _write(self, journal: Journal, batches: list[_Batch]) -> None:
        behind = bool(self._backlog)
        try:
            kept = self._backlog.write(journal, [entry for entries, _ in batches for entry in entries])
        except JournalError as error:
            self._failed(error, batches)
        except Exception as caught:  # the thread must live: who waits for it would wait for ever
            log.exception("journal_thread_failed")
            if len(batches) > 1:  # one entry that cannot be written takes no other with it
                for batch in batches:
                    self._write(journal, [batch])
                return
            told = JournalError(f"journal {journal.path}: pumpd failed on an entry: {caught!r}")
            self._settle(batches, told)
            self._loop.call_soon_threadsafe(self.on_failure, told)
        else:
            if behind:  # before anybody who waited goes on
                self._loop.call_soon_threadsafe(self.on_restored, kept)
            self._settle(batches, None)

    def _failed(self, error: JournalError, batches: list[_Batch]) -> None:
        for entries, done in batches:
            if done is None:
                self._backlog.keep(entries)
        self._settle(batches, error)
        self._loop.call_soon_threadsafe(self.on_failure, error)

    def _settle(self, batches: list[_Batch], error: JournalError | None) -> None:
        for _, done in batches:
            if done is not None:
                self._tell(done, error)

    def _tell(self, future: "asyncio.Future[None]", error: JournalError | None) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(settle)


class InlineWriter:
    """The same on the loop itself, for virtual time: a thread would stand outside of it.

    `group` posted entries go down as one transaction, as they would while a disk is busy.
    """

    def __init__(self, journal: Journal, group: int = 1) -> None:
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self._journal, self._group = journal, group
        self._waiting: list[Entry] = []
        self._appended: list[Entry] = []
        self._backlog = _Backlog()

    def post(self, entries: Sequence[Entry]) -> None:
        self._waiting += _stamped(entries)
        if len(self._waiting) >= self._group:
            with contextlib.suppress(JournalError):
                self._flush()

    async def append(self, entries: Sequence[Entry]) -> None:
        self._appended = _stamped(entries)
        self._flush()
        await asyncio.sleep(0)  # others get their turn, as they do while the real writer's thread works

    async def close(self) -> None:
        with contextlib.suppress(JournalError):
            self._flush()
        self._journal.close()

    def _flush(self) -> None:
        """Raises JournalError, after telling `on_failure`; what was posted is kept, what was appended is not."""
        waiting, appended, behind = self._waiting, self._appended, bool(self._backlog)
        self._waiting, self._appended = [], []
        try:
            kept = self._backlog.write(self._journal, [*waiting, *appended])
        except JournalError as error:
            self._backlog.keep(waiting)
            self.on_failure(error)
            raise
        if behind:
            self.on_restored(kept)


class NoWriter:
    """Stands in for the journal that cannot be opened: nothing is written, so nothing is started, and stop works."""

    def __init__(self, error: JournalError) -> None:
        self.on_failure: Callable[[JournalError], None] = _ignore
        self.on_restored: Callable[[int], None] = _ignore
        self._error = error

    def post(self, entries: Sequence[Entry]) -> None:
        """Lost: the log has what matters."""

    async def append(self, entries: Sequence[Entry]) -> None:  # noqa: ARG002
        self.on_failure(self._error)
        raise JournalError(str(self._error))

    async def close(self) -> None:
        """There is nothing to close."""
