"""One request and its reply: a reply repeats the address, the sequence number and the command of its request."""

from abc import ABC
from collections.abc import Callable

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side
from reference_pump.codec import Garbage, Reply, Request
from reference_pump.replies import DONE, RESULTS
from reference_pump.settings import ReferenceSettings

Heard = Reply | Garbage

DEADMANS_NUMBER = 0xFF  # a sequence number that this driver never uses: its reply answers no request of the driver


class ReferenceDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges frames."""

    def __init__(self, link: Side[Heard], settings: ReferenceSettings) -> None:
        super().__init__(link, settings)
        self.address = settings.address
        self._number = 0

    async def question(
        self, command: str, data: str = "", *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> str:
        """The data of the reply. Raises DeclinedError when the pump refuses, UnansweredError."""
        request = self._next(command, data)
        return _agreed(await self.ask(request.to_bytes(), _answers(request), lane=lane, epoch=epoch))

    async def command(self, command: str, data: str, epoch: int) -> str:
        """As `question`, and sent once."""
        request = self._next(command, data)
        return _agreed(await self.send_once(request.to_bytes(), _answers(request), epoch))

    def _next(self, command: str, data: str) -> Request:
        self._number = (self._number + 1) % DEADMANS_NUMBER
        return Request(self.address, self._number, command, data)


def _answers(request: Request) -> Callable[[Heard], bool]:
    own = (request.address, request.sequence, request.command)
    return lambda frame: isinstance(frame, Reply) and (frame.address, frame.sequence, frame.command) == own


def _agreed(frame: Heard) -> str:
    assert isinstance(frame, Reply)  # `_answers` accepts nothing else
    if frame.result != DONE:
        why = RESULTS.get(frame.result, f"it gives the unknown reason {frame.result}")
        raise DeclinedError(f"{frame.command}: the pump refuses: {why}")
    return frame.data
