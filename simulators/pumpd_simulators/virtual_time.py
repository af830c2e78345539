"""A fast event loop in virtual time: when nothing is ready, time jumps to the next timer.

For tests, campaigns and benchmarks, where simulators and the code under test share one loop.

Promises:
- `time()` starts at 0 and advances only while nothing is ready to run, exactly to the instant of the next timer.
- Timers run in the order of their instants, and timers of the same instant in the order in which they were set.
- Time does not advance while work in an executor (`asyncio.to_thread`) is in progress.
- A loop on which nothing can ever happen again, while something still waits, raises `StuckError`.

Work in other threads and processes takes no virtual time, and time jumps past it: do not wait for such work here.
With `inline`, work for an executor is done on the loop itself, at its next pass: the same result without a thread, for
a campaign, in which nothing hangs. Each thread costs as much as the exchange of some frames.

`_run_once` (asyncio's own hook) and the handles are replaced, because asyncio's cost more than most of what runs on
them: they check the clock, descriptors, cancelled timers and the debug mode, of which there are none here.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context, copy_context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StuckError(RuntimeError):
    """Nothing will ever happen on this loop again, and something still waits."""


def _nothing() -> None:
    """What a cancelled handle would call."""


def _do(future: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    if future.cancelled():
        return
    try:
        result = func(*args)
    except BaseException as error:  # noqa: BLE001 - any error belongs to the caller, as in an executor
        future.set_exception(error)
    else:
        future.set_result(result)


class _Handle(asyncio.Handle):
    """As asyncio's, without its debug mode."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], loop: asyncio.AbstractEventLoop, context: Context
    ) -> None:
        self._callback, self._args, self._loop, self._context = callback, args, loop, context
        self._cancelled, self._repr, self._source_traceback = False, None, None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = _nothing, ()


class _TimerHandle(asyncio.TimerHandle):
    """As asyncio's, without its debug mode. The loop drops a cancelled one when its time comes."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context,
    ) -> None:
        self._when, self._callback, self._args, self._loop, self._context = when, callback, args, loop, context
        self._cancelled, self._repr, self._source_traceback, self._scheduled = False, None, None, False

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = _nothing, ()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    _ready: deque[Any]
    _stopping: bool
    _selector: Any
    _default_executor: Executor | None
    _process_events: Callable[[Any], None]

    def __init__(self, *, inline: bool = False) -> None:
        self._now, self._inline = 0.0, inline
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._in_threads: set[asyncio.Future[Any]] = set()
        super().__init__()
        self._descriptors = self._selector.get_map()

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = _TimerHandle(when, callback, args, self, copy_context() if context is None else context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        when = self._now + delay
        handle = _TimerHandle(when, callback, args, self, copy_context() if context is None else context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        if self._inline:
            made: asyncio.Future[T] = self.create_future()
            self.call_soon(_do, made, func, args)
            return made
        future = super().run_in_executor(executor, func, *args)
        self._in_threads.add(future)
        future.add_done_callback(self._in_threads.discard)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - from asyncio
        """Waits here: asyncio would wait for a thread that this loop does not know about."""
        self._executor_shutdown_called = True
        if self._default_executor is not None:
            self._default_executor.shutdown(wait=True)

    def _run_once(self) -> None:
        """Run until the loop is asked to stop; asyncio would call it again and again until then."""
        ready, timers = self._ready, self._timers
        while True:
            if not ready:
                while timers and timers[0][2]._cancelled:  # noqa: SLF001 - what `cancelled()` returns
                    heapq.heappop(timers)
                if self._in_threads or not timers or len(self._descriptors) > 1:
                    self._check_descriptors(wait=not timers)
                if not ready and timers and timers[0][0] > self._now:
                    self._now = timers[0][0]
            now = self._now
            while timers and timers[0][0] <= now:
                ready.append(heapq.heappop(timers)[2])
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:  # noqa: SLF001 - as above
                    try:
                        handle._context.run(handle._callback, *handle._args)  # noqa: SLF001 - as asyncio does
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - as asyncio does
                        told = {"message": f"Exception in callback {handle!r}", "exception": error, "handle": handle}
                        self.call_exception_handler(told)
            if self._stopping:
                return

    def _check_descriptors(self, *, wait: bool) -> None:
        if self._in_threads:
            self._process_events(self._selector.select(None))
        elif len(self._descriptors) > 1:  # more than the loop's own, which only threads and signals use
            self._process_events(self._selector.select(None if wait else 0))
        elif wait:
            raise StuckError("nothing is scheduled and nothing is ready: the awaited event never comes")
