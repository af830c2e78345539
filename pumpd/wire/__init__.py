"""The serial link to a pump: ports, framing, one exchange at a time, and a lane in which a stop overtakes the queue."""

from pumpd.wire.back_off import BackOff
from pumpd.wire.errors import (
    EchoError,
    LinkLostError,
    NotSentError,
    NotUnderstoodError,
    OvertakenError,
    PortError,
    ReplyTimeoutError,
    WireError,
)
from pumpd.wire.exchanges import Lane, Party, Statistics
from pumpd.wire.heard import escaped
from pumpd.wire.instant import now_ns
from pumpd.wire.line import Direction, Framer, LineSettings, Transport
from pumpd.wire.link import Link
from pumpd.wire.pace import FIRST_S, LineFacts
from pumpd.wire.share import Side, join
from pumpd.wire.transport import has_descriptor, open_transport

__all__ = [
    "FIRST_S",
    "BackOff",
    "Direction",
    "EchoError",
    "Framer",
    "Lane",
    "LineFacts",
    "LineSettings",
    "Link",
    "LinkLostError",
    "NotSentError",
    "NotUnderstoodError",
    "OvertakenError",
    "Party",
    "PortError",
    "ReplyTimeoutError",
    "Side",
    "Statistics",
    "Transport",
    "WireError",
    "escaped",
    "has_descriptor",
    "join",
    "now_ns",
    "open_transport",
]
