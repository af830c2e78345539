"""Time for the control process: instants from the running loop, scaled for the demo.

Under a test's virtual loop the same clock is virtual. Intervals rest on it alone; wall time is for display and records.
"""

import asyncio
import ctypes
import sys
from dataclasses import replace
from datetime import UTC, datetime

from pumpd.pump import Reading

_UNSYNCHRONIZED = 0x0040  # STA_UNSYNC of adjtimex(2)
_TIMEX_BYTES = 512  # more than struct timex has
_STATUS_AT = 5 * ctypes.sizeof(ctypes.c_long)  # behind modes, offset, freq, maxerror and esterror


def synchronized() -> bool:
    """Whether the kernel holds its wall clock for synchronised (NTP); a Pi without one starts in the past (PWR-12)."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        if ctypes.CDLL(None).adjtimex(buffer) < 0:
            return False
    except (OSError, AttributeError):
        return False
    status = int.from_bytes(buffer.raw[_STATUS_AT : _STATUS_AT + 4], sys.byteorder)
    return not status & _UNSYNCHRONIZED


class Clock:
    """Clinical time: `scale` times as fast as the loop's own, from the same zero."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    def monotonic_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9) * self.scale

    def loop_ns(self) -> int:
        """The loop's own time: for what people and lines do, which does not run faster."""
        return int(asyncio.get_running_loop().time() * 1e9)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def utc_offset_min(self) -> int:
        """Minutes by which the clocks on this gateway's walls are ahead of UTC now."""
        ahead = self.now().astimezone().utcoffset()
        return 0 if ahead is None else round(ahead.total_seconds() / 60)

    def loop_seconds(self, ns: int) -> float:
        """A stretch of clinical time as seconds of the loop's time."""
        return ns / self.scale / 1e9

    def of_reading(self, reading: Reading) -> Reading:
        """A reading, whose instants a driver takes from the loop, in clinical time."""
        if self.scale == 1:
            return reading
        return replace(reading, asked_ns=reading.asked_ns * self.scale, answered_ns=reading.answered_ns * self.scale)
