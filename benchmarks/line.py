"""A simulated NE-1000 on a real pseudo-terminal, on the benchmark's own loop, with every frame's time on the line.

The pseudo-terminal itself has no speed: the simulator lets bytes take the time of 19200 baud. A frame's times are those
of that line, so that a late timer of the benchmark is not booked on pumpd.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Iterator
from dataclasses import dataclass

from pumpd_simulators.bench import simulate
from pumpd_simulators.port import PtyPort

BYTE_S = 10 / 19200


def exact_loop() -> asyncio.AbstractEventLoop:
    """epoll rounds waits up to whole milliseconds, select does not."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


@dataclass(slots=True)
class Frame:
    data: bytes
    begun: float
    ended: float  # the last byte has arrived
    answered: float | None = None  # the last byte of the answer has arrived at the host
    answer: bytes = b""


class Line:
    def __init__(self, path):
        self.pump = simulate("new-era")
        self.port = PtyPort(self.pump, path)
        self.frames: list[Frame] = []
        self._to_pump, self._to_host = self.pump.feed, None
        self.pump.feed = self._heard
        attach = self.pump.attach

        def tap(send):
            self._to_host = send
            attach(self._said)

        self.pump.attach = tap

    def _heard(self, data):
        ended = self.port._in.due
        self.frames.append(Frame(data, ended - len(data) * BYTE_S, ended))
        self._to_pump(data)

    def _said(self, data):
        if self.frames:
            frame = self.frames[-1]
            frame.answer, frame.answered = data, self.port._in.due + len(data) * BYTE_S
        self._to_host(data)

    async def next_stop(self, count):
        """The next frame that holds a stop, after the first `count` frames."""
        async with asyncio.timeout(10):
            while True:
                for frame in self.frames[count:]:
                    if b"STP" in frame.data:
                        return frame
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def line(path) -> Iterator[Line]:
    served = Line(path)
    await served.port.open()
    try:
        yield served
    finally:
        await served.port.close()
        served.pump.shut()
