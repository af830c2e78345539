"""The parts of control, each in a task of its own. None of them ends unnoticed.

Promises:
- A task that ends, fails or is cancelled by anything but `end` is reported in the same pass of the event loop, once.
- A part that hangs is `overdue` after its own time limit; the watchdog is fed only while none is overdue.
- A part that fails does not take others with it: `on_death` decides what happens next.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

log = structlog.get_logger("pumpd.control")


class Part(Protocol):
    """Something that runs until it is cancelled."""

    @property
    def overdue(self) -> bool:
        """It has not completed a cycle within its own time limit."""
        ...

    def run(self) -> Coroutine[Any, Any, None]: ...


class PartDiedError(Exception):
    """A part of control ended by itself. The pumps were stopped; the process must be restarted."""


class Parts:
    def __init__(self, on_death: Callable[[str], None]) -> None:
        """`on_death` is called once, with what died and how, when the first part dies."""
        self._on_death = on_death
        self._parts: dict[str, Part] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False
        self._died = asyncio.Event()
        self.death = ""  # what died and how

    def start(self, name: str, part: Part) -> None:
        self._parts[name] = part
        self._add(name, part.run(), self._ended)

    def once(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        """Run a job that has no time limit and may end by itself. Its failure counts like the death of a part."""
        self._add(name, job, self._done)

    def overdue(self) -> list[str]:
        """The parts that have not completed a cycle within their time limit."""
        return [name for name, part in self._parts.items() if part.overdue]

    async def died(self) -> str:
        """Wait until a part has died; returns what died and how."""
        await self._died.wait()
        return self.death

    async def end(self) -> None:
        """End them all, and wait until they have ended."""
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _add(self, name: str, job: Coroutine[Any, Any, None], done: Callable[[asyncio.Task[None]], None]) -> None:
        task = asyncio.create_task(job, name=name)
        task.add_done_callback(done)
        self._tasks.append(task)

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._ended(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._ending or self.death:
            return
        error = None if task.cancelled() else task.exception()
        how = "was cancelled" if task.cancelled() else f"failed: {error!r}" if error else "ended"
        self.death = f"{task.get_name()} {how}"
        log.critical("part_died", part=task.get_name(), how=how, exc_info=error)
        self._died.set()
        self._on_death(self.death)
