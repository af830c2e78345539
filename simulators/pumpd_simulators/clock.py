"""Plant time: the seconds that a simulated pump's physics lives in.

Plant time is the event loop's time times a speed. Only the physics is sped up: protocol time-outs, byte pacing and
line faults are I/O and stay on the loop's own time. On a test's virtual loop all of it is virtual.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """What a plant needs of time: seconds that only grow, and a call at an instant of them."""

    def now(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Cancellable: ...


class LoopClock:
    """Plant time on an event loop, starting at 0 when it is made and running `speed` times as fast."""

    def __init__(self, speed: float = 1.0, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if not 0 < speed <= 100_000:
            raise ValueError(f"speed must be above 0 and at most 100000, not {speed}")
        self.speed = speed
        self._loop = loop or asyncio.get_running_loop()
        self._start = self._loop.time()

    def now(self) -> float:
        return (self._loop.time() - self._start) * self.speed

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_at(self._start + when / self.speed, callback)
