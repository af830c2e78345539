"""A tap on a simulated pump's line: the commands that reached the pump, in order and without framing."""

from pumpd_drivers.new_era.codec import Request, RequestFramer
from pumpd_simulators.bench import SimulatedPump


class Tap:
    def __init__(self, pump: SimulatedPump) -> None:
        self.commands: list[str] = []
        self._framer = RequestFramer()
        self._feed = pump.line.feed
        pump.feed = self._listen

    def _listen(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if isinstance(frame, Request):
                self.commands.append(frame.text)
        self._feed(data)

    def count(self, command: str) -> int:
        return self.commands.count(command)
