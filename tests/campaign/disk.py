"""The journal's writer as the control process sees it, on a disk that can be slow, full or away.

A death loses whatever was not yet on disk. Time is virtual, with the wall clock of the story.

This module decides when an entry is durable, in order, as the real writer's thread would. SQLite is only written with
what is already durable, so a death takes nothing back.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from pumpd.journal import Entry, Journal, JournalError
from pumpd.journal.writer import SLOW_FOR_S, SLOW_S, lost_of

WRITE_S = 0.002  # from handing over until durable, on a good disk


class Disk:
    """The disk of a gateway, which outlives its processes. `written` counts the durable entries by kind."""

    def __init__(self, path: Path, wall: Callable[[], datetime]) -> None:
        self.path, self.wall = path, wall
        self.written: Counter[str] = Counter()
        self.lost = 0  # entries that the disk refused
        self.full_until = self.away_until = self.slow_until = 0.0
        self.slow_s = 0.0


class Writer:
    """`point` is called before and after every transaction, with its entries: the crash points of the journal."""

    def __init__(self, disk: Disk, boot: str) -> None:
        self.on_failure: Callable[[JournalError], None] = lambda _: None
        self.point: Callable[[str, Sequence[Entry]], None] = lambda _, __: None
        self.dead = False
        self._disk = disk
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, Sequence[Entry], asyncio.Future[None] | None]] = []
        self._busy_until = 0.0
        self._slow_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._journal = Journal(disk.path, boot)
        self.lost = lost_of(self._journal)

    @property
    def slow(self) -> bool:
        return self._loop.time() < self._slow_until

    def post(self, entries: Sequence[Entry]) -> None:
        if entries and not self.dead:
            self._take(entries, None)

    async def append(self, entries: Sequence[Entry]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        if not self.dead:
            self._take(entries, done)
        await done

    async def close(self) -> None:
        if not self.dead:
            await self.append([])
        self.die()

    def die(self) -> None:
        """Whatever is not on disk now never will be."""
        if self._timer is not None:
            self._timer.cancel()
        self.dead = True
        self._waiting.clear()
        self._journal.close()

    def _take(self, entries: Sequence[Entry], done: "asyncio.Future[None] | None") -> None:
        disk, now = self._disk, self._loop.time()
        start = max(now, self._busy_until)
        if start < disk.away_until:
            start = disk.away_until
        due = start + (disk.slow_s if start < disk.slow_until else WRITE_S)
        if self._waiting and self._waiting[-1][0] >= start:
            due = max(due, self._waiting[-1][0])  # what gathers while the disk is busy is written together
        self._busy_until = due
        if due - now >= SLOW_S:
            self._slow_until = max(self._slow_until, due + SLOW_FOR_S)
        self._waiting.append((due, entries, done))
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._write)

    def _write(self) -> None:
        self._timer = None
        now, due = self._loop.time(), []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(self._waiting.pop(0))
        entries = [entry for _, batch, _ in due for entry in batch]
        error = self._down(entries) if entries else None
        if self.dead:
            return
        for _, _, done in due:
            if done is not None and not done.done():
                done.set_result(None) if error is None else done.set_exception(error)
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._write)
        if error is not None:
            self.on_failure(error)

    def _down(self, entries: Sequence[Entry]) -> JournalError | None:
        disk = self._disk
        if self._loop.time() < disk.full_until:
            disk.lost += len(entries)
            return JournalError("journal: database or disk is full")
        self.point("before", entries)
        if self.dead:
            return None
        self._journal.append(entries, disk.wall())
        disk.written.update(entry.kind for entry in entries)
        self.point("after", entries)
        return None
