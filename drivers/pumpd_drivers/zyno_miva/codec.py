"""Zyno wire format: STX, text, two characters of check, ETX; the same in both directions.

Source: the family's protocol sheet (zyno.md). The check is the low byte of the sum of the text's bytes, or of their
exclusive or on the Nimbus H, as two upper-case hexadecimal digits.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- A frame with a wrong check, or with anything but printable ASCII, never becomes a frame; it becomes `Garbage`.
- The frames found do not depend on how the bytes are split.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

STX, ETX = b"\x02", b"\x03"
LONGEST = 256  # bytes; the longest frame in the sheet (LS) has 142, and more than this without an end is noise

_END = re.compile(rb"[\x02\x03]")
_BODY = re.compile(rb"(?P<text>[ -~]*)(?P<check>[0-9A-F]{2})")


class Check(StrEnum):
    SUM = "sum"
    XOR = "xor"

    def of(self, text: bytes) -> bytes:
        """`*IDN?` gives 44 by sum."""
        return b"%02X" % ((sum(text) & 0xFF) if self is Check.SUM else reduce(xor, text, 0))


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A request or a reply: printable ASCII."""

    text: str
    check: Check = Check.SUM

    def to_bytes(self) -> bytes:
        text = self.text.encode("ascii")
        return STX + text + self.check.of(text) + ETX

    def __str__(self) -> str:
        return self.text or "(empty)"


class Framer:
    def __init__(self, check: Check = Check.SUM) -> None:
        self._check = check
        self._pending = bytearray()

    def reset(self) -> None:
        """Drop a partial frame."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Frame | Garbage]:
        self._pending += data
        found: list[Frame | Garbage] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> Frame | Garbage | None:
        pending = self._pending
        if not pending:
            return None
        if start := pending.find(STX):  # no frame begins here
            return Garbage(self._take(start if start > 0 else len(pending)))
        end = _END.search(bytes(pending), 1)
        if end is None or end.start() >= LONGEST:
            return Garbage(self._take(LONGEST)) if len(pending) >= LONGEST else None
        if end[0] == STX:  # a frame holds no second start
            return Garbage(self._take(end.start()))
        return self._decoded(self._take(end.end()))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _decoded(self, raw: bytes) -> Frame | Garbage:
        """The bytes from STX to ETX."""
        body = _BODY.fullmatch(raw[1:-1])
        if body is None or body["check"] != self._check.of(body["text"]):
            return Garbage(raw)
        return Frame(body["text"].decode("ascii"), self._check)
