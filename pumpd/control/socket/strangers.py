"""Journal entries that anyone on the network can cause: enough to see it, too few to fill a disk (SEC-19)."""

from dataclasses import dataclass

NS = 10**9
MOST, WITHIN_NS = 30, 60 * NS


@dataclass(slots=True)
class StrangerLimit:
    """A limited number of entries per period. The next entry gives the number that were left out."""

    _since_ns: int = -WITHIN_NS
    _written: int = 0
    _left_out: int = 0

    def allow(self, now_ns: int) -> bool:
        if now_ns - self._since_ns >= WITHIN_NS:
            self._since_ns, self._written = now_ns, 0
        if self._written >= MOST:
            self._left_out += 1
            return False
        self._written += 1
        return True

    def left_out(self) -> dict[str, int]:
        """What to add to an entry about those that were left out before it."""
        found = {"left_out_before": self._left_out} if self._left_out else {}
        self._left_out = 0
        return found
