"""Every byte of a pump's line, for the journal (AUD-01): in the entry of the reading it led to, or else in a `frame`.

The bytes of one driver call are kept together. Polls of an idle pump that exchange exactly the same bytes are counted,
not repeated: `times` polls like the last entry, until a byte differs or `SAME_S` seconds have passed. Pumps that share
a port share its record: each byte is recorded once, with the pump whose call came next.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pumpd.quantities import NS_PER_S

SAME_S = 60
MOST_BYTES = 16_384  # in an entry; hundreds of polls, so only a babbling line reaches it


def _always(_body: Mapping[str, Any]) -> bool:
    return True


class LineRecord:
    """Collects the bytes that its `tap` receives until `take` returns them. `scale`: ratio of clinical time to line
    time.
    """

    def __init__(self, scale: int = 1) -> None:
        self._scale = scale
        self._pieces: list[tuple[str, int, bytes]] = []
        self._bytes = 0
        self._last: list[tuple[str, str]] = []  # packets of the newest entry, if the pump was idle
        self._same = 0
        self._same_since_ns = self._same_until_ns = 0

    def tap(self, way: str, data: bytes, t_ns: int) -> None:
        if self._bytes < MOST_BYTES:
            self._pieces.append((way, t_ns, data[: MOST_BYTES - self._bytes]))
        self._bytes += len(data)

    def take(self, *, idle: bool, may: Callable[[Mapping[str, Any]], bool] = _always) -> list[Mapping[str, Any]]:
        """The bodies that are due now: counted polls, and newer bytes. Times are nanoseconds, of packets relative to
        `t_ns`. Consecutive pieces in the same direction form one packet, with the time of the first.

        `may` is asked for the newer bytes of an idle pump: whether they may be written. If not, they are left out.
        """
        pieces, count = self._pieces, self._bytes
        if not pieces:
            return []
        self._pieces, self._bytes = [], 0
        first_ns = pieces[0][1]
        packets: list[list[Any]] = []
        for way, t_ns, data in pieces:
            if packets and packets[-1][0] == way:
                packets[-1][2] += data.hex()
            else:
                packets.append([way, (t_ns - first_ns) * self._scale, data.hex()])
        body: dict[str, Any] = {"t_ns": first_ns * self._scale, "packets": packets}
        if count > MOST_BYTES:
            body["bytes_left_out"] = count - MOST_BYTES
        return self._idle(body, may) if idle else self._busy(body)

    def _busy(self, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        counted, self._last = self.rest(), []
        return [*counted, body]

    def _idle(self, body: Mapping[str, Any], may: Callable[[Mapping[str, Any]], bool]) -> list[Mapping[str, Any]]:
        t_ns, exchanged = body["t_ns"], [(way, text) for way, _, text in body["packets"]]
        if exchanged == self._last and "bytes_left_out" not in body:
            self._same_since_ns = self._same_since_ns or t_ns
            self._same, self._same_until_ns = self._same + 1, t_ns
            return self.rest() if t_ns - self._same_since_ns >= SAME_S * NS_PER_S else []
        if not may(body):
            return []  # the polls that are counted continue
        counted, self._last = self.rest(), exchanged
        return [*counted, body]

    def rest(self) -> list[Mapping[str, Any]]:
        """The counted polls that are in no entry yet."""
        if not self._same:
            return []
        body = {"t_ns": self._same_since_ns, "until_ns": self._same_until_ns, "times": self._same}
        self._same = self._same_since_ns = 0
        return [body]
