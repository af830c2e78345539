"""A control process of the campaign, which can be killed at any instant.

A death here: from this instant nothing more is written to disk or line, the port is closed as the kernel does it, and
no task of the process continues. What was on its way to the disk is lost; the story decides whether what was on its way
to the pump is lost too or arrives.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from pumpd.control.gateway import Gateway
from pumpd.control.process import gateway
from pumpd.dosing import Library
from pumpd.infusion import Infusion
from pumpd.journal import JournalError
from pumpd.settings import Settings
from pumpd.wire import memory
from tests.campaign.disk import Disk, Writer

START_AGAIN_S = 2.0  # systemd's pause when a start fails, RestartSec of the unit
REAPED_S = 0.1


class Control:
    def __init__(
        self, settings: Settings, library: Library, disk: Disk, boot: str, beds: Sequence[str] = ("bed1",)
    ) -> None:
        self.settings, self.library, self.disk, self.boot, self.beds = settings, library, disk, boot, beds
        self.gateway: Gateway | None = None
        self.writer: Writer | None = None
        self.dead = False
        self.on_start = lambda _: None  # gets the writer before anything is written
        self.on_up = lambda _: None  # gets the gateway before any of its tasks has run
        self.task: asyncio.Task[None] | None = None
        self._end, self._up = asyncio.Event(), asyncio.Event()
        self.refused = 0  # failed starts of the process

    async def start(self) -> None:
        """Wait until the process has started; if it cannot, start it again, as systemd does."""
        self.task = asyncio.create_task(self._run(), name=f"process {self.boot}")
        await self._up.wait()

    async def _run(self) -> None:
        while not self._end.is_set():
            try:
                self.writer = Writer(self.disk, self.boot)
                self.on_start(self.writer)
                async with gateway(self.settings, self.library, self.writer) as made:
                    self.gateway = made
                    self.on_up(made)
                    self._up.set()
                    await self._end.wait()
            except JournalError:
                self.refused += 1
                self.writer.die()
                self.gateway = None
                await asyncio.sleep(START_AGAIN_S)
        self.dead = True

    async def end(self) -> None:
        """SIGTERM."""
        self._end.set()
        if self.task is not None:
            await self.task
        self.writer.die()
        self.gateway = None

    def infusion(self, bed: str = "bed1") -> Infusion | None:
        if self.dead or self.gateway is None:
            return None
        return self.gateway.runners[bed].infusion

    def kill(self, *, arrives: bool) -> None:
        """Kill it at this instant. `reap` then removes what is left of the process."""
        if self.dead:
            return
        self.dead = True
        self._up.set()
        if self.writer is not None:
            self.writer.die()
        for bed in self.beds:
            self._close(bed, arrives=arrives)

    def _close(self, bed: str, *, arrives: bool) -> None:
        served = memory._served.get(bed)
        transport = served.transport if served else None
        if transport is None:
            return
        if arrives and transport._out_free > asyncio.get_running_loop().time():
            transport.write = lambda _: None
            transport._on_bytes = lambda _: None
            transport._on_lost = lambda _: None
            asyncio.get_running_loop().call_at(transport._out_free + 1e-6, transport.close)
        else:
            transport.close()

    async def reap(self, harness: set[asyncio.Task]) -> None:
        """End every task that is not the harness's own."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        runners = list(self.gateway.runners.values()) if self.gateway else []
        drivers = [runner.driver for runner in runners if runner.driver is not None]
        for runner in runners:
            runner._commands.stop_now = lambda: None
            runner._current.feed = lambda _: ()
            runner._current.infusion = None
        if self.gateway is not None:
            self.gateway.parts._ending = True  # in a dead process nothing notices that a part ended
        self.gateway = None
        for _ in range(20):
            left = asyncio.all_tasks() - harness
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=REAPED_S)
            for task in left:
                if task.done() and not task.cancelled():
                    with contextlib.suppress(Exception):
                        task.exception()
        for driver in drivers:
            await driver.close()
        assert loop.time() - begun < 1.0, f"a dead process took {loop.time() - begun} s"
