"""Tables and panels on a terminal: the only place where rich is given a text.

Rich takes a plain `str` for markup in many places, and some of them cannot be told otherwise. So a text becomes a
renderable here, and nowhere else; tests/cli/test_terminal.py reads the code and says so.
"""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pumpd.cli.terminal import lines

Shown = str | Text | ProgressBar  # what may stand in a cell


def text(content: str, style: str = "") -> Text:
    """The text as it is, with nothing in it understood."""
    return Text(lines(content), style=style)


def screen(*, err: bool = False, quiet: bool = False) -> "Screen":
    return Screen(Console(stderr=err, quiet=quiet, markup=False, emoji=False, highlight=False))


class Screen:
    """A terminal that takes texts and renderables."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def is_terminal(self) -> bool:
        return self._console.is_terminal

    def say(self, what: Shown | RenderableType) -> None:
        self._console.print(text(what) if isinstance(what, str) else what)

    def live(self) -> "LiveView":
        return LiveView(self._console)


class LiveView(Live):
    """What is shown in place, again and again. A context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, refresh_per_second=10)

    def show(self, what: Shown | RenderableType) -> None:
        self.update(text(what) if isinstance(what, str) else what)


def table(*columns: str, title: str = "") -> Table:
    """A table with a frame, a header and perhaps a title. Fill it by `row`."""
    made = Table(title=text(title) if title else None)
    for each in columns:
        made.add_column(text(each))
    return made


def grid() -> Table:
    """A table without a frame. Fill it by `row`."""
    return Table.grid(padding=(0, 2))


def row(into: Table, *cells: Shown) -> None:
    into.add_row(*(text(each) if isinstance(each, str) else each for each in cells))


def panel(*parts: RenderableType, title: str, subtitle: str = "", width: int | None = None) -> Panel:
    """A frame around the parts, as wide as they are if `width` is None."""
    below = text(subtitle) if subtitle else None
    return Panel(Group(*parts), title=text(title), subtitle=below, width=width, expand=width is not None)


def bar(whole: float, part: float) -> ProgressBar:
    return ProgressBar(whole, part, width=40, style="grey37", complete_style="cyan", finished_style="green")
