"""How many wrong PINs were typed, where and for whom, and how long to wait (SEC-15, docs/decisions/0030). Pure.

A place is a tablet, or the command line. An account is one person's present PIN: with a new PIN, none is counted yet.

Promises:
- Wrong PINs count for their place and account together. Only the right PIN of that account, at that place, ends the
  count: neither another person's PIN does, nor can one place lock an account out at another.
- Two bounds over many accounts or places: 20 wrong PINs an hour at one place, 100 a day for one account at the places
  where it never signed in. A place where it did is not affected by the latter.
- What is remembered is bounded.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from pumpd.quantities import NS_PER_S

MINUTE_NS, HOUR_NS, DAY_NS = 60 * NS_PER_S, 3600 * NS_PER_S, 24 * 3600 * NS_PER_S

WRONG_PINS = 5  # SEC-15 [P]
FIRST_WAIT_NS, LONGEST_WAIT_NS = MINUTE_NS, HOUR_NS  # SEC-15 [P]; doubled by each further wrong PIN
MOST_AT_PLACE = 20  # an hour, for all accounts
MOST_ELSEWHERE = 100  # a day, for one account at places where it never signed in
MANY = 10  # an hour, at one place or for one account: the operator is told
MOST_KEPT = 5000  # of everything that is counted here

Pair = tuple[str, str]  # place and account
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Throttle:
    """Instants are nanoseconds of any monotonic clock."""

    _wrong: dict[Pair, tuple[int, int]] = field(default_factory=dict)  # how many in a row, and when the last was
    _own: dict[Pair, None] = field(default_factory=dict)  # where an account has signed in
    _at_place: dict[str, deque[int]] = field(default_factory=dict)
    _of_account: dict[str, deque[int]] = field(default_factory=dict)
    _elsewhere: dict[str, deque[int]] = field(default_factory=dict)

    def left_ns(self, place: str, account: str, now_ns: int) -> int:
        """How much longer nothing is checked for this account at this place."""
        wrong, last_ns = self._row(place, account, now_ns)
        wait_ns = min(FIRST_WAIT_NS << (wrong - WRONG_PINS), LONGEST_WAIT_NS) if wrong >= WRONG_PINS else 0
        until = [last_ns + wait_ns, _full(self._at_place.get(place), MOST_AT_PLACE) + HOUR_NS]
        if (place, account) not in self._own:
            until.append(_full(self._elsewhere.get(account), MOST_ELSEWHERE) + DAY_NS)
        return max(0, max(until) - now_ns)

    def failed(self, place: str, account: str, now_ns: int) -> None:
        wrong, _ = self._row(place, account, now_ns)
        _keep(self._wrong, (place, account), (wrong + 1, now_ns))
        counts = [(self._at_place, place, MOST_AT_PLACE), (self._of_account, account, MANY)]
        if (place, account) not in self._own:
            counts.append((self._elsewhere, account, MOST_ELSEWHERE))
        for counted, name, most in counts:
            times = counted.get(name) or deque(maxlen=most)
            times.append(now_ns)
            _keep(counted, name, times)

    def succeeded(self, place: str, account: str) -> None:
        self._wrong.pop((place, account), None)
        _keep(self._own, (place, account), None)

    def many(self, now_ns: int) -> bool:
        """Someone may be guessing: `MANY` PINs or more were wrong in the last hour, at one place or for one account."""
        counted = [*self._at_place.values(), *self._of_account.values()]
        return any(len(times) >= MANY and now_ns - times[-MANY] < HOUR_NS for times in counted)

    def _row(self, place: str, account: str, now_ns: int) -> tuple[int, int]:
        """The wrong PINs in a row; those of yesterday are forgotten."""
        wrong, last_ns = self._wrong.get((place, account), (0, -DAY_NS))
        return (wrong, last_ns) if now_ns - last_ns < DAY_NS else (0, -DAY_NS)


def _full(times: deque[int] | None, most: int) -> int:
    """The oldest of these, if there are as many as may be; otherwise an instant that is long past."""
    return times[0] if times is not None and len(times) >= most else -DAY_NS


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """Remember this as the newest, and forget the oldest when there are too many."""
    kept.pop(key, None)
    while len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
