"""The frames of the reference firmware: a request `:AASSCdata` or a reply `=AASSCRdata`, a check and a line feed.

AA is the address, SS the sequence number that a reply repeats, C the command, R the result; the check is
CRC-16/CCITT-FALSE over all before it, in four hexadecimal digits. Capitals only.
"""

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

LONGEST = 80
_REQUEST = re.compile(rb":([0-9A-F]{2})([0-9A-F]{2})([A-Z])([ -~]*)")
_REPLY = re.compile(rb"=([0-9A-F]{2})([0-9A-F]{2})([A-Z])([0-9A-F])([ -~]*)")

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Garbage:
    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Request:
    address: int
    sequence: int
    command: str
    data: str = ""

    def to_bytes(self) -> bytes:
        return _checked(f":{self.address:02X}{self.sequence:02X}{self.command}{self.data}")

    def __str__(self) -> str:
        return f"{self.command} {self.data} to {self.address:02X}, number {self.sequence:02X}"


@dataclass(frozen=True, slots=True)
class Reply:
    address: int
    sequence: int
    command: str
    result: int
    data: str = ""

    def to_bytes(self) -> bytes:
        return _checked(f"={self.address:02X}{self.sequence:02X}{self.command}{self.result:X}{self.data}")

    def __str__(self) -> str:
        return f"{self.command} result {self.result} {self.data} from {self.address:02X}, number {self.sequence:02X}"


def check_of(raw: bytes) -> bytes:
    return b"%04X" % binascii.crc_hqx(raw, 0xFFFF)


def _checked(text: str) -> bytes:
    raw = text.encode("ascii")
    return raw + check_of(raw) + b"\n"


class _Framer(Generic[F]):
    """A frame begins at the last start byte before its line feed: half a frame before it is dropped."""

    start: bytes
    decode: Callable[[bytes], F | None]

    def __init__(self) -> None:
        self._pending = b""

    def reset(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[F | Garbage]:
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LONGEST:
            lines.append(self._pending)
            self._pending = b""
        return [frame for line in lines for frame in self._frames(line)]

    def _frames(self, line: bytes) -> list[F | Garbage]:
        begin = max(line.rfind(self.start), 0)
        frame = type(self).decode(line[begin:-4]) if check_of(line[begin:-4]) == line[-4:] else None
        before: list[F | Garbage] = [Garbage(line[:begin])] if begin else []
        return [*before, Garbage(line[begin:]) if frame is None else frame]


def _request(raw: bytes) -> Request | None:
    found = _REQUEST.fullmatch(raw)
    if found is None:
        return None
    address, sequence, command, data = (part.decode("ascii") for part in found.groups())
    return Request(int(address, 16), int(sequence, 16), command, data)


def _reply(raw: bytes) -> Reply | None:
    found = _REPLY.fullmatch(raw)
    if found is None:
        return None
    address, sequence, command, result, data = (part.decode("ascii") for part in found.groups())
    return Reply(int(address, 16), int(sequence, 16), command, int(result, 16), data)


class RequestFramer(_Framer[Request]):
    start = b":"
    decode = staticmethod(_request)


class ReplyFramer(_Framer[Reply]):
    start = b"="
    decode = staticmethod(_reply)


def is_frame(frame: object) -> bool:
    """Whether it passed the check."""
    return isinstance(frame, Request | Reply)
