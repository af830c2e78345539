"""The gateway's own alarm signal: an LED or a buzzer of the kernel's LED class. It works with nothing else connected
(ALM-07).

Promises:
- It needs no tablet, broker or network, and no library.
- A file that cannot be written is logged once and affects nothing else; the tablets and the pump's own alarm remain.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import structlog

from pumpd.control.alarms.burst import burst
from pumpd.host.turns import Turns
from pumpd.pump import Priority

log = structlog.get_logger("pumpd.control")

SILENT_TURN_S = 5.0
PATIENCE_S = 30.0  # longer than any burst with its rest


class Sounder:
    def __init__(self, path: Path, sounding: Callable[[], Priority | None]) -> None:
        """`path` is a file such as /sys/class/leds/alarm/brightness; `sounding` gives the priority that sounds now."""
        self._path, self._sounding = path, sounding
        self._changed = asyncio.Event()
        self._turns = Turns(PATIENCE_S)
        self.problem = ""

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    def change(self) -> None:
        """`sounding` may have changed."""
        self._changed.set()

    def test(self) -> str:
        """Switch it on for an instant and read it back. Returns what is wrong, or an empty text."""
        try:
            before = self._path.read_text().strip()
            self._path.write_text("255")
            on = self._path.read_text().strip()
            self._path.write_text(before or "0")
        except OSError as error:
            return f"alarm output {self._path}: {error.strerror}"
        if on.isdecimal() and int(on) > 0:  # less than 255 where the output has fewer steps
            return ""
        return f"alarm output {self._path} was switched on and reads {on!r:.20}"

    async def run(self) -> None:
        try:
            while True:
                self._turns.turned()
                self._changed.clear()
                priority = self._sounding()
                if priority is None:
                    self._switch(on=False)
                    await self._silent()
                else:
                    await self._play(priority)
        finally:
            self._switch(on=False)

    async def _silent(self) -> None:
        """Wait without sound for a change."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENT_TURN_S):
                await self._changed.wait()

    async def _play(self, priority: Priority) -> None:
        """Play one burst, or part of it if the priority changes meanwhile."""
        for on, ms in burst(priority):
            self._switch(on=on)
            try:
                async with asyncio.timeout(ms / 1000):
                    while self._sounding() is priority:
                        await self._changed.wait()
                        self._changed.clear()
            except TimeoutError:
                continue
            return

    def _switch(self, *, on: bool) -> None:
        try:
            with self._path.open("w") as file:
                file.write("255" if on else "0")
        except OSError as error:
            problem = f"alarm output {self._path}: {error.strerror}"
            if problem != self.problem:
                log.error("alarm_output_failed", why=problem)  # noqa: TRY400  # why is all there is to say
            self.problem = problem
        else:
            self.problem = ""
