"""What a simulated pump is to its bench: a peer on a line that can be switched off and whose keys can be pressed.

A family's device speaks its real protocol through `attach`, `feed` and `detach` (the same shape as pumpd's in-memory
line asks of a peer) and drives its plants. It takes its frames from the family's codec and never imports a driver.

A rack with several pump modules, or a head with several channels, is one device with several units: one line, a plant
and a front panel each. Units are counted from 1, whatever their address on the wire.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from pumpd_simulators.plant import Plant

Send = Callable[[bytes], None]


class Operation(StrEnum):
    """What a host's frame asks for, in words that all families share; faults aim at them (`lost-reply:start`)."""

    IDENTIFY = "identify"
    READ = "read"
    PROGRAM = "program"  # any setting that a program consists of, also clearing the counters
    START = "start"
    STOP = "stop"
    KEEP_ALIVE = "keep-alive"  # what only keeps a watchdog or a control token
    OTHER = "other"


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
    """`doing` is the operation of the frame that the device is answering, from before it is carried out until the
    answer has been sent; None while the pump speaks by itself. A device whose bytes are not ten bits long on the wire
    (8N1) has `bits_a_byte`, for the pace of its line.
    """

    model: str
    powered: bool
    doing: Operation | None

    @property
    def plants(self) -> Sequence[Plant]:
        """One a unit."""
        ...

    @property
    def baud(self) -> int:
        """The line's speed, which a command may change."""
        ...

    def power(self, *, on: bool) -> None:
        """Supply off or on; what the pump keeps in its non-volatile memory survives."""
        ...

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """A person at the front panel. Raises PanelError. `start`, `stop` and `rate` are known to every pump that has
        such keys; a value ending in `%` is of the present one.
        """
        ...

    def display(self, unit: int = 1) -> dict[str, str]:
        """What a person would read off the front panel."""
        ...

    def shut(self) -> None:
        """The end of the simulation: no timer stays behind."""
        ...
