"""The gateway's own alarm signals, lights and buzzers. They work with nothing else connected (ALM-07).

Promises:
- They need no tablet, broker or network.
- One that cannot be switched is logged once and affects nothing else; the tablets and the pump's own alarm remain.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import structlog

from pumpd.control.alarms.burst import burst
from pumpd.host.turns import Turns
from pumpd.pump import Priority
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

SILENT_TURN_S = 5.0
PATIENCE_S = 30.0  # longer than any burst with its rest


class Output(Protocol):
    """Something that is on or off. Raises OSError."""

    @property
    def name(self) -> str: ...

    def switch(self, *, on: bool) -> None: ...

    def is_on(self) -> bool: ...


class LedFile:
    """An LED or a buzzer of the kernel's LED class."""

    def __init__(self, path: Path) -> None:
        """`path` is a file such as /sys/class/leds/alarm/brightness."""
        self.name = str(path)
        self._path = path

    def switch(self, *, on: bool) -> None:
        with self._path.open("w") as file:
            file.write("255" if on else "0")

    def is_on(self) -> bool:
        now = self._path.read_text().strip()
        return now.isdecimal() and int(now) > 0  # less than 255 where the output has fewer steps


class Sounder:
    def __init__(
        self,
        output: Output,
        sounding: Callable[[], Priority | None],
        pattern: Callable[[Priority], Iterable[tuple[bool, int]]] = burst,
    ) -> None:
        """`sounding` gives the priority that is signalled now, `pattern` how: on or off, for so many milliseconds."""
        self._output, self._sounding, self._pattern = output, sounding, pattern
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
            before = self._output.is_on()
            self._output.switch(on=True)
            on = self._output.is_on()
            self._output.switch(on=before)
        except OSError as error:
            return text(
                "alarm.output_fails", "alarm output {output}: {why}", output=self._output.name, why=error.strerror
            )
        return (
            ""
            if on
            else text(
                "alarm.output_dead",
                "alarm output {output} was switched on and does not read so",
                output=self._output.name,
            )
        )

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
        for on, ms in self._pattern(priority):
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
            self._output.switch(on=on)
        except OSError as error:
            problem = text(
                "alarm.output_fails", "alarm output {output}: {why}", output=self._output.name, why=error.strerror
            )
            if problem != self.problem:
                log.error("alarm_output_failed", why=problem)  # noqa: TRY400  # why is all there is to say
            self.problem = problem
        else:
            self.problem = ""
