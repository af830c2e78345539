"""What can go wrong on the wire, by what the caller may assume: `sent` is False when certainly nothing was sent."""


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


class LinkLostError(WireError):
    """The port is gone. `sent`: whether the request may have reached the pump before."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent
