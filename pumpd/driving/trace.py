"""A recorded line, packet by packet, and the frames in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pumpd.driving.codec import Codec


@dataclass(frozen=True, slots=True)
class Packet:
    """Bytes that went `out` to the pump or came `in` from it, at a monotonic instant."""

    t_ns: int
    way: str
    data: bytes

    @classmethod
    def from_json(cls, line: str) -> "Packet":
        """Raises ValueError when the line is not a packet."""
        try:
            fields = json.loads(line)
            way, t_ns, data = fields["way"], fields["t_ns"], bytes.fromhex(fields["hex"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{line[:80]!r} is not a packet of a trace") from error
        if way not in ("out", "in") or type(t_ns) is not int or abs(t_ns) >= 2**63:
            raise ValueError(f"{line[:80]!r} is not a packet of a trace")
        return cls(t_ns, way, data)

    def to_json(self) -> str:
        return json.dumps({"t_ns": self.t_ns, "way": self.way, "hex": self.data.hex()})


def decoded(packets: Iterable[Packet], codec: Codec) -> Iterator[tuple[Packet, tuple[object, ...]]]:
    """Each packet with the frames that it completed; none while a frame has only begun."""
    framers = {"out": codec.requests(), "in": codec.replies()}
    for packet in packets:
        yield packet, tuple(framers[packet.way].feed(packet.data))
