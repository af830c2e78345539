"""A line, whatever carries it: its serial settings, the transport that moves its bytes, the framer that cuts them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeVar

F = TypeVar("F")

OnBytes = Callable[[bytes], None]
OnLost = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Serial settings, as in a data sheet ("19200 8N1")."""

    baudrate: int = 19200
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1

    def __str__(self) -> str:
        return f"{self.baudrate} baud, {self.bytesize}{self.parity}{self.stopbits}"

    @property
    def bits_per_byte(self) -> int:
        return 1 + self.bytesize + (self.parity != "N") + self.stopbits

    def time_for(self, nbytes: int) -> float:
        """Seconds that this many bytes take on the line."""
        return nbytes * self.bits_per_byte / self.baudrate


class Transport(Protocol):
    """An open port. Bytes that arrive go to `on_bytes`; when the port is lost, `on_lost` is called once."""

    def write(self, data: bytes) -> None:
        """Put bytes on the line, after all bytes written before. Never blocks. Raises LinkLostError at once."""
        ...

    def close(self) -> None:
        """Close the port. `on_lost` is not called. Harmless when repeated."""
        ...

    def fileno(self) -> int | None:
        """The descriptor of the open port, None when there is none."""
        ...


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


class Framer(Protocol[F]):
    """Bytes to frames, without a clock."""

    def feed(self, data: bytes) -> list[F]: ...

    def reset(self) -> None:
        """Drop a partial frame."""
        ...


Opener = Callable[[str, LineSettings, OnBytes, OnLost], Awaitable[Transport]]
