"""The "Ultra" command set's wire format: bytes to frozen frames and back, in both directions.

Source: PHD Ultra user guide p. 83 and a recorded dialogue with a Legato 100, as collected in the family's protocol
sheet.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- A reply ends in XON (`poll on`). Without it the end of a prompt is not known (`>` may continue as `>*`), so a reply
  without XON is never complete.
- Everything from one XON to the next must be one well-formed reply; otherwise all of it is `Garbage`. There is no
  check sum, and the rest of a damaged refusal must not read as consent. What can be read of a last prompt in `Garbage`
  is its state and nothing else.

Variants in the field, all of them read: a colon between address and prompt (`02:T*`), the address or the live prompt
before each text line (`02>52.5 ml/hr`), a blank at the end of a line, NUL bytes between lines (a Telnet line sends CR
NUL), and a `T*` that comes once more before the reply.
"""

import re
from dataclasses import dataclass

CR, XON = 0x0D, 0x11

LONGEST_REQUEST = 128  # more than this without an end is noise
LONGEST_REPLY = 4096  # a list of syringes or methods has many lines

_REQUEST = re.compile(r"(?:(?P<address>\d{1,2})(?P<colon>:?))?(?P<quiet>@?)(?P<text>[ -~]*)", re.ASCII)
_PROMPT = rb"\n(?P<address>[0-9]{2})?(?:(?P<colon>:?)(?P<state>[<>T]\*?|\*)|(?P<idle>:)) *\x00*\x11"
_LEAKED = rb"(?:(?:[0-9]{2}:?)?T\*\r?)?"
_REPLY = re.compile(rb"\x00*" + _LEAKED + rb"(?P<lines>(?:\x00*\n[\x00 -~]*\r)*)\x00*" + _PROMPT)
_LAST_PROMPT = re.compile(_PROMPT + rb"\Z")
_ADDRESSES = re.compile(rb"(?:\A|\n)([0-9]{2})(?=[:<>T*])")
_BEFORE_TEXT = re.compile(r"(\d\d)(?::?([<>]\*?|T\*|\*)|(:))", re.ASCII)

_NOTHING = b"\x00\x11"  # an XON with nothing before it, as an adapter's flow control sends it, answers nothing

_MOVES = (">", "<")
_STOPPED = (":", "*", "T*", "T")


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame: a host believes none of them, a pump replies that the command is unknown."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"

    @property
    def addresses(self) -> tuple[int, ...]:
        """Every address that can be read at the beginning of a line."""
        return tuple(int(address) for address in _ADDRESSES.findall(self.raw))

    @property
    def has_text(self) -> bool:
        return True

    @property
    def address(self) -> int | None:
        """The address before the last prompt."""
        match = _LAST_PROMPT.search(self.raw)
        return int(match["address"]) if match and match["address"] else None

    @property
    def says_moving(self) -> bool:
        match = _LAST_PROMPT.search(self.raw)
        return match is not None and _state(match) in _MOVES

    @property
    def says_stopped(self) -> bool:
        """Its last prompt is that of a stopped motor, and nothing in it can be the prompt of a moving one."""
        match = _LAST_PROMPT.search(self.raw)
        return match is not None and _state(match) in _STOPPED and b">" not in self.raw and b"<" not in self.raw


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
    colon: bool = False  # between address and prompt, as `02:T*`; without it the idle prompt is `02:` just the same
    nul: bool = False  # there was a NUL within a line: it may mean nothing, or replace a byte that was lost

    def to_bytes(self) -> bytes:
        lines = "".join(f"\n{line}\r" for line in self.lines)
        return f"{lines}\n{self._last()}".encode("ascii") + bytes([XON])

    def __str__(self) -> str:
        return " | ".join([*self.lines, self._last()])

    def _last(self) -> str:
        address = "" if self.address is None else f"{self.address:02d}"
        return f"{address}{':' if self.colon else ''}{self.prompt}"

    @property
    def raw(self) -> bytes:
        """As it came, but for NULs and what was before it."""
        return self.to_bytes()

    @property
    def addresses(self) -> tuple[int, ...]:
        return (self.address or 0,)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The live prompts before the lines, if there are any, and the last one."""
        return (*(before[2] or before[3] for before in self._before_text()), self.prompt)

    @property
    def says_moving(self) -> bool:
        return any(prompt in _MOVES for prompt in self.prompts)

    @property
    def says_stopped(self) -> bool:
        """Each of its prompts is that of a stopped motor."""
        return all(prompt in _STOPPED for prompt in self.prompts)

    @property
    def has_text(self) -> bool:
        return any(self.plain_lines())

    def plain_lines(self) -> tuple[str, ...]:
        """The lines without blanks around them, nor the address and live prompt that some pumps put before text."""
        begins = [before.end() for before in self._before_text()] or [0] * len(self.lines)
        return tuple(line[begin:].strip(" ") for line, begin in zip(self.lines, begins, strict=True))

    def _before_text(self) -> list[re.Match[str]]:
        """Address and prompt before each line; empty unless every line has them."""
        own = f"{self.address or 0:02d}"
        found = [match for line in self.lines if (match := _BEFORE_TEXT.match(line)) and match[1] == own]
        return found if len(found) == len(self.lines) else []

    def data(self, shape: re.Pattern[str]) -> re.Match[str] | None:
        """The match of a one-line reply with `shape`, with or without its address in front."""
        if len(self.lines) != 1:
            return None
        return shape.fullmatch(self.plain_lines()[0]) or shape.fullmatch(self.lines[0].strip(" "))

    @property
    def error(self) -> str | None:
        """The error that the pump reports (`Argument error: 2, Target volume out of range`), or None."""
        lines = self.plain_lines()
        if not any("error" in line.lower() or "out of range" in line.lower() for line in lines[:1]):
            return None
        return ", ".join(line.rstrip(":") for line in lines)


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
            if raw.strip(_NOTHING):
                frames.append(_reply(raw))
        if len(self._pending) > LONGEST_REPLY:
            frames.append(Garbage(bytes(self._pending)))
            self._pending.clear()
        return frames


def _reply(raw: bytes) -> Reply | Garbage:
    match = _REPLY.fullmatch(raw) if len(raw) <= LONGEST_REPLY else None
    if match is None:
        return Garbage(raw)
    texts = [line.lstrip(b"\x00")[1:] for line in match["lines"].split(b"\r")[:-1]]
    return Reply(
        tuple(text.replace(b"\x00", b"").decode("ascii") for text in texts),
        _state(match),
        int(match["address"]) if match["address"] else None,
        bool(match["colon"]),
        any(b"\x00" in text for text in texts),
    )


def _state(prompt: re.Match[bytes]) -> str:
    return (prompt["state"] or prompt["idle"]).decode("ascii")
