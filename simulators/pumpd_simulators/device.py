"""What a simulated pump is to its bench: a peer on a line that can be switched off and whose keys can be pressed.

A family's device speaks its real protocol through `attach`, `feed` and `detach` (the same shape as pumpd's in-memory
line asks of a peer) and drives the plant. It takes its frames from the family's codec and never imports a driver.
"""

from collections.abc import Callable
from typing import Protocol

from pumpd_simulators.plant import Plant

Send = Callable[[bytes], None]


class Peer(Protocol):
    """The far end of a serial line, on the running event loop."""

    def attach(self, send: Send) -> None:
        """A line was plugged in; `send` puts bytes on it."""
        ...

    def feed(self, data: bytes) -> None:
        """Bytes came in, at the instant at which the last of them arrived."""
        ...

    def detach(self) -> None:
        """The line was unplugged. The pump goes on by itself."""
        ...


class PanelError(ValueError):
    """A key that this pump does not have, or a value that it does not take. The message says what is accepted."""


class Device(Peer, Protocol):
    model: str
    plant: Plant
    powered: bool
    on_first_flow: Callable[[], None]

    @property
    def baud(self) -> int:
        """The line's speed, which a command may change."""
        ...

    def power(self, *, on: bool) -> None:
        """Mains off or on; what the pump keeps in its non-volatile memory survives."""
        ...

    def press(self, key: str, value: str | None = None) -> None:
        """A person at the front panel. Raises PanelError."""
        ...

    def display(self) -> dict[str, str]:
        """What a person would read off the front panel."""
        ...

    def shut(self) -> None:
        """The end of the simulation: no timer stays behind."""
        ...
