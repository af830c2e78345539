"""What the journal keeps, and for how long (AUD-04), and how the rest is removed without breaking the chain.

Kept forever: all entries of an infusion except its readings and events. These are the dose history and its corrections,
orders and confirmations, alarms and ends, about 10 kB per infusion. An infusion that never ended keeps its readings
too. So are the courses that were ordered, and their assessments. Every entry is kept for the time `everything`; beyond
that, the newest `events` entries that are not readings, and the newest `faults` alarms. An entry's age is counted from
the latest time in it or any earlier entry, up to the newest entry or to now, whichever is earlier: a clock that was set
back makes no entry old, and one that jumps ahead removes nothing at once.

The rest is removed in small steps, so it needs neither time nor room: a full disk is just when it is wanted. The file
does not shrink; its free space is used for what comes next.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pumpd.journal.chain import Gaps, follow
from pumpd.journal.courses import ASSESSED, ORDERED
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import PRUNED, START, Anchor, Entry, Record, Removed
from pumpd.journal.store import Journal, timestamp

READINGS = frozenset({"reading", "happened", "began", "frame"})  # many, and useful only for a while
END = "infusion_ended"
# The chain; the lowest accepted version of the library; the courses, as long as the orders of their infusions.
FOREVER = frozenset({PRUNED, "library_accepted", ORDERED, ASSESSED})
FAULT = "alarm_raised"
GAPS_AN_ENTRY = 500  # of a `pruned` entry, so that none grows beyond about 50 kB
PIECE = 1000  # entries: removed in some 10 ms, for which a start may have to wait


@dataclass(frozen=True, slots=True)
class Retention:
    """How long entries are kept. The minimum values are the catalogue's; shorter ones raise ValueError."""

    everything: timedelta = timedelta(hours=1000)  # AUD-04: logs 1000 h, events 30 d, orders 96 h
    events: int = 5000  # AUD-04
    faults: int = 1000  # AUD-04

    def __post_init__(self) -> None:
        least = (timedelta(hours=1000), 5000, 1000)
        if (short := self.everything < least[0]) or self.events < least[1] or self.faults < least[2]:
            what = f"{self.everything} is less than {least[0]}" if short else f"{least[1]} events, {least[2]} faults"
            raise ValueError(f"retention: {what}; the journal must be kept that long (AUD-04)")


@dataclass(frozen=True, slots=True)
class Plan:
    """Entries to remove, as the gaps that they will leave; adjacent older gaps are merged into them."""

    before: str
    count: int
    gaps: tuple[Removed, ...]

    def entries(self, reason: str) -> list[Entry]:
        """The entries that record the removal and carry the chain across the gaps."""
        lists = [self.gaps[at : at + GAPS_AN_ENTRY] for at in range(0, len(self.gaps), GAPS_AN_ENTRY)]
        return [
            Entry(
                PRUNED, {"reason": reason, "before": self.before, "removed": [[g.first, g.last, g.hash] for g in part]}
            )
            for part in lists
        ]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is old enough to be removed, for one walk through the journal: older than `before`, and, of the entries of
    no infusion, with a number below that of the newest ones, which are kept whatever their age.
    """

    before: str
    event: int
    fault: int
    last: int  # nothing after this entry is removed

    def removes(self, entry: Record, latest: str, ended: Callable[[str], bool]) -> bool:
        """`latest`: the latest time in this entry or any before it. `ended`: whether an infusion has ended. Pure."""
        if latest >= self.before or entry.id > self.last:
            return False
        if entry.kind in READINGS:
            return not entry.session or ended(entry.session)
        if entry.session or entry.kind in FOREVER or entry.id >= self.event:
            return False
        return entry.kind != FAULT or entry.id < self.fault


def bounds(reader: JournalReader, now: datetime, retention: Retention, last: int | None = None) -> Bounds:
    """`last`: remove nothing after this entry. Raises JournalError."""
    newest = reader.last(1)
    until = min(now, datetime.fromisoformat(newest[-1].ts)) if newest else now
    return Bounds(
        timestamp(until - retention.everything),
        reader.newest_events(retention.events),
        reader.newest_of(FAULT, retention.faults),
        newest[-1].id if newest and last is None else last or 0,
    )


class Walk:
    """A walk through the journal from its first entry, in pieces: each is checked, and what it may lose is planned.

    It ends at the first entry that is too young. A piece is removed before the next one is planned.
    """

    def __init__(self, limits: Bounds) -> None:
        self.bounds, self.done = limits, False
        self._at, self._kept = START, 0  # the last entry so far, and the last one that is kept
        self._latest = ""
        self._ended: dict[str, bool] = {}

    def piece(self, reader: JournalReader) -> Plan:
        """The next piece. Raises BrokenChainError at an entry that does not fit: evidence must not be tidied away."""
        entries, gaps = reader.after(self._at.seq, PIECE), reader.gaps()
        self.done = len(entries) < PIECE
        follow(reader.path, entries, self._at, gaps)
        runs, count, at, latest = _Runs(gaps), 0, self._kept, self._latest

        def ended(session: str) -> bool:
            if session not in self._ended:
                self._ended[session] = reader.has_ended(session)
            return self._ended[session]

        for entry in entries:
            latest = max(latest, entry.ts)
            if latest >= self.bounds.before or entry.id > self.bounds.last:
                self.done = True
                runs.keep(entry, at)
                break
            if self.bounds.removes(entry, latest, ended):
                runs.take(entry, at)
                count += 1
            else:
                runs.keep(entry, at)
                self._kept = entry.id
            at = entry.id
            self._at = Anchor(entry.id, entry.hash)
        runs.end()
        self._latest = latest
        return Plan(self.bounds.before, count, tuple(runs.found))


class _Runs:
    """Runs of entries to remove, with the old gaps before, between and after them."""

    def __init__(self, gaps: Gaps) -> None:
        self.found: list[Removed] = []
        self._gaps = gaps
        self._first = 0  # of the run; 0 when there is none
        self._last: tuple[int, str] = (0, "")

    def take(self, entry: Record, before: int) -> None:
        """`before`: the last entry before it that was not removed earlier."""
        self._first = self._first or before + 1
        self._last = (entry.id, entry.hash)

    def keep(self, entry: Record, before: int) -> None:
        if self._first and entry.id != before + 1 and (gap := self._gaps.get(entry.id - 1)) is not None:
            self._last = (gap.last, gap.hash)  # an old gap follows the run
        self.end()

    def end(self) -> None:
        if self._first:
            self.found.append(Removed(self._first, *self._last))
        self._first = 0


def prune(
    journal: Journal, now: datetime, retention: Retention, reason: str, last: int | None = None
) -> tuple[Plan, Sequence[Record]]:
    """Remove what may be removed, piece by piece, each in a small transaction of its own. Returns what was removed and
    the entries that record it. Raises JournalError; what was removed before is recorded.
    """
    gaps: list[Removed] = []
    written: list[Record] = []
    count = 0
    with contextlib.closing(JournalReader(journal.path)) as reader:
        walk = Walk(bounds(reader, now, retention, last))
        while not walk.done:
            piece = walk.piece(reader)
            if piece.gaps:
                written += journal.prune(piece.gaps, piece.entries(reason), now)
            gaps += piece.gaps
            count += piece.count
    return Plan(walk.bounds.before, count, tuple(gaps)), tuple(written)
