"""One request and its reply: a reply must repeat the word of its request, and consist of as many words as it should."""

from abc import ABC
from collections.abc import Callable

from pumpd.driving import DeclinedError, Lane, LinkDriver
from toy_pump.codec import Frame, Garbage

Heard = Frame | Garbage


class ToyDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges frames."""

    async def question(self, word: str, words: int, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> list[str]:
        return _agreed(await self.ask(Frame(word).to_bytes(), _answers(word, words), lane=lane, epoch=epoch))

    async def command(self, text: str, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> None:
        _agreed(await self.send_once(Frame(text).to_bytes(), _answers(Frame(text).word, 0), epoch, lane=lane))


def _answers(word: str, words: int) -> Callable[[Heard], bool]:
    def accepts(frame: Heard) -> bool:
        if not isinstance(frame, Frame) or frame.word != word:
            return False
        return frame.rest[:1] == ["NO"] or (frame.rest[:1] == ["OK"] and len(frame.rest) == 1 + words)

    return accepts


def _agreed(frame: Heard) -> list[str]:
    assert isinstance(frame, Frame)  # `_answers` accepts nothing else
    if frame.rest[0] == "NO":
        raise DeclinedError(f"{frame.word}: the pump refuses: {' '.join(frame.rest[1:])}")
    return frame.rest[1:]
