"""A fast event loop in virtual time: when nothing is ready, time leaps to the next timer.

For campaigns and benchmarks, where simulators and the code under test share one loop. Tests use looptime instead, which
looks after more and costs more.

Promises:
- `time()` starts at 0 and moves only while nothing is ready to run, exactly to the instant of the next timer.
- The same timers run in the same order each time.
- Without a timer, and without a descriptor of somebody's to wait for, a loop that waits for something waits for ever:
  that raises `StuckError` instead.

Work in threads and other processes takes no virtual time: time leaps past it. Do not wait for such work here.
"""

import asyncio
import selectors
from typing import Any


class StuckError(RuntimeError):
    """Nothing will ever happen on this loop again, and something still waits."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        return self._now

    def leap(self, seconds: float) -> None:
        self._now += seconds


class _Leaping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        watched = len(self.get_map()) > 1  # besides the loop's own
        ready = super().select(0) if watched else []
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self._loop.leap(timeout)
        elif watched:
            return super().select(None)
        else:
            raise StuckError("nothing is scheduled and nothing is ready: what is awaited here never comes")
        return ready
