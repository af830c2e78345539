"""A simulated pump on a real pseudo-terminal, on the benchmark's own loop, with every frame's time on the line.

The pseudo-terminal itself has no speed: the simulator gives bytes the time of the family's line. A frame's times are
times on that line, so a late timer of the benchmark does not count against pumpd.
"""

import asyncio
import contextlib
import enum
import selectors
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.families import own_mark
from pumpd_simulators.bench import simulate
from pumpd_simulators.cables import outlet
from pumpd_simulators.device import Operation
from pumpd_simulators.port import BITS_A_BYTE, PtyPort


def exact_loop() -> asyncio.AbstractEventLoop:
    """epoll rounds waits up to whole milliseconds, select does not."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


POLLS = (Operation.READ, Operation.KEEP_ALIVE)
LATE_S = 0.4
NEVER_S = 30.0  # a stop that is not sent by then is not sent


class Spoilt(enum.Enum):
    """What becomes of one answer on its way to the host."""

    LOST = "lost"
    LATE = "late"
    GARBLED = "garbled"


@dataclass(slots=True)
class Frame:
    data: bytes
    begun: float
    ended: float  # the last byte has arrived
    doing: Operation | None = None  # what the pump understood
    answered: float | None = None  # the last byte of the answer has arrived at the host
    answer: bytes = b""


class Line:
    def __init__(self, family, path, number):
        self.pump = simulate(family, options=own_mark(family, number)[1])
        device = self.pump.device
        self.byte_s = getattr(device, "bits_a_byte", BITS_A_BYTE) / device.baud
        self.port = PtyPort(outlet(self.pump), path)
        self.frames: list[Frame] = []
        self.struck = asyncio.Event()
        self._spoil: Spoilt | None = None
        self._to_pump, self._to_host = self.pump.feed, None
        self.pump.feed = self._received
        attach = self.pump.attach

        def tap(send):
            self._to_host = send
            attach(self._sent)

        self.pump.attach = tap

    def _received(self, data):
        ended = self.port._in.due
        self.frames.append(Frame(data, ended - len(data) * self.byte_s, ended))
        self._to_pump(data)

    def _sent(self, data):
        doing = self.pump.device.doing
        if self.frames and doing is not None:  # None: the pump sends without being asked
            frame = self.frames[-1]
            frame.doing, frame.answer = doing, frame.answer + data
            frame.answered = frame.ended + len(frame.answer) * self.byte_s
            if self._spoil is not None and doing in POLLS:
                self._spoiled(data)
                return
        self._to_host(data)

    def spoil(self, how: Spoilt):
        """The next answer to a poll. `struck` is set when it was due."""
        self._spoil = how
        self.struck.clear()

    def _spoiled(self, data):
        how, self._spoil = self._spoil, None
        self.struck.set()
        if how is Spoilt.LATE:
            asyncio.get_running_loop().call_later(LATE_S, self._to_host, data)
        elif how is Spoilt.GARBLED:
            middle = len(data) // 2
            self._to_host(data[:middle] + bytes([data[middle] ^ 0x80]) + data[middle + 1 :])

    def longest_poll_s(self):
        """The longest poll or keep-alive so far, on the wire alone."""
        return max(len(one.data) + len(one.answer) for one in self.frames if one.doing in POLLS) * self.byte_s

    async def next_stop(self, count):
        """The next frame that holds a stop, after the first `count` frames."""
        async with asyncio.timeout(NEVER_S):
            while True:
                for frame in self.frames[count:]:
                    if frame.doing is Operation.STOP:
                        return frame
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def line(family, path, number=1) -> Iterator[Line]:
    """The pump with this number (`families.Bed`)."""
    served = Line(family, path, number)
    await served.port.open()
    try:
        yield served
    finally:
        await served.port.close()
        served.pump.shut()
