"""Blocking work, such as reading a disk, on its own thread.

Promises:
- At most one call is under way. A call that hangs blocks one thread, but not the loop, the shared executor or the end
  of the process.
- A caller gets the result of a call that began after its request. Callers during a call share the next one.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class OwnThread(Generic[T]):
    def __init__(self, name: str, call: Callable[[], T]) -> None:
        self._call, self._executor = call, _OneThread(name)
        self._running: asyncio.Future[T] | None = None
        self._next: asyncio.Future[T] | None = None

    async def result(self) -> T:
        """The result of a call that begins from now on. Raises what the call raises.

        A caller that stops waiting does not cancel the call for the others.
        """
        if self._running is None:
            waiting = self._begin()
        else:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            waiting = self._next
        return await asyncio.shield(waiting)

    def _begin(self) -> asyncio.Future[T]:
        running = self._running = asyncio.get_running_loop().run_in_executor(self._executor, self._call)
        running.add_done_callback(self._ended)
        return running

    def _ended(self, ended: asyncio.Future[T]) -> None:
        self._running = None
        if not ended.cancelled():
            ended.exception()  # retrieved here, because every caller may be gone
        if self._next is not None:
            waiting, self._next = self._next, None
            self._begin().add_done_callback(lambda done: _pass_on(done, waiting))


def _pass_on(done: asyncio.Future[T], waiting: asyncio.Future[T]) -> None:
    if waiting.cancelled():
        return
    if done.cancelled():
        waiting.cancel()
    elif error := done.exception():
        waiting.set_exception(error)
        waiting.exception()
    else:
        waiting.set_result(done.result())


class _OneThread(Executor):
    """A daemon thread for each call: the executors of the standard library keep the process alive until it returns."""

    def __init__(self, name: str) -> None:
        self._name = name

    def submit(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        future: Future[R] = Future()
        threading.Thread(target=_run, args=(future, call, args, kwargs), name=self._name, daemon=True).start()
        return future


def _run(future: Future[Any], call: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  # any error belongs to the caller
        future.set_exception(error)
    else:
        future.set_result(result)
