"""What the journal keeps, and for how long (AUD-04), and how the rest is removed without breaking the chain.

Kept forever: all entries of an infusion except its readings and events. These are the dose history and its corrections,
orders and confirmations, alarms and ends, about 10 kB per infusion. An infusion that never ended keeps its readings
too. So are the courses that were ordered, and their assessments. Every entry is kept for the time `everything`; beyond
that, the newest `events` entries that are not readings, and the newest `faults` alarms. An entry's age is counted from
the latest time in it or any earlier entry, up to the newest entry or to now, whichever is earlier: a clock that was set
back makes no entry old, and one that jumps ahead removes nothing at once.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pumpd.journal.courses import ASSESSED, ORDERED
from pumpd.journal.records import PRUNED, Entry, Record, Removed
from pumpd.journal.store import Journal, JournalReader, timestamp

READINGS = frozenset({"reading", "happened", "began", "frame"})  # many, and useful only for a while
END = "infusion_ended"
# The chain; the lowest accepted version of the library; the courses, as long as the orders of their infusions.
FOREVER = frozenset({PRUNED, "library_accepted", ORDERED, ASSESSED})
FAULT = "alarm_raised"
GAPS_AN_ENTRY = 500  # of a `pruned` entry, so that none grows beyond about 50 kB


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


def plan(records: Iterable[Record], now: datetime, retention: Retention, removed: Mapping[int, Removed]) -> Plan:
    """What may be removed. `records` is read twice, so it must be a collection. Pure."""
    counted: Counter[bool] = Counter()
    faults, ended, newest = 0, set(), ""
    for entry in records:
        counted[entry.kind in READINGS] += 1
        faults += entry.kind == FAULT
        newest = max(newest, entry.ts)
        if entry.kind == END:
            ended.add(entry.session)
    before = timestamp(min(now, datetime.fromisoformat(newest) if newest else now) - retention.everything)
    events = counted[False]
    gaps, gone, latest, at = _Gaps(removed), 0, "", 0
    for entry in records:
        latest = max(latest, entry.ts)
        old_event, old_fault = events > retention.events, faults > retention.faults
        events -= entry.kind not in READINGS
        faults -= entry.kind == FAULT
        if entry.kind in READINGS:
            goes = not entry.session or entry.session in ended
        else:
            goes = not entry.session and old_event and entry.kind not in FOREVER and (entry.kind != FAULT or old_fault)
        if goes and latest < before:
            gaps.take(entry, at)
            gone += 1
        else:
            gaps.keep(entry, at)
        at = entry.id
    return Plan(before, gone, tuple(gaps.found))


class _Gaps:
    """Runs of entries to remove, with the old gaps before, between and after them."""

    def __init__(self, removed: Mapping[int, Removed]) -> None:
        self.found: list[Removed] = []
        self._removed = removed
        self._first = 0  # of the run; 0 when there is none
        self._last: tuple[int, str] = (0, "")

    def take(self, entry: Record, before: int) -> None:
        self._first = self._first or before + 1
        self._last = (entry.id, entry.hash)

    def keep(self, entry: Record, before: int) -> None:
        if self._first:
            if entry.id != before + 1:  # an old gap follows the run
                self._last = (entry.id - 1, self._removed[entry.id - 1].hash)
            self.found.append(Removed(self._first, *self._last))
        self._first = 0


class _All:
    """Every entry, as often as needed."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[Record]:
        return self._reader.all()


def prune(journal: Journal, now: datetime, retention: Retention, reason: str) -> tuple[Plan, Sequence[Record]]:
    """Remove what may be removed, if the journal is intact. Returns what was removed and the entries that record it.

    Raises JournalError; then nothing is done. It reads the journal three times, so it is not for the event loop of
    running pumps.
    """
    with contextlib.closing(JournalReader(journal.path)) as reader:
        reader.verify()  # evidence of tampering must not be tidied away
        made = plan(_All(reader), now, retention, reader.removed())
    return made, journal.prune(made.gaps, made.entries(reason), now) if made.gaps else ()
