"""What comes back after a request: first, on some lines, the request itself; then an answer, or bytes that are none.

Promises:
- The bytes of the request in flight are removed wherever they come back, before any framer sees them: nobody takes
  their own words for an answer. Where an answer may equal its request, they are removed once, and only on a line that
  is known to echo.
- What is kept for an error message is bounded.
"""

from collections import deque
from typing import Generic, TypeVar

from pumpd.texts import text
from pumpd.wire.errors import EchoError, NotUnderstoodError, ReplyTimeoutError
from pumpd.wire.line import LineSettings

F = TypeVar("F")

SHOWN = 120  # bytes of an answer that was not understood
SEARCHED = 512  # bytes in which an echo is looked for; longer than any request
FRAMES = 8  # unaccepted frames of one exchange


def escaped(data: bytes) -> str:
    r"""Bytes as printable text: `\x02` for what cannot be printed."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'\\"' else f"\\x{byte:02x}" for byte in data)


class Heard(Generic[F]):
    """The bytes and frames of one exchange that were not accepted.

    `echoes`: this line has returned what was sent, since the port was opened. `echoed`: it returned this request.
    """

    def __init__(self) -> None:
        self.echoes = self.echoed = False
        self.frames: deque[F] = deque(maxlen=FRAMES)
        self._bytes = bytearray()
        self._request = b""
        self._may_repeat = False
        self._responses = bytearray()  # written meanwhile; they come back before the next request does

    def begin(self, request: bytes, *, may_repeat: bool) -> None:
        self._request, self._may_repeat = request, may_repeat
        self.echoed = False
        self.frames.clear()
        self._bytes.clear()

    def again(self) -> None:
        """The same request was sent once more, and comes back once more."""
        self.echoed = False

    def responded(self, response: bytes) -> None:
        if self.echoes and len(self._responses) < SEARCHED:
            self._responses += response

    def without_echo(self, data: bytes) -> list[bytes]:
        """The bytes that the pump sent. Between two pieces an echo was removed, so no frame extends over both."""
        if self._responses:
            data = self._without_responses(data)
        taken = len(self._bytes)
        self._bytes += data
        pieces = []
        while self._request in self._bytes and self._removes_echo:
            at = self._bytes.index(self._request)
            pieces.append(bytes(self._bytes[taken:at]))
            del self._bytes[at : at + len(self._request)]
            self.echoes = self.echoed = True
            taken = at
        pieces.append(bytes(self._bytes[taken:]) if pieces else data)
        if len(self._bytes) > SEARCHED:
            del self._bytes[:-SEARCHED]
        return pieces

    def why_unanswered(self, timeout_s: float, line: LineSettings) -> ReplyTimeoutError:
        """The error of an exchange that had no reply: silence, an echo alone, or bytes that were not understood."""
        within = text("heard.within", "within {seconds} s", seconds=f"{timeout_s:.2g}")
        if self._bytes:
            why = text(
                "heard.not_understood",
                'the pump answered {within}, and the answer was not understood: "{came}"{echo}. '
                "Check the pump's model and firmware, and that its line is set to {line}",
                within=within,
                came=escaped(bytes(self._bytes[-SHOWN:])),
                echo=text("heard.echoes_too", "; the line also returns what is sent") if self.echoed else "",
                line=line,
            )
            return NotUnderstoodError(why, tuple(self.frames))
        if self.echoed:
            return EchoError(
                text(
                    "heard.echo",
                    "the line returns what is sent, and nothing else came {within}: the adapter echoes and the pump is "
                    "silent, or TX and RX are connected. Check the pump, the adapter and the cable",
                    within=within,
                )
            )
        return ReplyTimeoutError(text("heard.nothing", "no reply {within}", within=within))

    @property
    def _removes_echo(self) -> bool:
        return bool(self._request) and (not self._may_repeat or (self.echoes and not self.echoed))

    def _without_responses(self, data: bytes) -> bytes:
        pairs = zip(data, self._responses, strict=False)
        same = next((n for n, (came, sent) in enumerate(pairs) if came != sent), min(len(data), len(self._responses)))
        if same < len(data):
            self._responses.clear()
        else:
            del self._responses[:same]
        return data[same:]
