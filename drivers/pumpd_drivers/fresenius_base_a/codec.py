"""Fresenius Base A wire format: bytes to frozen frames and back. The format is the same in both directions.

Source: the family's protocol sheet (fresenius-base-a.md): `STX [address] text CC ETX`, and single bytes around it.

Promises:
- Sans-IO, and no input raises. At most LONGEST_BODY bytes of a frame are kept.
- A frame with a wrong check or wrong characters never becomes a frame; it becomes `Garbage`.
- A control code inside a frame ends it, and counts by itself.
"""

import re
from dataclasses import dataclass
from typing import Self

STX, ETX, ENQ, ACK, DC4, NAK = 0x02, 0x03, 0x05, 0x06, 0x14, 0x15
LONGEST_MESSAGE = 80  # address and text
LONGEST_BODY = 128  # longer than any message, so that one that is too long can be refused as such (error 0C)

# The errors that follow NAK. 3 is not used.
BAD_CHARACTER, BAD_CHECK, BAD_ADDRESS, NO_ACK, NOT_READY, BAD_LENGTH, CONTROL_CODE = "1", "2", "4", "5", "6", "7", "8"
_NAK_ERRORS = frozenset(b"1245678")

_BODY = re.compile(rb"(?P<address>[0-9]?)(?P<text>[ -}]*)(?P<check>[0-9A-F]{2})")
_TEXT = re.compile(r"[ -}]*")
_ENDS = re.compile(rb"[\x00-\x1f]")  # cannot be inside a frame: these end it, or break it off


def check(message: bytes) -> bytes:
    """Two upper-case hex digits: 0xFF minus the sum of address and text, modulo 256 (0DC gives 48)."""
    return b"%02X" % (0xFF - sum(message) % 256)


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame."""

    raw: bytes

    @property
    def error(self) -> str | None:
        """The error that a receiver sends with NAK; None where no frame had begun."""
        if self.raw[:1] != bytes([STX]):
            return None
        if self.raw[-1] != ETX:
            return BAD_LENGTH if len(self.raw) > LONGEST_BODY else CONTROL_CODE
        if len(self.raw) < 5:
            return BAD_LENGTH
        return BAD_CHARACTER if max(self.raw) > ord("}") else BAD_CHECK

    def __str__(self) -> str:
        return f"garbage {self.raw.hex(' ')}"


@dataclass(frozen=True, slots=True)
class Signal:
    """A single control byte: ENQ, DC4, ACK, or NAK with its error digit."""

    byte: int
    error: str = ""

    def to_bytes(self) -> bytes:
        return bytes([self.byte]) + self.error.encode("ascii")

    def __str__(self) -> str:
        return {ENQ: "ENQ", DC4: "DC4", ACK: "ACK", NAK: "NAK"}[self.byte] + self.error


@dataclass(frozen=True, slots=True)
class Frame:
    """A message to or from an address: 0 is the base, 1 to 6 its modules, None a syringe pump on its own line.

    A host's text is a command (`LE;dr`). A pump's begins with C (accepted), I (refused), E or M (sent unasked).
    """

    address: int | None
    text: str

    def __post_init__(self) -> None:
        if self.address is not None and not 0 <= self.address <= 9:
            raise ValueError(f"address: {self.address} is not within 0 to 9")
        if not _TEXT.fullmatch(self.text) or (self.address is None and (not self.text or self.text[0].isdigit())):
            raise ValueError(f"text: {self.text!r} cannot be sent in a frame")
        if len(self.text) > LONGEST_BODY - 3:
            raise ValueError(f"text: {len(self.text)} characters are too many")

    @property
    def message(self) -> bytes:
        return f"{'' if self.address is None else self.address}{self.text}".encode("ascii")

    @property
    def letter(self) -> str:
        """The kind of reply."""
        return self.text[:1]

    @property
    def data(self) -> str:
        """The text after the first `;`; empty without one."""
        return self.text.partition(";")[2]

    def to_bytes(self) -> bytes:
        message = self.message
        return bytes([STX]) + message + check(message) + bytes([ETX])

    @classmethod
    def from_body(cls, body: bytes) -> Self | None:
        """The frame between STX and ETX; None when it is malformed."""
        match = _BODY.fullmatch(body)
        if match is None or check(body[:-2]) != match["check"] or len(body) < 3:
            return None
        return cls(int(match["address"]) if match["address"] else None, match["text"].decode("ascii"))

    def __str__(self) -> str:
        return f"{'' if self.address is None else self.address}{self.text}"


Heard = Frame | Signal | Garbage


class Framer:
    """Frames and signals, and Garbage for everything else."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        """Drop a partial frame."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Heard]:
        self._pending += data
        frames: list[Heard] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _next(self) -> Heard | None:
        pending = self._pending
        if not pending:
            return None
        match pending[0]:
            case 0x05 | 0x06 | 0x14:  # ENQ, ACK, DC4
                return Signal(self._take(1)[0])
            case 0x15:  # NAK
                if len(pending) < 2:
                    return None
                if pending[1] not in _NAK_ERRORS:
                    return Garbage(self._take(1))
                return Signal(NAK, self._take(2)[1:].decode("ascii"))
            case 0x02:  # STX
                return self._framed()
            case _:
                begun = re.search(rb"[\x02\x05\x06\x14\x15]", pending)
                return Garbage(self._take(begun.start() if begun else len(pending)))

    def _framed(self) -> Frame | Garbage | None:
        end = _ENDS.search(self._pending, 1, LONGEST_BODY + 2)
        if end is None:
            return Garbage(self._take(LONGEST_BODY + 1)) if len(self._pending) > LONGEST_BODY + 1 else None
        if self._pending[end.start()] != ETX:
            return Garbage(self._take(end.start()))
        raw = self._take(end.end())
        return Frame.from_body(raw[1:-1]) or Garbage(raw)


class RequestFramer(Framer):
    """What a pump receives."""


class ReplyFramer(Framer):
    """What a host receives."""
