"""The "Ultra" command set's wire format: bytes to frozen frames and back, in both directions.

Source: PHD Ultra user guide p. 83 and a recorded dialogue with a Legato 100, as collected in the family's protocol
sheet.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- A reply ends in XON (`poll on`). Without it the end of a prompt is not known (`>` may continue as `>*`), so a reply
  without XON is never complete.
- Everything from one XON to the next must be one well-formed reply; otherwise all of it is `Garbage`. There is no
  check sum, and the rest of a damaged refusal must not read as consent.
"""

import re
from dataclasses import dataclass

CR, LF, XON = 0x0D, 0x0A, 0x11

LONGEST_REQUEST = 128  # more than this without an end is noise
LONGEST_REPLY = 4096  # a list of syringes or methods has many lines

_REQUEST = re.compile(r"(?:(?P<address>\d{1,2})(?P<colon>:?))?(?P<quiet>@?)(?P<text>[ -~]*)", re.ASCII)
_REPLY = re.compile(
    rb"(?P<lines>(?:\n[ -~]*\r)*)\n(?P<address>[0-9]{2})?(?P<prompt>[:<>T]\*?|\*)\x11",
)


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame: a host drops them, a pump replies that the command is unknown."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump: a command and its arguments. `quiet` (the `@`) leaves the pump's screen as it is.

    Without an address it is for the only pump on the line, or the first of a chain.
    """

    text: str
    address: int | None = None
    quiet: bool = False
    colon: bool = False  # PHD Ultra writes `12:irat 3.2 ul/min`, Legato `12irat 3.2 u/m`

    def to_bytes(self) -> bytes:
        before = "" if self.address is None else f"{self.address:02d}{':' if self.colon else ''}"
        return f"{before}{'@' if self.quiet else ''}{self.text}\r".encode("ascii")

    def __str__(self) -> str:
        return self.to_bytes().decode("ascii").rstrip("\r") or "(enter)"


@dataclass(frozen=True, slots=True)
class Reply:
    """Pump to host: lines of text, then the prompt, which is the pump's state; `address` as the prompt gave it."""

    lines: tuple[str, ...]
    prompt: str
    address: int | None = None

    def to_bytes(self) -> bytes:
        address = "" if self.address is None else f"{self.address:02d}"
        lines = "".join(f"\n{line}\r" for line in self.lines)
        return f"{lines}\n{address}{self.prompt}".encode("ascii") + bytes([XON])

    def __str__(self) -> str:
        address = "" if self.address is None else f"{self.address:02d}"
        return " | ".join([*self.lines, f"{address}{self.prompt}"])

    def plain_lines(self) -> tuple[str, ...]:
        """The lines without `NN:`, which some pumps put before text as they do before the prompt."""
        before = f"{self.address or 0:02d}:"
        if all(line.startswith(before) for line in self.lines):
            return tuple(line[len(before) :] for line in self.lines)
        return self.lines

    def data(self, shape: re.Pattern[str]) -> re.Match[str] | None:
        """The match of a one-line reply with `shape`, with or without its address in front."""
        if len(self.lines) != 1:
            return None
        return shape.fullmatch(self.lines[0]) or shape.fullmatch(self.plain_lines()[0])

    @property
    def error(self) -> str | None:
        """The error that the pump reports (`Argument error: 2, Target volume out of range`), or None."""
        lines = self.plain_lines()
        if not any("error" in line.lower() or "out of range" in line.lower() for line in lines[:1]):
            return None
        return ", ".join(line.strip().rstrip(":") for line in lines)


class RequestFramer:
    """What a pump receives: each CR ends a request; an LF after it is tolerated."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        self._pending.clear()

    def feed(self, data: bytes) -> list[Request | Garbage]:
        self._pending += data
        frames: list[Request | Garbage] = []
        while (end := self._pending.find(CR)) >= 0:
            raw = bytes(self._pending[: end + 1])
            del self._pending[: end + 1]
            frames.append(_request(raw))
        if len(self._pending) > LONGEST_REQUEST:
            frames.append(Garbage(bytes(self._pending)))
            self._pending.clear()
        return frames


def _request(raw: bytes) -> Request | Garbage:
    text = raw[:-1].lstrip(b"\n").decode("ascii", "replace")
    match = _REQUEST.fullmatch(text) if len(raw) <= LONGEST_REQUEST else None
    if match is None:
        return Garbage(raw)
    address = int(match["address"]) if match["address"] else None
    return Request(match["text"], address, bool(match["quiet"]), bool(match["colon"]))


class ReplyFramer:
    """What a host receives from a pump with `poll on`."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        self._pending.clear()

    def feed(self, data: bytes) -> list[Reply | Garbage]:
        self._pending += data
        frames: list[Reply | Garbage] = []
        while (end := self._pending.find(XON)) >= 0:
            raw = bytes(self._pending[: end + 1])
            del self._pending[: end + 1]
            frames.append(_reply(raw))
        if len(self._pending) > LONGEST_REPLY:
            frames.append(Garbage(bytes(self._pending)))
            self._pending.clear()
        return frames


def _reply(raw: bytes) -> Reply | Garbage:
    match = _REPLY.fullmatch(raw) if len(raw) <= LONGEST_REPLY else None
    if match is None:
        return Garbage(raw)
    lines = tuple(line.lstrip("\n") for line in match["lines"].decode("ascii").split("\r")[:-1])
    return Reply(lines, match["prompt"].decode("ascii"), int(match["address"]) if match["address"] else None)
