"""The journal loses its old readings and events while control runs, a little at a time, when it is asked to.

Promises:
- One request works for about a second: the caller asks again until it is done, or stops asking.
- Each step is a small transaction of its own between the entries of the pumps: none of them waits for longer than that.
- A journal that does not fit its chain is not pruned any further: it is evidence.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.host.own_thread import OwnThread
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.retention import Plan, Retention, Walk, bounds
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import PruneJournal
from pumpd.texts import text

FOR_S = 1.0  # of a request, well within the time that a client waits for its answer
PAUSE_S = 0.02  # between two steps, so that pumps and tablets have the processor


class RetentionService:
    def __init__(self, path: Path, journal: JournalWriter, clock: Clock) -> None:
        self._path, self._journal, self._clock = path, journal, clock
        self._asked = PruneJournal()
        self._walk: Walk | None = None
        self._disk = OwnThread("retention", self._piece)
        self._turn = asyncio.Lock()

    async def prune(self, asked: PruneJournal, by: str) -> Mapping[str, Any]:
        """Continue where the last request ended. Raises RefusedError; what was removed until then is recorded."""
        if self._turn.locked():
            raise RefusedError(
                text("journal.being_pruned", "journal: another request prunes it already; ask again later")
            )
        async with self._turn:
            if asked != self._asked:
                self._asked, self._walk = asked, None
            removed, loop = 0, asyncio.get_running_loop()
            end, done, before = loop.time() + FOR_S, False, ""
            try:
                while not done and loop.time() < end:
                    piece, done = await self._disk.result()
                    if piece.gaps:
                        await self._journal.prune(piece.gaps, piece.entries(f"{asked.reason}, by {by}"))
                    removed, before = removed + piece.count, piece.before
                    await asyncio.sleep(PAUSE_S)
            except JournalError as error:
                self._walk = None
                raise RefusedError(
                    text("journal.nothing_more_removed", "journal: {why}; nothing more was removed", why=error)
                ) from error
            if done:
                self._walk = None
            return {"removed": removed, "before": before, "done": done}

    def _piece(self) -> tuple[Plan, bool]:
        """Blocks. Raises JournalError."""
        with contextlib.closing(JournalReader(self._path)) as reader:
            if self._walk is None:
                kept = Retention(timedelta(hours=self._asked.hours))
                self._walk = Walk(bounds(reader, self._clock.now(), kept, self._asked.last))
            return self._walk.piece(reader), self._walk.done
