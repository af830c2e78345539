"""What can go wrong on the wire, said as what the caller may assume: `sent` is False when certainly nothing left."""


class PortError(OSError):
    """The port is not to be had; the message says why. Nothing was opened."""


class WireError(Exception):
    """An exchange that brought no answer."""

    sent: bool = True


class NotSentError(WireError):
    """Certainly not sent: not one byte of the request left."""

    sent = False


class OvertakenError(NotSentError):
    """Certainly not sent, because a stop was asked for (or the connection changed) first."""


class ReplyTimeoutError(WireError):
    """Sent, and no answer came in time: it may have been done."""


class LinkLostError(WireError):
    """The port is gone. `sent` says whether the request may have reached the pump before."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent
