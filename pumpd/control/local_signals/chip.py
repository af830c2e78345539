"""The lines of a real GPIO chip, through the kernel's character device (libgpiod)."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pumpd.control.local_signals.lines import Line, Lines
from pumpd.settings import GpioSettings

if TYPE_CHECKING:
    from gpiod import LineRequest


def open_lines(settings: GpioSettings, on_edge: Callable[[], None]) -> Lines:
    """Take the lines; outputs are off then. Raises OSError, also if another program has one of them."""
    try:
        import gpiod  # noqa: PLC0415  # an optional extra: most gateways have nothing on their lines
        from gpiod.line import Bias, Direction, Edge, Value  # noqa: PLC0415  # see above
    except ImportError as error:
        raise OSError(None, "the Python package gpiod is not installed (pumpd[gpio])") from error
    bias = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "none": Bias.DISABLED}[settings.stop_button_pull]
    offsets = {Line(name): offset for name, offset in settings.lines.items()}
    made: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {
        offset: gpiod.LineSettings(
            direction=Direction.INPUT,
            bias=bias,
            active_low=settings.stop_button_active_low,
            edge_detection=Edge.BOTH,
        )
        if line is Line.STOP_BUTTON
        else gpiod.LineSettings(
            direction=Direction.OUTPUT, active_low=settings.outputs_active_low, output_value=Value.INACTIVE
        )
        for line, offset in offsets.items()
    }
    return _Held(gpiod.request_lines(str(settings.chip), consumer="pumpd", config=made), offsets, on_edge)


class _Held:
    def __init__(self, request: "LineRequest", offsets: dict[Line, int], on_edge: Callable[[], None]) -> None:
        from gpiod.line import Value  # noqa: PLC0415  # see above  # as above

        self._request, self._offsets, self._on_edge = request, offsets, on_edge
        self._on, self._off = Value.ACTIVE, Value.INACTIVE
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(request.fd, self._edges)

    def active(self, line: Line) -> bool:
        return bool(self._request.get_value(self._offsets[line]) is self._on)

    def switch(self, line: Line, *, on: bool) -> None:
        self._request.set_value(self._offsets[line], self._on if on else self._off)

    def close(self) -> None:
        self._loop.remove_reader(self._request.fd)
        with contextlib.suppress(OSError):  # the chip may be gone
            self._request.release()

    def _edges(self) -> None:
        try:
            self._request.read_edge_events()
        except OSError:
            self._loop.remove_reader(self._request.fd)  # it would stay readable; the next look finds out why
        self._on_edge()
