"""One request and its reply, which repeats address, sequence number and command, and has the shape of its command."""

import re
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
        self,
        command: str,
        data: str,
        shape: re.Pattern[str],
        *,
        lane: Lane = Lane.NORMAL,
        epoch: int | None = None,
    ) -> re.Match[str]:
        """The data of the reply. Raises DeclinedError when the pump refuses, UnansweredError."""
        request = self._next(command, data)
        answers = _answers(request, shape)
        return _agreed(await self.ask(request.to_bytes(), answers, lane=lane, epoch=epoch), shape)

    async def command(
        self, command: str, data: str, shape: re.Pattern[str], epoch: int | None, *, lane: Lane = Lane.NORMAL
    ) -> re.Match[str]:
        """As `question`, and sent once."""
        request = self._next(command, data)
        answers = _answers(request, shape)
        return _agreed(await self.send_once(request.to_bytes(), answers, epoch, lane=lane), shape)

    def _next(self, command: str, data: str) -> Request:
        self._number = (self._number + 1) % DEADMANS_NUMBER
        return Request(self.address, self._number, command, data)


def _answers(request: Request, shape: re.Pattern[str]) -> Callable[[Heard], bool]:
    own = (request.address, request.sequence, request.command)

    def accepts(frame: Heard) -> bool:
        if not isinstance(frame, Reply) or (frame.address, frame.sequence, frame.command) != own:
            return False
        return shape.fullmatch(frame.data) is not None if frame.result == DONE else not frame.data

    return accepts


def _agreed(frame: Heard, shape: re.Pattern[str]) -> re.Match[str]:
    assert isinstance(frame, Reply)  # `_answers` accepts nothing else
    if frame.result != DONE:
        why = RESULTS.get(frame.result, f"it gives the unknown reason {frame.result}")
        raise DeclinedError(f"{frame.command}: the pump refuses: {why}")
    found = shape.fullmatch(frame.data)
    assert found is not None  # nor any other shape
    return found
