"""What can go wrong on the wire, by what the caller may assume: `sent` is False when certainly nothing was sent."""

from typing import Any


class PortError(OSError):
    """The port cannot be opened; the message gives the reason."""


class WireError(Exception):
    """An exchange without a reply."""

    sent: bool = True


class NotSentError(WireError):
    """Certainly not sent: not one byte of the request."""

    sent = False


class OvertakenError(NotSentError):
    """Certainly not sent, because a stop was requested (or the connection changed) first."""


class ReplyTimeoutError(WireError):
    """Sent, and no reply came in time: it may have been done."""


class NotUnderstoodError(ReplyTimeoutError):
    """Sent, and what came in time was no answer to it: it may have been done. `frames` are those that were cut out.

    Not silence: the pump lives, and the message shows its bytes.
    """

    def __init__(self, text: str, frames: tuple[Any, ...] = ()) -> None:
        super().__init__(text)
        self.frames = frames


class EchoError(ReplyTimeoutError):
    """Sent, and only the request itself came back: nothing is known about a pump."""


class LinkLostError(WireError):
    """The port is gone. `sent`: whether the request may have reached the pump before."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent
