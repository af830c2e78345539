"""New Era wire format: bytes to frozen frames and back, in both directions, basic and safe mode.

Source: New Era manual (Publication 1200-01) sections 10 and 12, as collected in the family's protocol sheet.

Promises:
- Sans-IO: no clock, no socket. The caller, who has a clock, applies the 0.5 s inter-byte limit through `reset()`.
- A safe frame with a wrong length, CRC or end byte never becomes a safe frame; it becomes `Garbage`. (Its rest may by
  chance read as a basic frame, which has no check: a host accepts no basic frames from a pump in safe mode.)
- The mode is recognised frame by frame: after STX a basic reply has a digit of its address, a safe frame its length,
  which is below 0x30 for every frame of this family.
"""

import binascii
import re
from dataclasses import dataclass, field
from functools import lru_cache

STX, ETX, CR = 0x02, 0x03, 0x0D

LENGTH_OVERHEAD = 4  # the length byte counts itself, two CRC bytes and ETX
LONGEST_DATA = 0x2F - LENGTH_OVERHEAD  # a longer frame would look like a basic one
LONGEST_BASIC = 128  # more than this without an end is noise

_STRIPPED = bytes([*range(0x21), 0x7F])  # the pump strips spaces and control characters, and upper-cases
# Printable data only: the check sum of a safe frame that lost its head would otherwise pass as a basic reply's data.
_REPLY = re.compile(r"(?P<address>\d\d)(?P<status>A\?[A-Z]|[IWSPTUX])(?P<data>[ -~]*)", re.ASCII)
_REQUEST = re.compile(r"(?P<address>\d{0,2})(?P<text>.*)", re.ASCII)


def crc(data: bytes) -> int:
    """CRC-16/XMODEM: polynomial 0x1021, start 0, no reflection, no final XOR (manual's worked frame SAF0 -> 0x5543)."""
    return binascii.crc_hqx(data, 0)


def safe_frame(data: bytes) -> bytes:
    """STX, length, data, CRC high, CRC low, ETX."""
    if len(data) > LONGEST_DATA:
        raise ValueError(f"a safe frame holds at most {LONGEST_DATA} bytes of data, not {len(data)}")
    return bytes([STX, len(data) + LENGTH_OVERHEAD]) + data + crc(data).to_bytes(2, "big") + bytes([ETX])


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame: a pump replies ?COM, a host drops them.

    `begun`: the address and status of a whole reply whose data is not text.
    """

    raw: bytes
    begun: "Reply | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump: an optional address (0 to 99; none means 0) and a command; an empty command requests the status."""

    text: str
    address: int | None = None
    safe: bool = False

    def to_bytes(self) -> bytes:
        data = (("" if self.address is None else str(self.address)) + self.text).encode("ascii")
        return safe_frame(data) if self.safe else data + bytes([CR])

    @classmethod
    @lru_cache(maxsize=256)  # a host sends the same requests again and again
    def from_data(cls, data: bytes, *, safe: bool) -> "Request | Garbage":
        if not data.isascii():
            return Garbage(data)
        text = data.translate(None, _STRIPPED).decode("ascii").upper()
        match = _REQUEST.fullmatch(text)
        if match is None:
            return Garbage(data)
        return cls(match["text"], int(match["address"]) if match["address"] else None, safe)


@dataclass(frozen=True, slots=True)
class Reply:
    """Pump to host: its address, its status prompt (`I`, `S`, `A?R`, ...) and the requested data or an error word."""

    address: int
    status: str
    data: str = ""
    safe: bool = False

    def to_bytes(self) -> bytes:
        data = f"{self.address:02d}{self.status}{self.data}".encode("ascii")
        return safe_frame(data) if self.safe else bytes([STX]) + data + bytes([ETX])

    @classmethod
    @lru_cache(maxsize=256)  # a pump reports the same rate and status again and again
    def from_data(cls, data: bytes, *, safe: bool) -> "Reply | Garbage":
        text = data.decode("ascii", "replace")
        match = _REPLY.fullmatch(text)
        if match is None:
            head = _REPLY.match(text)
            return Garbage(data, None if head is None else cls(int(head["address"]), head["status"], safe=safe))
        return cls(int(match["address"]), match["status"], match["data"], safe)

    @property
    def alarm(self) -> str | None:
        """The letter of the alarm that this reply reports, or None."""
        return self.status[2] if self.status.startswith("A?") else None

    @property
    def error(self) -> str | None:
        """The error word (`?`, `?NA`, `?OOR`, `?COM`, `?IGN`), or None."""
        return self.data if self.data.startswith("?") else None


class _Buffer:
    """Bytes not yet made into frames, and the parsing of safe frames that both directions share."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        """Drop a partial frame, after a gap of over 0.5 s or on a new connection."""
        self._pending.clear()

    @property
    def partial(self) -> bool:
        return bool(self._pending)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _lone_safe(self, data: bytes) -> bytes | None:
        """The contents when the bytes are exactly one good safe frame, the usual case; else None."""
        if self._pending or len(data) <= LENGTH_OVERHEAD or data[0] != STX or data[1] + 1 != len(data):
            return None
        contents = data[2:-3]
        good = data[-1] == ETX and crc(contents) == int.from_bytes(data[-3:-1], "big")
        return contents if good and data[1] < LONGEST_DATA + LENGTH_OVERHEAD + 1 else None

    def _cut_safe(self) -> bytes | Garbage | None:
        """The data of the safe frame at the front, Garbage when it is corrupt, None while it is incomplete."""
        if len(self._pending) < 2:
            return None
        size = self._pending[1] + 1
        if size < LENGTH_OVERHEAD + 1:
            return Garbage(self._take(2))
        if len(self._pending) < size:
            return None
        frame = self._take(size)
        data, check, end = frame[2:-3], int.from_bytes(frame[-3:-1], "big"), frame[-1]
        return data if end == ETX and crc(data) == check else Garbage(frame)


class ReplyFramer(_Buffer):
    """What a host receives: replies, and Garbage for everything else."""

    def feed(self, data: bytes) -> list[Reply | Garbage]:
        if (lone := self._lone_safe(data)) is not None:
            return [Reply.from_data(lone, safe=True)]
        self._pending += data
        frames: list[Reply | Garbage] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Reply | Garbage | None:
        start = self._pending.find(STX)
        if start:  # nothing begins here: noise before a frame, or noise alone
            return Garbage(self._take(len(self._pending) if start < 0 else start)) if self._pending else None
        if len(self._pending) > 1 and self._pending[1] < 0x30:
            cut = self._cut_safe()
            return Reply.from_data(cut, safe=True) if isinstance(cut, bytes) else cut
        again, end = self._pending.find(STX, 1), self._pending.find(ETX)
        if again >= 0 and not 0 <= end < again:  # a basic reply holds no STX: the real one begins here
            return Garbage(self._take(again))
        if end < 0:
            return Garbage(self._take(len(self._pending))) if len(self._pending) > LONGEST_BASIC else None
        return Reply.from_data(self._take(end + 1)[1:-1], safe=False)


class RequestFramer(_Buffer):
    """What a pump receives: requests, and Garbage where it must reply ?COM."""

    def feed(self, data: bytes) -> list[Request | Garbage]:
        if (lone := self._lone_safe(data)) is not None:
            return [Request.from_data(lone, safe=True)]
        self._pending += data
        frames: list[Request | Garbage] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Request | Garbage | None:
        if not self._pending:
            return None
        if self._pending[0] == STX:
            cut = self._cut_safe()
            return Request.from_data(cut, safe=True) if isinstance(cut, bytes) else cut
        end = self._pending.find(CR)
        if end < 0:
            return Garbage(self._take(len(self._pending))) if len(self._pending) > LONGEST_BASIC else None
        return Request.from_data(self._take(end + 1)[:-1], safe=False)
