"""B. Braun Space BCC wire format: bytes to frozen frames and back, both directions.

Source: the family's protocol sheet (monitoring-only.md): `SOH length STX bed "/1/1>" payload ETX|ETB sum EOT`. The
length is that of the whole frame, the sum that of the bytes from SOH to ETX modulo 256; both have five decimal digits.

Promises:
- Sans-IO. A frame with a wrong length, sum or end never becomes a frame; it becomes `Garbage`.
- No input raises; at most `LONGEST` bytes of a partial frame are kept.
"""

import re
from dataclasses import dataclass

SOH, STX, ETX, EOT, ACK, NAK, RS, ETB = 0x01, 0x02, 0x03, 0x04, 0x06, 0x15, 0x1E, 0x17
HEAD = 7  # SOH, five digits, STX
TAIL = 7  # ETX or ETB, five digits, EOT
LONGEST = 4096  # no source states a longest frame; more than this is noise

_ADDRESSED = re.compile(rb"([0-9A-Za-z]{1,16})/1/1>(.*)", re.DOTALL)


def checksum(data: bytes) -> int:
    """Sum of the bytes from SOH to ETX, modulo 256 (ADMIN:ALIVE to bed 1 gives 61)."""
    return sum(data) % 256


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw.hex(' ')}"


@dataclass(frozen=True, slots=True)
class Signal:
    """A single control byte: received (ACK) or damaged (NAK)."""

    byte: int

    def to_bytes(self) -> bytes:
        return bytes([self.byte])

    def __str__(self) -> str:
        return "ACK" if self.byte == ACK else "NAK"


@dataclass(frozen=True, slots=True)
class Frame:
    """A message to or from a bed: a request (`MEM:GET`) or records. `more`: another frame follows (ETB)."""

    payload: str
    bed: str = "1"
    more: bool = False

    def to_bytes(self) -> bytes:
        text = f"{self.bed}/1/1>{self.payload}".encode("ascii")
        length = HEAD + len(text) + TAIL
        body = bytes([SOH]) + f"{length:05d}".encode() + bytes([STX]) + text + bytes([ETB if self.more else ETX])
        return body + f"{checksum(body):05d}".encode() + bytes([EOT])

    def __str__(self) -> str:
        return f"bed {self.bed}: {self.payload.replace(chr(RS), ' | ')}{' ...' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Record:
    """`seconds,501PS,PARAMETER,value`, from pillar P, slot S; records of the rack itself, like GNACK, have no slot."""

    seconds: str
    address: str
    parameter: str
    value: str = ""

    @property
    def slot(self) -> str | None:
        """Pillar and slot, such as "11"; None for a record of the rack."""
        return self.address[3:] if re.fullmatch(r"501(?!00)[0-9]{2}", self.address) else None

    def __str__(self) -> str:
        return f"{self.seconds},{self.address},{self.parameter},{self.value}"


def records(payload: str) -> list[Record]:
    """The records of a payload; text of any other shape is left out."""
    found = []
    for text in payload.split(chr(RS)):
        parts = text.split(",", 3)
        if len(parts) >= 3:
            found.append(Record(*parts))
    return found


def _decoded(raw: bytes) -> "Frame | Garbage":
    length, stated, body, end = raw[1:6], raw[-6:-1], raw[:-6], raw[-7]
    good = (
        stated.isdigit()
        and length.isdigit()
        and int(length) == len(raw)
        and raw[-1] == EOT
        and raw[HEAD - 1] == STX
        and end in (ETX, ETB)
        and int(stated) == checksum(body)
    )
    match = _ADDRESSED.fullmatch(raw[HEAD:-TAIL])
    if not good or match is None or not match[2].isascii():
        return Garbage(raw)
    return Frame(match[2].decode("ascii"), match[1].decode("ascii"), end == ETB)


class Framer:
    """Frames and single signals in either direction, and Garbage for everything else."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        """Drop a partial frame."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Frame | Signal | Garbage]:
        self._pending += data
        frames: list[Frame | Signal | Garbage] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _next(self) -> Frame | Signal | Garbage | None:
        pending = self._pending
        if not pending:
            return None
        if pending[0] in (ACK, NAK):
            return Signal(self._take(1)[0])
        if pending[0] != SOH:
            starts = [at for at in (pending.find(byte) for byte in (SOH, ACK, NAK)) if at > 0]
            return Garbage(self._take(min(starts, default=len(pending))))
        if len(pending) < HEAD:
            return None
        length = pending[1:6]
        if not length.isdigit() or not HEAD + TAIL < int(length) <= LONGEST:
            return Garbage(self._take(1))
        size = int(length)
        if len(pending) < size:
            return None
        frame = _decoded(bytes(pending[:size]))
        if isinstance(frame, Garbage):
            return Garbage(self._take(1))  # a damaged length may hide a good frame behind it
        self._take(size)
        return frame
