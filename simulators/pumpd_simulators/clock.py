"""Plant time: the time of a simulated pump's physics, in seconds.

Plant time is the event loop's time multiplied by a speed. Only the physics is sped up: protocol time-outs, byte pacing
and line faults are I/O and stay on the loop's own time. On a test's virtual loop all of it is virtual.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

FASTEST = 100_000  # times real time


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """What a plant needs from a clock: seconds that never decrease, and a call at an instant."""

    def now(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Cancellable: ...


class _Call:
    """A call at an instant of plant time, rescheduled when the clock's speed changes."""

    __slots__ = ("_clock", "callback", "handle", "when")

    def __init__(self, clock: "LoopClock", when: float, callback: Callable[[], None]) -> None:
        self._clock, self.when, self.callback = clock, when, callback
        self.handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        if self.handle is not None:
            self.handle.cancel()
        self._clock.calls.discard(self)

    def run(self) -> None:
        self._clock.calls.discard(self)
        self.callback()


class LoopClock:
    """Plant time on an event loop. It starts at 0 and runs `speed` times as fast as the loop's time.

    It can be paused, and its speed changed; plant time never jumps.
    """

    def __init__(self, speed: float = 1.0, loop: asyncio.AbstractEventLoop | None = None) -> None:
        _check(speed)
        self._speed, self._paused = speed, False
        self._loop = loop or asyncio.get_running_loop()
        self._since, self._then = self._loop.time(), 0.0  # loop time and plant time of the last change
        self.calls: set[_Call] = set()

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def paused(self) -> bool:
        return self._paused

    def now(self) -> float:
        return self._then if self._paused else self._then + (self._loop.time() - self._since) * self._speed

    def call_at(self, when: float, callback: Callable[[], None]) -> _Call:
        call = _Call(self, when, callback)
        self.calls.add(call)
        self._arm(call)
        return call

    def change(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        """Continue at another speed, or pause. Raises ValueError for an unusable speed."""
        if speed is not None:
            _check(speed)
        self._then, self._since = self.now(), self._loop.time()
        self._speed = self._speed if speed is None else speed
        self._paused = self._paused if paused is None else paused
        for call in self.calls:
            if call.handle is not None:
                call.handle.cancel()
            self._arm(call)

    def _arm(self, call: _Call) -> None:
        if self._paused:
            call.handle = None
        else:
            call.handle = self._loop.call_at(self._since + (call.when - self._then) / self._speed, call.run)


def _check(speed: float) -> None:
    if not 0 < speed <= FASTEST:
        raise ValueError(f"speed must be above 0 and at most {FASTEST}, not {speed}")
