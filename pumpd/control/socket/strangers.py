"""Journal entries that anybody on the network can cause: enough to see it, too few to fill a disk (SEC-19)."""

from dataclasses import dataclass

NS = 10**9
MOST, WITHIN_NS = 30, 60 * NS


@dataclass(slots=True)
class StrangerLimit:
    """At most so many entries in so long. The next entry says how many were left out."""

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
        """What the entry that is written now says about those that were not."""
        found = {"left_out_before": self._left_out} if self._left_out else {}
        self._left_out = 0
        return found
