"""Entries that are not on disk yet, in the order in which they were handed over, and how many may wait (AUD-10).

Promises:
- Posted entries are kept until they are written. At most `KEPT_MOST` of them wait, whether the disk is slow, hangs or
  refuses; beyond that they are counted, and an entry `entries_lost` gives the number.
- Appended entries are written or refused, and the caller learns which.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pumpd.journal.chain import JournalError
from pumpd.journal.records import Entry, Removed
from pumpd.journal.store import Journal

KEPT_MOST = 20_000  # entries: an hour of a running pump, about 20 MB


@dataclass(slots=True, eq=False)
class Batch:
    """Entries that were handed over together."""

    entries: Sequence[Entry]
    posted: bool  # if not, it was appended, and its caller waits
    removed: Sequence[Removed] = ()  # what `entries` record as removed
    begun: bool = False  # writing has begun
    settled: bool = False
    error: JournalError | None = None  # of an appended batch that is settled


def stamped(entries: Iterable[Entry]) -> list[Entry]:
    """The entries with the present wall time: an entry records when something happened, not when the disk was free
    (AUD-02).
    """
    now = datetime.now(UTC)
    return [Entry(kind, body, pump, session, mono_ns, now) for kind, body, pump, session, mono_ns, _ in entries]


class Backlog:
    def __init__(self) -> None:
        self.lost = 0
        self.posted = 0  # entries
        self.behind = False  # a write failed or hung, and none has succeeded since
        self._batches: list[Batch] = []

    @property
    def full(self) -> bool:
        return self.posted >= KEPT_MOST

    def post(self, entries: Sequence[Entry]) -> None:
        kept = stamped(entries)[: max(0, KEPT_MOST - self.posted)]
        self.lost += len(entries) - len(kept)
        if kept:
            self.posted += len(kept)
            self._batches.append(Batch(kept, posted=True))

    def append(self, entries: Sequence[Entry], removed: Sequence[Removed] = ()) -> Batch:
        batch = Batch(stamped(entries), posted=False, removed=removed)
        self._batches.append(batch)
        return batch

    def holds(self, batch: Batch) -> bool:
        return not batch.settled

    def withdraw(self, batch: Batch) -> bool:
        """Take back an appended batch; False when writing has begun."""
        if batch.begun or batch not in self._batches:
            return False
        self._batches.remove(batch)
        return True

    def begin(self) -> tuple[list[Batch], int]:
        """Everything that waits, for an attempt to write it, and how many entries have been lost so far."""
        for batch in self._batches:
            batch.begun = True
        return [*self._batches], self.lost

    def written(self, batches: Sequence[Batch], lost: int) -> int | None:
        """These are on disk. After a failure it returns how many posted entries these were, otherwise None."""
        self._forget(batches)
        self.lost -= lost
        behind, self.behind = self.behind, self.lost > 0
        if not behind:
            return None
        return sum(len(batch.entries) for batch in batches if batch.posted) + (1 if lost else 0)

    def failed(self, batches: Iterable[Batch], error: JournalError) -> None:
        """None of these is on disk: posted entries are kept, appended ones refused."""
        self.behind = True
        appended = [batch for batch in batches if not batch.posted]
        for batch in appended:
            batch.error = error
        self._forget(appended)

    def drop(self, batch: Batch, error: JournalError) -> None:
        """Give up a batch that can never be written."""
        batch.error = error
        self._forget([batch])
        self.lost += len(batch.entries) if batch.posted else 0

    def _forget(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            batch.settled = True
        self._batches = [batch for batch in self._batches if not batch.settled]
        self.posted = sum(len(batch.entries) for batch in self._batches if batch.posted)


def write(journal: Journal, batches: Sequence[Batch], lost: int) -> None:
    """Write them in one transaction; without any, check that the file is still there.

    Raises JournalError, or whatever Python raises for an entry that cannot be written.
    """
    entries = [entry for batch in batches for entry in batch.entries]
    if lost:
        at = entries[-1].mono_ns if entries else 0
        entries += stamped([Entry("entries_lost", {"count": lost}, mono_ns=at)])
    removed = [gap for batch in batches for gap in batch.removed]
    if removed:
        journal.prune(removed, entries)
    elif entries:
        journal.append(entries)
    else:
        journal.check()
