"""Time for the control process: instants from the running loop, scaled for the demo.

Under a test's virtual loop the same clock is virtual. All intervals use it; wall time is for display and records.
"""

import asyncio
import ctypes
import struct
import time
from dataclasses import replace
from datetime import UTC, datetime

from pumpd.host.clock_rules import KernelClock
from pumpd.host.instant import Instant
from pumpd.pump import Reading

_UNSYNCHRONIZED, _NANOSECONDS = 0x0040, 0x2000  # STA_UNSYNC, STA_NANO of adjtimex(2)
_TIMEX_BYTES = 512  # more than the size of struct timex
# Its first fields, by the size of a C long: modes, offset, freq, maxerror, esterror, status.
_TIMEX = {8: struct.Struct("=i4xqqqqi"), 4: struct.Struct("=illlli")}


def read_kernel() -> KernelClock:
    """The kernel's report on its wall clock. A Pi without a battery-backed clock starts in the past (PWR-12)."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    ahead_ns = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    try:
        failed = ctypes.CDLL(None).adjtimex(buffer) < 0
    except (OSError, AttributeError):
        failed = True
    if failed:
        return KernelClock(synchronized=False, error_us=0, ahead_ns=ahead_ns)
    return of_timex(buffer.raw, ctypes.sizeof(ctypes.c_long), ahead_ns)


def of_timex(raw: bytes, long_bytes: int, ahead_ns: int) -> KernelClock:
    """Read a struct timex; `long_bytes` is the size of this machine's C long.

    An offset that is still being slewed away is a present error: it is added to the bound.
    """
    _, offset, _, most_us, estimated_us, status = _TIMEX[long_bytes].unpack_from(raw)
    offset_us = -(-abs(offset) // 1000) if status & _NANOSECONDS else abs(offset)
    return KernelClock(
        synchronized=not status & _UNSYNCHRONIZED,
        error_us=max(most_us, estimated_us) + offset_us,
        ahead_ns=ahead_ns,
    )


class Clock:
    """Clinical time: `scale` times as fast as the loop's time, from the same zero."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    def monotonic_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9) * self.scale

    def loop_ns(self) -> int:
        """The loop's own time, for people and serial lines, which do not run faster."""
        return int(asyncio.get_running_loop().time() * 1e9)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def instant(self) -> Instant:
        return Instant(self.monotonic_ns(), self.now(), self.scale)

    def kernel(self) -> KernelClock:
        return read_kernel()

    def known(self, *, trusted: bool) -> bool:
        """Whether wall time can be relied on now. `trusted`: the site is responsible for it, or only a simulated pump
        asks.
        """
        return trusted or self.kernel().synchronized

    def utc_offset_min(self, at: datetime | None = None) -> int:
        """Minutes by which local time is ahead of UTC, at an instant or now. It changes twice a year."""
        ahead = (self.now() if at is None else at).astimezone().utcoffset()
        return 0 if ahead is None else round(ahead.total_seconds() / 60)

    def loop_seconds(self, ns: int) -> float:
        """A length of clinical time in seconds of the loop's time."""
        return ns / self.scale / 1e9

    def of_reading(self, reading: Reading) -> Reading:
        """A reading in clinical time: a driver takes its instants from the loop."""
        if self.scale == 1:
            return reading
        return replace(reading, asked_ns=reading.asked_ns * self.scale, answered_ns=reading.answered_ns * self.scale)
