"""What a simulated Zyno pump stores: its event log, a ring of entries of 16 bytes that survives a power cut.

Source: the protocol sheet (RI, RE, the types), and for the place of time and subtype a public client.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum

SIZE = 43264
ERASED = "F" * 32


class Kind(IntEnum):
    """The types of event that the simulation writes."""

    RUN = 1
    PAUSED = 2
    EMPTY = 3
    DOSE_GRANTED = 6
    OCCLUSION = 9
    DETACHED = 14
    SYSTEM_ERROR = 18
    SETTING_CHANGED = 22
    DOSE_FINISHED = 23
    POWER_ON = 24
    BATTERY_DEPLETED = 28
    BATTERY_LOW = 30


DOWNSTREAM, CLEARED = 2, 4  # of an occlusion
SLOW_MOTOR = 2  # of a system error


class EventLog:
    """`clock` returns the pump's time, in seconds since 1970."""

    def __init__(self, clock: Callable[[], int], head: str) -> None:
        self._clock, self._head = clock, head
        self._entries: dict[int, str] = {}
        self._written = 0

    def add(self, kind: int, subtype: int = 0) -> None:
        self._entries[self._written % SIZE] = f"{kind:02X}{stamp(self._clock()):08X}{subtype:04X}".ljust(32, "0")
        self._written += 1

    def indices(self) -> str:
        """Tail and head, 8 digits each."""
        oldest = max(0, self._written - SIZE)
        head = max(oldest, self._written - 1) if self._head == "newest" else self._written
        return f"{oldest % SIZE:08X}{head % SIZE:08X}"

    def entry(self, index: int) -> str:
        return self._entries.get(index % SIZE, ERASED)


def stamp(unix_s: int) -> int:
    """Year since 2000 in 6 bits, then month 4, day 5, hour 5, minute 6, second 6."""
    at = datetime.fromtimestamp(unix_s, UTC)
    packed = at.year - 2000
    for bits, value in ((4, at.month), (5, at.day), (5, at.hour), (6, at.minute), (6, at.second)):
        packed = packed << bits | value
    return packed & 0xFFFFFFFF
