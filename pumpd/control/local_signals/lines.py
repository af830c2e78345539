"""What the rest of control knows of GPIO lines, whatever gives them."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from pumpd.settings import GpioSettings


class Line(StrEnum):
    STOP_BUTTON = "stop_button"
    LIGHT = "light"
    BUZZER = "buzzer"


class Lines(Protocol):
    """The configured lines while this process holds them. Everything raises OSError once the chip is gone."""

    def active(self, line: Line) -> bool:
        """The button is pressed, or the output is on, as it is now."""
        ...

    def switch(self, line: Line, *, on: bool) -> None: ...

    def close(self) -> None:
        """Give the lines back. Outputs then keep their state or are switched off, as the chip does."""
        ...


# Takes the lines. The callable is called at each edge of the button. Raises OSError.
OpenLines = Callable[[GpioSettings, Callable[[], None]], Lines]
