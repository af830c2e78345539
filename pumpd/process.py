"""A process with a few tasks: it runs until a signal, feeds systemd's watchdog, and ends when one of its tasks ends."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from pumpd.notify import keep_watchdog, notify

_AGAIN_S = 3.0  # until a task that did not end is cancelled again


async def until_signal(**works: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT. A task that ends earlier is an error and ends the process: systemd starts it again.

    Raises what the task raised.
    """
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    works["watchdog"] = keep_watchdog()
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    signalled = asyncio.create_task(ended.wait(), name="signals")
    notify("READY=1", "STATUS=starting")
    done, _ = await asyncio.wait([*tasks, signalled], return_when=asyncio.FIRST_COMPLETED)
    notify("STOPPING=1")
    for task in (*tasks, signalled):
        await end(task)
    for task in tasks:
        if not task.cancelled():
            task.result()  # raises the error that ended it
    if signalled not in done:
        raise RuntimeError(f"{', '.join(task.get_name() for task in done)} ended although nothing ended it")


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task reliably. `asyncio.wait_for` of Python 3.11, in aiomqtt, can swallow a cancellation that comes just
    when the awaited result is ready.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)
