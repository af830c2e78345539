"""Dianet Star wire format: bytes to frozen frames and back, in both directions.

Source: the family's protocol sheet (dianet-star.md). `7E address segment data... CRC CRC 7E`; 7E, 7D and 80 inside a
frame are sent as 7D and the byte with 0x20 flipped.

Promises:
- Sans-IO: no clock, no socket. The caller, who has a clock, applies the 0.3 s frame time-out through `reset()`.
- A frame with a wrong CRC, escape or length becomes Garbage, never a frame. Only one way to escape is accepted, so an
  accepted frame was on the line byte for byte as `to_bytes` writes it.
- A flag ends one frame and begins the next; bytes that exceed the longest frame are dropped.
"""

import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from pumpd_drivers.dianet_star.segments import Refusal, Word

FLAG, ESCAPE, MONITOR, FLIP = 0x7E, 0x7D, 0x80, 0x20
ACK, NAK = 0x06, 0x15
LONGEST = 160  # bytes between two flags: the longest reply (HISTORY) with each byte escaped

_ESCAPES = {byte: bytes([ESCAPE, byte ^ FLIP]) for byte in (FLAG, ESCAPE, MONITOR)}
_PLAIN = {pair[1]: byte for byte, pair in _ESCAPES.items()}


def crc(data: bytes) -> int:
    """The family's CRC-16 over at least two bytes: polynomial 0x1021, no reflection, and not CCITT-FALSE.

    The maker's register starts at 0xFFFF and takes in each byte at its low end. After two bytes it equals the standard
    register started at 0x1D0F, and it stays two bytes behind: the last two bytes are only XORed in (sheet, [C]).
    """
    return binascii.crc_hqx(data[:-2], 0x1D0F) ^ int.from_bytes(data[-2:], "big")


def framed(contents: bytes) -> bytes:
    """A whole frame: flag, escaped contents and CRC, flag."""
    checked = contents + crc(contents).to_bytes(2, "big")
    return b"\x7e" + b"".join(_ESCAPES.get(byte) or bytes([byte]) for byte in checked) + b"\x7e"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame. With flags around them, they were meant to be one."""

    raw: bytes

    @property
    def framed(self) -> bool:
        return self.raw[:1] == b"\x7e"

    def __str__(self) -> str:
        return f"no frame: {self.raw.hex(' ')}"


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump. Address 0 is any pump on the line; otherwise the letter assigned to the pump."""

    address: int
    segment: int
    data: bytes = b""

    def to_bytes(self) -> bytes:
        return framed(bytes([self.address, self.segment]) + self.data)

    @classmethod
    def of(cls, contents: bytes) -> "Request | None":
        return cls(contents[0], contents[1], contents[2:]) if len(contents) >= 2 else None

    def __str__(self) -> str:
        return f"to {_letter(self.address)}: {Word.name_of(self.segment)} {self.data.hex(' ')}".rstrip()


@dataclass(frozen=True, slots=True)
class Reply:
    """Pump to host: a segment's data, or an ACK; or the reason for a refusal (NAK, one byte of data)."""

    address: int
    segment: int
    data: bytes = b""
    taken: bool = True

    def to_bytes(self) -> bytes:
        return framed(bytes([self.address, self.segment, ACK if self.taken else NAK]) + self.data)

    @classmethod
    def of(cls, contents: bytes) -> "Reply | None":
        if len(contents) < 3 or contents[2] not in (ACK, NAK) or (contents[2] == NAK and len(contents) != 4):
            return None
        return cls(contents[0], contents[1], contents[3:], contents[2] == ACK)

    @property
    def refusal(self) -> int | None:
        """The code of a NAK, or None."""
        return None if self.taken else self.data[0]

    def __str__(self) -> str:
        text = self.data.hex(" ") if self.taken else f"no: {Refusal.text_of(self.data[0])}"
        return f"from {_letter(self.address)}: {Word.name_of(self.segment)} {text}".rstrip()


F = TypeVar("F", Request, Reply)


class _Framer(Generic[F]):
    """Splits at flags. Both directions share it; only the contents are decoded differently."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._flagged = False  # a flag came before what is pending

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._pending)

    def reset(self) -> None:
        """Drop a partial frame, after too long a gap or on a new connection."""
        self._pending.clear()
        self._flagged = False

    def feed(self, data: bytes) -> list[F | Garbage]:
        frames: list[F | Garbage] = []
        first, *rest = data.split(b"\x7e")
        self._collect(first, frames)
        for piece in rest:
            if self._pending:
                frames.append(self._cut())
            self._flagged = True
            self._collect(piece, frames)
        return frames

    def _collect(self, piece: bytes, frames: list[F | Garbage]) -> None:
        self._pending += piece
        if len(self._pending) > LONGEST or (self._pending and not self._flagged):
            frames.append(Garbage(b"\x7e" * self._flagged + bytes(self._pending)))
            self.reset()

    def _cut(self) -> F | Garbage:
        escaped = bytes(self._pending)
        self._pending.clear()
        contents = _unescaped(escaped)
        if contents is not None and len(contents) >= 4:
            body, check = contents[:-2], int.from_bytes(contents[-2:], "big")
            frame = self._frame(body) if crc(body) == check else None
            if frame is not None:
                return frame
        return Garbage(b"\x7e" + escaped + b"\x7e")

    def _frame(self, contents: bytes) -> F | None:
        raise NotImplementedError


class RequestFramer(_Framer[Request]):
    """What a pump receives: requests, and Garbage that it may answer with a CRC error."""

    def _frame(self, contents: bytes) -> Request | None:
        return Request.of(contents)


class ReplyFramer(_Framer[Reply]):
    """What a host receives: replies, and Garbage for everything else."""

    def _frame(self, contents: bytes) -> Reply | None:
        return Reply.of(contents)


def _unescaped(data: bytes) -> bytes | None:
    """The bytes without escapes; None when an escape is wrong or missing."""
    if MONITOR in data:
        return None
    if ESCAPE not in data:
        return data
    plain, pieces = bytearray(), data.split(b"\x7d")
    plain += pieces[0]
    for piece in pieces[1:]:
        byte = _PLAIN.get(piece[0]) if piece else None
        if byte is None:
            return None
        plain.append(byte)
        plain += piece[1:]
    return bytes(plain)


def _letter(address: int) -> str:
    return chr(address) if 0x41 <= address <= 0x5A else str(address)
