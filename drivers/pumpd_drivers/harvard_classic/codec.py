"""The wire format of the classic dialects: bytes to frames and back, in both directions.

Source: harvard-classic.md, from the Model 22 manual (p. 11 to 26), the Model 44 protocol and the Model 33 manual.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- A reply ends with its prompt. Everything from the end of one reply to the next prompt must be one well-formed reply;
  otherwise all of it is `Garbage`. There is no check sum, and the rest of a damaged refusal must not read as consent.
- A framer of one dialect accepts no reply in another dialect's form. `ReplyFramer` itself accepts all forms, for a
  trace, and to name the dialect of a pump that the settings name wrongly.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from pumpd_drivers.idle_nuls import without_idle_nuls

CR = 0x0D

LONGEST_REQUEST = 64  # more than this without an end is noise
LONGEST_REPLY = 512  # the lines of a Model 44's program

_REQUEST = re.compile(r"(?P<address>\d{1,2})?(?P<text>(?!\d)[ -~]*)", re.ASCII)
_CONTROL = bytes(code for code in range(32) if code != CR)
_STATE = rb"(?P<address>[0-9]{0,2}) ?(?P<prompt>[:<>*/^])"  # the Model 22 manual prints a gap before the prompt
_END = re.compile(rb"\n" + _STATE)
PROMPT = re.compile(rb"\n" + _STATE + rb"\Z")  # the end of a reply, whatever came before it


class Form(Enum):
    """How a reply is laid out, as a regular expression."""

    CR_LF = re.compile(rb"(?P<lines>(?:\r\n[ -~]*)*?)\r\n" + _STATE)  # Pump 11, Model 22: CR LF before each line
    LF = re.compile(rb"(?P<lines>(?:\n[ -~]*\r)*?)\n" + _STATE)  # Models 33, 44: LF before and CR after each line
    PHD = re.compile(rb"(?P<lines>(?:\r{0,2}\n[ -~]*)*?)\r{0,2}\n" + _STATE)  # a PHD 2000 in Model 22 mode: a mixture


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame: a host drops them, a pump replies that the command is unknown."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump. `address` is written as it is on the line: `1`, or `01`; without one it is for pump 0.

    Neither an address nor text is a bare CR. It stops all pumps of a chain in the dialects of the Models 33 and 44.
    """

    text: str
    address: str = ""

    def to_bytes(self) -> bytes:
        return f"{self.address}{self.text}\r".encode("ascii")

    def __str__(self) -> str:
        return f"{self.address}{self.text}" or "(enter)"


@dataclass(frozen=True, slots=True)
class Reply:
    """Pump to host: lines of text, then the prompt, which is the pump's state; `address` as it is on the line."""

    lines: tuple[str, ...]
    prompt: str
    address: str = ""
    form: Form = Form.CR_LF

    def to_bytes(self) -> bytes:
        prompt = f"{self.address}{self.prompt}"
        if self.form is Form.LF:
            text = "".join(f"\n{line}\r" for line in self.lines) + f"\n{prompt}"
        else:
            text = "".join(f"\r\n{line}" for line in self.lines)
            text += f"\r\n{prompt}" if self.form is Form.CR_LF else f"\r\r\n{prompt}"
        return text.encode("ascii")

    def __str__(self) -> str:
        return " | ".join([*(line.strip() for line in self.lines), f"{self.address}{self.prompt}"])

    def data(self, shape: re.Pattern[str]) -> re.Match[str] | None:
        """The match of a one-line reply with `shape`."""
        return shape.fullmatch(self.lines[0]) if len(self.lines) == 1 else None

    @property
    def error(self) -> str | None:
        """What the pump refuses: `?` unknown, `OOR` out of range, `NA` not now; None when it does not refuse."""
        text = "".join(self.lines).replace(" ", "")
        return text if text in ("?", "OOR", "NA") else None


class RequestFramer:
    """What a Model 33 or 44 receives: each CR ends a request."""

    dropped: ClassVar[bytes] = b""

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
            frames.append(self._request(raw))
        if len(self._pending) > LONGEST_REQUEST:
            frames.append(Garbage(bytes(self._pending)))
            self._pending.clear()
        return frames

    def _request(self, raw: bytes) -> Request | Garbage:
        text = raw[:-1].translate(None, self.dropped).decode("ascii", "replace")
        match = _REQUEST.fullmatch(text) if len(raw) <= LONGEST_REQUEST else None
        return Garbage(raw) if match is None else Request(match["text"], match["address"] or "")


class CrLfRequestFramer(RequestFramer):
    """What a Pump 11 or Model 22 receives: it ignores control characters, also a LF after the CR (manual p. 11)."""

    dropped = _CONTROL


class ReplyFramer:
    """What a host receives, in any form."""

    forms: ClassVar[tuple[Form, ...]] = tuple(Form)

    def __init__(self) -> None:
        self._pending = bytearray()

    def reset(self) -> None:
        self._pending.clear()

    def feed(self, data: bytes) -> list[Reply | Garbage]:
        self._pending = bytearray(without_idle_nuls(bytes(self._pending) + data))
        frames: list[Reply | Garbage] = []
        while (end := _END.search(self._pending)) is not None:
            raw = bytes(self._pending[: end.end()])
            del self._pending[: end.end()]
            frames.append(self._reply(raw))
        if len(self._pending) > LONGEST_REPLY:
            frames.append(Garbage(bytes(self._pending)))
            self._pending.clear()
        return frames

    def _reply(self, raw: bytes) -> Reply | Garbage:
        for form in self.forms if len(raw) <= LONGEST_REPLY else ():
            if (match := form.value.fullmatch(raw)) is not None:
                lines = match["lines"].decode("ascii").replace("\r", "").split("\n")[1:]
                return Reply(tuple(lines), match["prompt"].decode("ascii"), match["address"].decode("ascii"), form)
        return Garbage(raw)


class CrLfReplyFramer(ReplyFramer):
    """From a Pump 11 or a Model 22."""

    forms = (Form.CR_LF,)


class LfReplyFramer(ReplyFramer):
    """From a Model 33 or 44, or a PHD 2000 in Model 44 mode."""

    forms = (Form.LF,)


class PhdReplyFramer(ReplyFramer):
    """From a PHD 2000 in Model 22 mode. It refuses in a Model 44's form; any other reply in that is a Model 44's."""

    forms = (Form.PHD,)

    def _reply(self, raw: bytes) -> Reply | Garbage:
        reply = super()._reply(raw)
        refuses = isinstance(reply, Reply) and reply.error is not None
        return reply if refuses or Form.LF.value.fullmatch(raw) is None else Garbage(raw)
