"""One request and its reply: a reply must repeat the word of its request."""

from abc import ABC
from collections.abc import Callable

from pumpd.driving import DeclinedError, Lane, LinkDriver
from toy_pump.codec import Frame, Garbage

Heard = Frame | Garbage


class ToyDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges frames."""

    async def question(self, word: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> list[str]:
        return _agreed(await self.ask(Frame(word).to_bytes(), _answers(word), lane=lane, epoch=epoch))

    async def command(self, text: str, epoch: int) -> list[str]:
        return _agreed(await self.send_once(Frame(text).to_bytes(), _answers(Frame(text).word), epoch))


def _answers(word: str) -> Callable[[Heard], bool]:
    return lambda frame: isinstance(frame, Frame) and frame.word == word and frame.rest[:1] in (["OK"], ["NO"])


def _agreed(frame: Heard) -> list[str]:
    assert isinstance(frame, Frame)  # `_answers` accepts nothing else
    if frame.rest[0] == "NO":
        raise DeclinedError(f"{frame.word}: the pump refuses: {' '.join(frame.rest[1:])}")
    return frame.rest[1:]
