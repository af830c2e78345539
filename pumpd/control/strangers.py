"""Journal entries that anyone can cause without a key or a PIN: enough to see it, too few to fill a disk (AUD-13).

Promises:
- They take at most `DAY_BYTES` of the disk a day, however they are caused: `REST_BYTES` for everything that comes in by
  the sockets, the rest for stops of pumps at rest, in equal shares.
- Each source has a budget of its own, so that a flood displaces no entry of another source, and none that is not
  limited here. The first entries of a flood are written in full.
- What was left out is counted: an entry `entries_left_out` gives the numbers, at most every `TOLD_EVERY_S`.
- Only entries are limited. A stop is sent, and a refusal answered, whatever is written about it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.records import canonical
from pumpd.journal.writer import JournalWriter
from pumpd.quantities import NS_PER_S

DAY_BYTES, REST_BYTES = 9_000_000, 3_000_000  # AUD-13: 10 MB a day, with what counts them
SOURCES = 15  # at most, apart from pumps
PUMP_MOST = 400_000  # bytes a day
ENTRY_BYTES = 500  # of an entry on the disk beside its body: hash, times, names, index
LONGEST_BODY = 4000
TOLD_EVERY_S = 600.0
LEFT_OUT = "entries_left_out"
_DAY_NS = 24 * 3600 * NS_PER_S


@dataclass(slots=True)
class _Budget:
    """Half of a day's bytes at once, the other half evenly over the day."""

    day_bytes: int
    left: float
    counted_ns: int

    def take(self, size: int, now_ns: int) -> bool:
        most = self.day_bytes / 2
        self.left = min(most, self.left + most * (now_ns - self.counted_ns) / _DAY_NS)
        self.counted_ns = now_ns
        if size > self.left:
            return False
        self.left -= size
        return True


class Strangers:
    def __init__(self, pumps: int, journal: JournalWriter, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._pump_bytes = min(PUMP_MOST, (DAY_BYTES - REST_BYTES) // max(1, pumps))
        self._budgets: dict[str, _Budget] = {}
        self._left_out: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def note(self, source: str, kind: str, body: Mapping[str, Any], pump: str = "", session: str = "") -> None:
        """Write this entry if the budget of the source allows it. `source` is one of few: a kind and a door."""
        if self._may(source, source, body, REST_BYTES // SOURCES):
            self._post(kind, body, pump, session)

    def may_of_pump(self, pump: str, kind: str, body: Mapping[str, Any]) -> bool:
        """Whether an entry about a pump at rest, which anyone can cause, may be written. If not, it is counted."""
        return self._may(pump, f"{kind} of {pump}", body, self._pump_bytes)

    def close(self) -> None:
        """Write what was left out since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell()

    def _may(self, source: str, what: str, body: Mapping[str, Any], day_bytes: int) -> bool:
        size, now_ns = len(canonical(body)), self._clock.loop_ns()
        if source not in self._budgets:
            self._budgets[source] = _Budget(day_bytes, day_bytes / 2, now_ns)
        if size <= LONGEST_BODY and self._budgets[source].take(size + ENTRY_BYTES, now_ns):
            return True
        self._left_out[what] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOLD_EVERY_S, self._tell)
        return False

    def _tell(self) -> None:
        self._timer = None
        self._post(LEFT_OUT, {"counts": dict(self._left_out)})
        self._left_out.clear()

    def _post(self, kind: str, body: Mapping[str, Any], pump: str = "", session: str = "") -> None:
        self._journal.post([Entry(kind, body, pump, session, self._clock.monotonic_ns())])
