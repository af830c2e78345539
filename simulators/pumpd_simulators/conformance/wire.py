"""The wire between a driver and a simulated pump: it records what both send, and damages a packet on demand."""

import asyncio
from collections.abc import Callable
from enum import Enum, StrEnum

from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.device import Send

VERY_LATE_S = 3.0
PIECE_GAP_S = 0.005


class Trouble(StrEnum):
    """What happens to the n-th packet of a call: the first three to the host's packet, the others to the pump's."""

    LOST_REQUEST = "lost request"
    GARBLED_REQUEST = "garbled request"  # as a garbled reply
    FOREIGN = "foreign reply"  # the pump never receives the request; a reply to another one comes instead
    LOST_REPLY = "lost reply"
    LATE = "late reply"
    VERY_LATE = "very late reply"
    DUPLICATED = "duplicated reply"
    SPLIT = "split reply"
    GARBLED = "garbled reply"  # one byte becomes a byte that text never contains
    MISREAD = "misread reply"  # one bit changes, which only a check sum can detect
    UNPLUGGED = "unplugged"
    CHANGED = "changed reply"  # by the function that was given


class Echo(Enum):
    """Whether the line returns what the host sends, byte by byte."""

    NONE = "none"
    FIRST = "before the pump's answer"
    ALONE = "and there is no pump"


TO_PUMP = (Trouble.LOST_REQUEST, Trouble.GARBLED_REQUEST, Trouble.FOREIGN)


class Wire:
    def __init__(self, pump: SimulatedPump, late_s: float) -> None:
        self.pump = pump
        self.sent: list[bytes] = []
        self.replies: list[tuple[bytes, bytes]] = []  # the request before it, and the reply
        self.struck = False
        self.echo = Echo.NONE
        self.change: Callable[[bytes], bytes] | None = None  # applied to all that the pump sends
        self.unplug: Callable[[], None] = lambda: None
        self._late_s = late_s
        self._send: Send | None = None
        self._trouble: Trouble | None = None
        self._left = 0
        self._foreign = b""
        self._change: Callable[[bytes], bytes] | None = None
        self._late: list[asyncio.TimerHandle] = []
        self._loop = asyncio.get_running_loop()

    def arm(
        self,
        trouble: Trouble,
        number: int,
        foreign: bytes = b"",
        change: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Let this trouble happen to the `number`-th packet from now on, counted from 0."""
        self._trouble, self._left, self.struck = trouble, number, False
        self._foreign, self._change = foreign, change

    def disarm(self) -> None:
        self._trouble = None

    # -- the peer of the port ------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self.pump.attach(self._from_pump)

    def taken_over(self) -> Send:
        """Before another host takes the wire: the way back to the present one, for `attach`."""
        assert self._send is not None
        return self._send

    def detach(self) -> None:
        self._send = None
        self._forget()
        self.pump.detach()

    def feed(self, data: bytes) -> None:
        self.sent.append(data)
        if self.echo is not Echo.NONE:
            for place in range(len(data)):
                self._to_host(data[place : place + 1])
        if self.echo is Echo.ALONE:
            return
        trouble = self._due(to_pump=True)
        if trouble is None:
            self.pump.feed(data)
        elif trouble is Trouble.GARBLED_REQUEST:
            self.pump.feed(_changed(data, len(data) // 2, 0x80))
        elif trouble is Trouble.FOREIGN:
            self._to_host(self._foreign)

    def shut(self) -> None:
        self._forget()
        self.pump.shut()

    # -- packets -------------------------------------------------------------------------------------------------

    def _due(self, *, to_pump: bool) -> Trouble | None:
        if self._trouble is None or (self._trouble in TO_PUMP) is not to_pump:
            return None
        if self._left:
            self._left -= 1
            return None
        trouble, self._trouble, self.struck = self._trouble, None, True
        return trouble

    def _from_pump(self, data: bytes) -> None:
        self.replies.append((self.sent[-1] if self.sent else b"", data))
        if self.change is not None:
            data = self.change(data)
        middle = len(data) // 2
        match self._due(to_pump=False):
            case None:
                self._to_host(data)
            case Trouble.LATE:
                self._later(self._late_s, data)
            case Trouble.VERY_LATE:
                self._later(VERY_LATE_S, data)
            case Trouble.DUPLICATED:
                self._to_host(data)
                self._to_host(data)
            case Trouble.SPLIT:
                self._to_host(data[:middle])
                self._later(PIECE_GAP_S, data[middle:])
            case Trouble.GARBLED:
                self._to_host(_changed(data, middle, 0x80))
            case Trouble.MISREAD:
                self._to_host(_changed(data, middle, 0x01))
            case Trouble.CHANGED if self._change is not None:
                self._to_host(self._change(data))
            case Trouble.UNPLUGGED:
                self._loop.call_soon(self.unplug)
            case _:  # lost
                pass

    def _to_host(self, data: bytes) -> None:
        if self._send is not None and data:
            self._send(data)

    def _later(self, delay_s: float, data: bytes) -> None:
        self._late.append(self._loop.call_later(delay_s, self._to_host, data))

    def _forget(self) -> None:
        for handle in self._late:
            handle.cancel()
        self._late.clear()


def _changed(data: bytes, place: int, bits: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= bits
    return bytes(changed)
