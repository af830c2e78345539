"""What a simulated pump is to its bench: a peer on a line that can be switched off and whose keys can be pressed.

A family's device uses its real protocol through `attach`, `feed` and `detach` (the interface that pumpd's in-memory
line expects of a peer) and drives its plants. It takes its frames from the family's codec and never imports a driver.

A rack with several pump modules, or a head with several channels, is one device with several units: one line, and for
each unit a plant and a front panel. Units are counted from 1, whatever their address on the wire.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from pumpd_simulators.plant import Plant

Send = Callable[[bytes], None]


class Operation(StrEnum):
    """The purpose of a host's frame, the same for all families; faults can refer to it (`lost-reply:start`)."""

    IDENTIFY = "identify"
    READ = "read"
    PROGRAM = "program"  # any setting of a program, also clearing the counters
    START = "start"
    STOP = "stop"
    KEEP_ALIVE = "keep-alive"  # only keeps a watchdog or a control token alive
    OTHER = "other"


class Peer(Protocol):
    """The far end of a serial line, on the running event loop."""

    def attach(self, send: Send) -> None:
        """The line was plugged in; `send` puts bytes on it."""
        ...

    def feed(self, data: bytes) -> None:
        """Bytes arrived; called at the instant of the last one."""
        ...

    def detach(self) -> None:
        """The line was unplugged. The pump continues by itself."""
        ...


class PanelError(ValueError):
    """A key that this pump does not have, or a value that it does not accept. The message lists what is accepted."""


class Device(Peer, Protocol):
    """`doing` is the operation of the frame that the device is answering, from before it is carried out until the
    reply has been sent; None while the pump sends unasked. A device whose bytes are not ten bits long on the wire (8N1)
    has `bits_a_byte`, for the pace of its line.
    """

    model: str
    powered: bool
    doing: Operation | None

    @property
    def plants(self) -> Sequence[Plant]:
        """One for each unit."""
        ...

    @property
    def baud(self) -> int:
        """The line's speed, which a command may change."""
        ...

    def power(self, *, on: bool) -> None:
        """Switch the supply off or on; the pump's non-volatile memory survives."""
        ...

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """A person presses a key at the front panel. Raises PanelError. `start`, `stop` and `rate` are the names of
        such keys on every pump that has them; a value ending in `%` is relative to the present one.
        """
        ...

    def display(self, unit: int = 1) -> dict[str, str]:
        """What the front panel shows."""
        ...

    def shut(self) -> None:
        """The end of the simulation: no timer is left."""
        ...
