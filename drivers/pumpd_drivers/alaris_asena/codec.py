"""Alaris Asena wire format: `!WORD^field^field|CRC4` and a carriage return, both directions.

Source: the family's protocol sheet (alaris-asena.md). The check is CRC-16/CCITT-FALSE of what lies between `!` and `|`,
four upper hexadecimal digits. An escape inside a message aborts it.

Promises:
- Sans-IO. A message whose check is wrong never becomes a message; it becomes `Garbage`. Nothing that is fed raises.
- A reply has the word of its request, so it is not taken for the answer to another one.
"""

import binascii
from dataclasses import dataclass

START, CHECK, CR, ESC = b"!", b"|", b"\r", b"\x1b"
LONGEST = 256  # no source states a longest message; more than this without an end is noise


def crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection, no final XOR (`INF` gives 0x4961)."""
    return binascii.crc_hqx(data, 0xFFFF)


def security_code(serial: str) -> str:
    """The control token of a pump: the check of its serial number's text (`8002-51740` gives 3CC1)."""
    return f"{crc(serial.encode('ascii')):04X}"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are no message."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Message:
    word: str
    fields: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        body = "^".join((self.word, *self.fields)).encode("ascii")
        return START + body + CHECK + f"{crc(body):04X}".encode() + CR

    def __str__(self) -> str:
        return "^".join((self.word, *self.fields))


def _decoded(raw: bytes) -> Message | Garbage:
    """One line from its `!` to before its carriage return."""
    body, bar, check = raw[1:].rpartition(CHECK)
    if not bar or not body.isascii() or START in body or check != f"{crc(body):04X}".encode():
        return Garbage(raw)
    word, *fields = body.decode("ascii").split("^")
    return Message(word, tuple(fields))


class Framer:
    """Both directions look alike."""

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
        start = pending.find(START)
        if start:  # nothing begins here
            return Garbage(self._take(len(pending) if start < 0 else start))
        end, again, escape = pending.find(CR), pending.find(START, 1), pending.find(ESC)
        if escape >= 0 and (end < 0 or escape < end):
            return Garbage(self._take(escape + 1))
        if again >= 0 and (end < 0 or again < end):  # a message holds no second beginning
            return Garbage(self._take(again))
        if end < 0:
            return Garbage(self._take(len(pending))) if len(pending) > LONGEST else None
        return _decoded(self._take(end + 1)[:-1])
