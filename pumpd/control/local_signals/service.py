"""The gateway's own stop button and outputs: taking the lines, watching the button, and what is wrong with them.

Promises:
- A press stops every pump, by the same path as any stop, one debounce after it began. No login, disk or network is
  needed, and nothing is asked.
- The button only stops. One that is held from the start, or for long, stops nothing more and starts nothing: it is a
  fault, which is shown, raises an alarm and fails the self-test until it is released.
- Lines that cannot be read raise an alarm, and are taken again as soon as they are there.
"""

import asyncio
from collections.abc import Callable

import structlog

from pumpd.control.local_signals.lines import Line, Lines, OpenLines
from pumpd.control.refused import RefusedError
from pumpd.host.sleep import until_set
from pumpd.host.turns import Turns
from pumpd.pump import AlarmCode
from pumpd.settings import GpioSettings
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

BY = text("button.by", "button at the gateway")
REASON = text("button.pressed_reason", "the stop button was pressed")
CHECK_EVERY_S = 1.0  # an edge that was lost, and a chip that is gone, are found by then
HELD_S = 10.0  # longer than a person presses a button that has already stopped everything
AGAIN_S = 2.0  # between two tries to take the lines
PATIENCE_S = 5.0
HELD = text("button.held", "the stop button is pressed all the time: it is stuck, or its cable is broken")


class LocalSignals:
    def __init__(
        self,
        settings: GpioSettings,
        open_lines: OpenLines,
        stop_all: Callable[[str, str], object],
        changed: Callable[[], None],
    ) -> None:
        """`stop_all` takes who stops, and why."""
        self.problem = ""
        self._settings, self._open, self._stop_all, self._changed = settings, open_lines, stop_all, changed
        self._lines: Lines | None = None
        self._edge = asyncio.Event()
        self._turns = Turns(PATIENCE_S)

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    def has(self, line: Line) -> bool:
        """The line is configured."""
        return line in self._settings.lines

    def alarms(self) -> frozenset[AlarmCode]:
        return frozenset({AlarmCode.LOCAL_SIGNALS_FAILED} if self.problem else ())

    def test_button(self) -> str:
        """What is wrong with the button now, or an empty text."""
        try:
            pressed = self.lines.active(Line.STOP_BUTTON)
        except OSError as error:
            return self.problem or _why(self._settings, error)
        return self.problem or (text("button.pressed", "the stop button is pressed") if pressed else "")

    @property
    def held(self) -> bool:
        return self._lines is not None

    @property
    def lines(self) -> Lines:
        """The lines, while they are held. Raises OSError."""
        if self._lines is None:
            raise OSError(None, text("button.not_held", "the lines are not held"))
        return self._lines

    async def run(self) -> None:
        while True:
            self._turns.turned()
            try:
                self._lines = self._open(self._settings, self._edge.set)
                await self._watch(self._lines)
            except OSError as error:
                self._tell(_why(self._settings, error))
            finally:
                if self._lines is not None:
                    self._lines.close()
                self._lines = None
            await asyncio.sleep(AGAIN_S)

    async def _watch(self, lines: Lines) -> None:
        """Watch the button, and that every line can be read. Raises OSError when one cannot."""
        loop = asyncio.get_running_loop()
        ready, since = False, float("-inf")  # one that is pressed from the start was not pressed by a person
        while True:
            self._turns.turned()
            self._edge.clear()
            pressed = [line for line in map(Line, self._settings.lines) if lines.active(line)]
            if Line.STOP_BUTTON not in pressed:
                ready = True
                self._tell("")
            elif ready:
                await asyncio.sleep(self._settings.debounce_ms / 1000)
                if lines.active(Line.STOP_BUTTON):
                    ready, since = False, loop.time()
                    self._stop()
            elif loop.time() - since >= HELD_S:
                self._tell(HELD)
            await until_set(self._edge, CHECK_EVERY_S)

    def _stop(self) -> None:
        log.warning("stop_button_pressed")
        try:
            self._stop_all(BY, REASON)
        except RefusedError:  # it failed on some pump, which is logged, and shown as an infusion that was not stopped
            log.exception("stop_button_failed")

    def _tell(self, problem: str) -> None:
        if problem == self.problem:
            return
        self.problem = problem
        if problem:
            log.error("local_signals_failed", why=problem)
        else:
            log.info("local_signals_work")
        self._changed()


class GpioOutput:
    """A light or a buzzer on one of the lines. Without the lines it is off."""

    def __init__(self, signals: LocalSignals, line: Line) -> None:
        self.name = f"{line} of the gateway"
        self._signals, self._line = signals, line

    def switch(self, *, on: bool) -> None:
        if on or self._signals.held:
            self._signals.lines.switch(self._line, on=on)

    def is_on(self) -> bool:
        return self._signals.held and self._signals.lines.active(self._line)


def _why(settings: GpioSettings, error: OSError) -> str:
    return text("button.lines", "GPIO lines of {chip}: {why}", chip=settings.chip, why=error.strerror or error)
