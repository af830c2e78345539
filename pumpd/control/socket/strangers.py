"""Rows of refusals that anybody on the network can bring about: enough to see it, too few to fill a disk (SEC-19)."""

from dataclasses import dataclass

NS = 10**9
MOST, WITHIN_NS = 30, 60 * NS


@dataclass(slots=True)
class StrangerLimit:
    """At most so many in so long; how many were left out is said with the next one."""

    _since_ns: int = -WITHIN_NS
    _written: int = 0
    left_out: int = 0

    def allow(self, now_ns: int) -> bool:
        if now_ns - self._since_ns >= WITHIN_NS:
            self._since_ns, self._written = now_ns, 0
        if self._written >= MOST:
            self.left_out += 1
            return False
        self._written += 1
        return True

    def told(self) -> dict[str, int]:
        """What to say with a row that is written: how many were not, since the last."""
        told = {"left_out_before": self.left_out} if self.left_out else {}
        self.left_out = 0
        return told
