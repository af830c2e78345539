"""What every client does: poll its pump without a pause, and answer the benchmark on standard input and output.

Only the standard library: each client runs in an environment of its own, with its library and nothing of pumpd.

A line `count` is answered by the polls so far, the CPU seconds of this process, and how the last poll ended. A line
`stop` is answered twice: by the instant at which stop is called, and by how the call ended.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

AGAIN_S = 0.05  # after a poll that failed


class Blocking(Protocol):
    """A client whose calls return when they are done. They raise when they fail."""

    def poll(self) -> object: ...
    def stop(self) -> object: ...


class Asynchronous(Protocol):
    async def poll(self) -> object: ...
    async def stop(self) -> object: ...


class Polls:
    """How the polls went. `problem`: of the last one; empty when it was answered."""

    def __init__(self) -> None:
        self.answered = self.failed = 0
        self.problem = ""

    def count(self) -> None:
        cpu_s = time.process_time()
        _say(answered=self.answered, failed=self.failed, problem=self.problem, cpu_s=cpu_s)

    def done(self) -> None:
        self.answered, self.problem = self.answered + 1, ""

    def not_done(self, error: Exception) -> None:
        self.failed, self.problem = self.failed + 1, _named(error)


def blocking(connect: Callable[[str], Blocking]) -> None:
    """Polls in one thread, stops in another."""
    client, polls = connect(sys.argv[1]), Polls()
    _say(ready=True)

    def poll() -> None:
        while True:
            try:
                client.poll()
            except Exception as error:  # noqa: BLE001 - whatever a library raises is a poll that failed
                polls.not_done(error)
                time.sleep(AGAIN_S)
            else:
                polls.done()

    def stop() -> None:
        _say(asked=time.monotonic())
        try:
            client.stop()
        except Exception as error:  # noqa: BLE001
            _say(stop=_named(error))
        else:
            _say(stop="done")

    threading.Thread(target=poll, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "count":
            polls.count()
        else:
            threading.Thread(target=stop, daemon=True).start()
    os._exit(0)  # a thread may wait for ever


def asynchronous(connect: Callable[[str], Awaitable[Asynchronous]]) -> None:
    """Polls in one task, stops in another."""
    asyncio.run(_asynchronous(connect))


async def _asynchronous(connect: Callable[[str], Awaitable[Asynchronous]]) -> None:
    loop, client, polls = asyncio.get_running_loop(), await connect(sys.argv[1]), Polls()
    stopping: set[asyncio.Task[None]] = set()
    _say(ready=True)

    async def poll() -> None:
        while True:
            try:
                await client.poll()
            except Exception as error:  # noqa: BLE001
                polls.not_done(error)
                await asyncio.sleep(AGAIN_S)
            else:
                polls.done()

    async def stop() -> None:
        _say(asked=time.monotonic())
        try:
            await client.stop()
        except Exception as error:  # noqa: BLE001
            _say(stop=_named(error))
        else:
            _say(stop="done")

    def heard(line: str) -> None:
        if line.strip() == "count":
            polls.count()
        else:
            task = loop.create_task(stop())
            stopping.add(task)
            task.add_done_callback(stopping.discard)

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(heard, line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    await poll()


_saying = threading.Lock()
_answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer


def _say(**fields: Any) -> None:
    with _saying:
        print(json.dumps(fields), file=_answers, flush=True)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200].rstrip(": ")
