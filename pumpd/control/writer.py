"""The journal's writer as the control loop sees it: post and go on, or append and wait until it is on the disk.

The SQLite connection lives on one thread of its own, so a slow disk delays the next start and nothing else (RUN-16).
What has gathered while the disk was busy goes down as one transaction, in the order in which it was handed over.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from pumpd.journal import Entry, Journal, JournalError

log = structlog.get_logger("pumpd.control")

CLOSE_WITHIN_S = 5.0


class JournalWriter(Protocol):
    """Both ways keep the order of their calls. A failure to write is told to `on_failure`; those entries are lost."""

    on_failure: Callable[[JournalError], None]

    def post(self, entries: Sequence[Entry]) -> None:
        """Write soon; never waits."""
        ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return once these and all before them are on the disk. Raises JournalError."""
        ...

    async def close(self) -> None: ...


def _ignore(error: JournalError) -> None:
    """Until somebody listens."""


_Batch = tuple[Sequence[Entry], "asyncio.Future[None] | None"]


class ThreadWriter:
    """The writer of a running gateway."""

    def __init__(self, path: Path, boot: str) -> None:
        """Open the journal. Raises JournalError."""
        self.on_failure: Callable[[JournalError], None] = _ignore
        self._loop = asyncio.get_running_loop()
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(path, boot), name="journal", daemon=True)
        self._thread.start()

    async def opened(self) -> None:
        """Return once the journal is open. Raises JournalError."""
        await self._opened

    def post(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._batches.put((entries, None))

    async def append(self, entries: Sequence[Entry]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._batches.put((entries, done))
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
        error: JournalError | None = None
        entries = [entry for batch, _ in batches for entry in batch]
        if entries:
            try:
                journal.append(entries)
            except JournalError as caught:
                error = caught
            except Exception as caught:  # the thread must live: who waits for it would wait for ever
                log.exception("journal_thread_failed")
                error = JournalError(f"journal {journal.path}: pumpd failed on an entry: {caught!r}")
        for _, done in batches:
            if done is not None:
                self._tell(done, error)
        if error is not None:
            self._loop.call_soon_threadsafe(self.on_failure, error)

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
        self._journal, self._group = journal, group
        self._waiting: list[Entry] = []

    def post(self, entries: Sequence[Entry]) -> None:
        self._waiting += entries
        if len(self._waiting) >= self._group:
            try:
                self._flush()
            except JournalError as error:
                self.on_failure(error)

    async def append(self, entries: Sequence[Entry]) -> None:
        self._waiting += entries
        try:
            self._flush()
        except JournalError as error:
            self.on_failure(error)
            raise

    async def close(self) -> None:
        self._flush()
        self._journal.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._journal.append(waiting)
