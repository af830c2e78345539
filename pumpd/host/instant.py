"""One instant in every time that pumpd uses: clinical, real and wall time. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

NS_PER_S = 10**9


@dataclass(frozen=True, slots=True)
class Instant:
    """`now_ns`: clinical nanoseconds, `scale` times as fast as real time. `wall`: UTC, for display only."""

    now_ns: int
    wall: datetime
    scale: int = 1

    def real_s(self, ns: int) -> float:
        """A length of clinical time in real seconds, which is also the time of serial lines."""
        return ns / self.scale / NS_PER_S

    def wall_at(self, at_ns: int) -> datetime:
        """The wall time of another clinical instant."""
        return self.wall + timedelta(seconds=self.real_s(at_ns - self.now_ns))
