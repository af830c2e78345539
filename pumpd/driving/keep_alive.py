"""A keep-alive that is itself a lease: it continues only while the pump is polled.

For pumps whose watchdog or control token is shorter than the time between two polls. When the process dies, the
keep-alive dies with it; when only the control loop hangs, the keep-alive ends by itself and the pump's own watchdog
acts.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pumpd.driving.asking import DeclinedError, UnansweredError
from pumpd.quantities import Duration

log = structlog.get_logger("pumpd.driving")


class KeepAlive:
    """`send` is one keep-alive exchange. Its failure is only logged: the next reading finds out about it."""

    def __init__(self, send: Callable[[], Awaitable[object]], every_s: float) -> None:
        self._send, self._every_s = send, every_s
        self._lease_s = 0.0
        self._until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, lease: Duration) -> None:
        """Keep alive from now on, as long as `renew` is called within each `lease`.

        `lease` is the time allowed between two polls, less the time that the pump itself then waits before it stops.
        """
        self._lease_s = lease.ns / 1e9
        self._until = asyncio.get_running_loop().time() + self._lease_s
        if not self.alive:
            self._task = asyncio.create_task(self._run(), name="keep-alive")

    def renew(self) -> None:
        """The pump was polled. A keep-alive that has ended stays ended."""
        if self.alive:
            self._until = asyncio.get_running_loop().time() + self._lease_s

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self._until:
            try:
                await self._send()
            except (DeclinedError, UnansweredError) as error:
                log.info("keep_alive_missed", why=str(error))
            await asyncio.sleep(self._every_s)
        log.warning("keep_alive_ended", why=f"the pump was not polled for {self._lease_s:g} s")
