"""Alaris Asena wire format: `!WORD^field^field|CRC4` and a carriage return, both directions.

Source: the family's protocol sheet (alaris-asena.md). The check is CRC-16/CCITT-FALSE of the text between `!` and `|`,
four upper-case hexadecimal digits. An escape inside a message aborts it.

Promises:
- Sans-IO. A message with a wrong check, or with anything but printable ASCII, never becomes a message; it becomes
  `Garbage`. No input raises, and at most `LONGEST` bytes are kept.
- A reply carries the word of its request, so it cannot be mistaken for the reply to another one.
- The messages found do not depend on how the bytes are split.
"""

import binascii
import re
from dataclasses import dataclass

START, CHECK, CR = b"!", b"|", b"\r"
LONGEST = 256  # bytes; no source states a longest message, and more than this without an end is noise

_END = re.compile(rb"[!\r\x1b]")


def crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection, no final XOR (`INF` gives 0x4961)."""
    return binascii.crc_hqx(data, 0xFFFF)


def security_code(serial: str) -> str:
    """A pump's control token: the check of its serial number as text (`8002-51740` gives 3CC1)."""
    return f"{crc(serial.encode('ascii')):04X}"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a message."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Message:
    """A word and its fields, in printable ASCII without `!`, `|` and `^`; an empty field stays a field."""

    word: str
    fields: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        body = str(self).encode("ascii")
        return START + body + CHECK + f"{crc(body):04X}".encode() + CR

    def __str__(self) -> str:
        return "^".join((self.word, *self.fields))


def _decoded(raw: bytes) -> Message | Garbage:
    """A line from its `!` to its carriage return."""
    body, _, check = raw[1:-1].partition(CHECK)
    if not body.isascii() or check != f"{crc(body):04X}".encode():
        return Garbage(raw)
    text = body.decode("ascii")
    word, *fields = text.split("^")
    return Message(word, tuple(fields)) if word and text.isprintable() else Garbage(raw)


class Framer:
    """The format is the same in both directions."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        """Drop a partial message."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Message | Garbage]:
        self._pending += data
        found: list[Message | Garbage] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _next(self) -> Message | Garbage | None:
        pending = self._pending
        if not pending:
            return None
        if start := pending.find(START):  # no message begins here
            return Garbage(self._take(start if start > 0 else len(pending)))
        end = _END.search(pending, 1)
        if end is None or end.start() >= LONGEST:
            return Garbage(self._take(LONGEST)) if len(pending) >= LONGEST else None
        mark, place = end[0], end.start()
        del end  # it holds the buffer
        if mark == START:  # a message holds no second start
            return Garbage(self._take(place))
        line = self._take(place + 1)
        return _decoded(line) if mark == CR else Garbage(line)
