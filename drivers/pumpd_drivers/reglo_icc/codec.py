"""Reglo ICC wire format: bytes to frozen frames and back, in both directions, and the pump's "volume type" numbers.

Source: the family's protocol sheet (lab-peristaltic.md). A request is one digit of address or channel, a command, its
parameter and CR; a reply is one character, or text up to CR LF.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- The protocol has no check. So a line that contains one byte that is not text is `Garbage` up to its CR LF: the rest of
  a damaged number never reads as a smaller one.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from pumpd_drivers.idle_nuls import without_idle_nuls

CR, LF = 0x0D, 0x0A
OK, FAIL, YES, NO = "*", "#", "+", "-"
LONGEST = 64  # no source states a longest line; more than this without an end is noise

_SIGNS = b"*#+-"
_REQUEST = re.compile(rb"(?P<address>[0-8])(?P<command>x[ -~]|[ -wy-~])(?P<parameter>[ -~]*)|@(?P<new>[ -~]*)")
_TEXT = re.compile(rb"[ !\"$-),./0-~][ -~]*")
_EVENT = re.compile(r"\^([UX])([0-9])\|(.*)")
_REPLIED = re.compile(r"([0-9]{4})E([+-][0-9])", re.ASCII)
_SET = re.compile(r"([0-9]{4})([+-][0-9])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump. `address` is a channel (0: all of them), or the pump's own in legacy mode; None for `@`, which
    assigns the pump its address.
    """

    address: int | None
    command: str
    parameter: str = ""

    def to_bytes(self) -> bytes:
        return f"{'' if self.address is None else self.address}{self.command}{self.parameter}\r".encode("ascii")

    def __str__(self) -> str:
        return self.to_bytes().decode("ascii").rstrip("\r")


@dataclass(frozen=True, slots=True)
class Sign:
    """A reply of one character: `*` done, `#` failed, `+` yes, `-` no or not possible."""

    sign: str

    def to_bytes(self) -> bytes:
        return self.sign.encode("ascii")

    def __str__(self) -> str:
        return self.sign


@dataclass(frozen=True, slots=True)
class Text:
    """A reply that is a value."""

    text: str

    def to_bytes(self) -> bytes:
        return f"{self.text}\r\n".encode("ascii")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Event:
    """Sent unasked while `xE1` is set: `U` a channel's state, `X` a channel stopped."""

    kind: str
    channel: int
    text: str

    def to_bytes(self) -> bytes:
        return f"{self}\r\n".encode("ascii")

    def __str__(self) -> str:
        return f"^{self.kind}{self.channel}|{self.text}"


def volume_type(value: Decimal) -> str:
    """A flow or volume as the pump accepts it: `1200-2` is 1.200e-2. ValueError when four digits cannot express it."""
    mantissa, exponent = _scientific(value)
    if mantissa.scaleb(exponent - 3) != value:
        raise ValueError(f"{value} is not a number of at most four digits")
    return f"{int(mantissa):04d}{exponent:+d}"


def volume_text(value: Decimal) -> str:
    """A flow or volume as the pump reports it, rounded to four digits: `1200E-2` is 1.200e-2."""
    mantissa, exponent = _scientific(value)
    return f"{int(mantissa):04d}E{exponent:+d}"


def read_reply(text: str) -> Decimal | None:
    """The number in a pump's reply; None when it is not a number."""
    return _number(_REPLIED.fullmatch(text))


def read_set(text: str) -> Decimal | None:
    """The number in a setting sent to a pump; None when it is not a number."""
    return _number(_SET.fullmatch(text))


def _scientific(value: Decimal) -> tuple[Decimal, int]:
    """Four digits as a whole number, and the exponent of the first digit."""
    if not value.is_finite() or value < 0:
        raise ValueError(f"{value} is not a number of at least 0")
    exponent = value.adjusted() if value else 0
    mantissa = value.scaleb(3 - exponent).quantize(Decimal(1), ROUND_HALF_EVEN)
    if mantissa == 10_000:  # rounded up to one digit more
        mantissa, exponent = Decimal(1000), exponent + 1
    if not -9 <= exponent <= 9:
        raise ValueError(f"{value} is not within 1e-9 and 9.999e9")
    return mantissa, exponent


def _number(match: re.Match[str] | None) -> Decimal | None:
    return None if match is None else Decimal(match[1]).scaleb(int(match[2]) - 3)


class RequestFramer:
    """What a pump receives: each CR ends a request; the LF that some clients send after it is ignored."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        self._pending.clear()

    def feed(self, data: bytes) -> list[Request | Garbage]:
        frames: list[Request | Garbage] = []
        pending = self._pending
        for byte in data:
            if byte == LF and not pending:
                continue
            pending.append(byte)
            if byte == CR:
                frames.append(_request(bytes(pending)))
                pending.clear()
            elif len(pending) >= LONGEST:
                frames.append(Garbage(bytes(pending)))
                pending.clear()
        return frames


def _request(raw: bytes) -> Request | Garbage:
    match = _REQUEST.fullmatch(raw[:-1])
    if match is None:
        return Garbage(raw)
    if match["new"] is not None:
        return Request(None, "@", match["new"].decode("ascii"))
    return Request(int(match["address"]), match["command"].decode("ascii"), match["parameter"].decode("ascii"))


class ReplyFramer:
    """What a host receives. A sign at the start of a reply is a reply by itself; anything else ends with CR LF."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        self._pending.clear()

    def feed(self, data: bytes) -> list[Sign | Text | Event | Garbage]:
        frames: list[Sign | Text | Event | Garbage] = []
        pending = self._pending
        for byte in without_idle_nuls(bytes(pending) + data)[len(pending) :]:
            if not pending and byte in _SIGNS:
                frames.append(Sign(chr(byte)))
                continue
            pending.append(byte)
            if pending[-2:] == b"\r\n":
                frames.append(_line(bytes(pending)))
                pending.clear()
            elif len(pending) >= LONGEST:
                frames.append(Garbage(bytes(pending)))
                pending.clear()
        return frames


def _line(raw: bytes) -> Text | Event | Garbage:
    if _TEXT.fullmatch(raw[:-2]) is None:
        return Garbage(raw)
    text = raw[:-2].decode("ascii")
    if text[0] != "^":
        return Text(text)
    match = _EVENT.fullmatch(text)
    return Garbage(raw) if match is None else Event(match[1], int(match[2]), match[3])
