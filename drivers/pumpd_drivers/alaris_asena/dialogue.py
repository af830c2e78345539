"""One request and its reply, in words: questions, settings and commands to one Asena.

Promises:
- A reply must carry the word of its request. A question is repeated after a silence; a setting or command is sent once.
- A setting counts when the pump's reply shows that it holds the value.
- A status with a serial number other than the identified pump's is not an answer.
"""

from abc import ABC
from collections.abc import Callable
from typing import TypeAlias

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError, text
from pumpd_drivers.alaris_asena.codec import Garbage, Message
from pumpd_drivers.alaris_asena.control_token import ControlToken
from pumpd_drivers.alaris_asena.replies import Fields, Status, plain, rests
from pumpd_drivers.alaris_asena.settings import AlarisSettings

Heard: TypeAlias = Message | Garbage


class AlarisDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges messages."""

    longest_reply = 120

    def __init__(self, link: Side[Heard], settings: AlarisSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.control = ControlToken(self.command, settings)

    async def close(self) -> None:
        self.control.let_lapse()
        await super().close()

    async def question(self, word: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Fields:
        return _fields(await self.ask(Message(word).to_bytes(), _answers(word), lane=lane, epoch=epoch))

    async def command(self, word: str, *fields: str, epoch: int | None, lane: Lane = Lane.NORMAL) -> Fields:
        """Sent once; the pump may confirm by repeating all of it."""
        request = Message(word, fields).to_bytes()
        return _fields(await self.send_once(request, _answers(word), epoch, lane=lane, may_repeat=True))

    async def set(self, word: str, *fields: str, epoch: int) -> None:
        """A setting; the pump's reply must show that it holds the value."""
        held = await self.command(word, *fields, epoch=epoch)
        if [plain(field) for field in held[: len(fields)]] != [plain(field) for field in fields]:
            raise DeclinedError(
                text(
                    "alaris_asena.holds_other",
                    "{command}: sent {sent}, the pump holds {held}",
                    command=word,
                    sent="^".join(fields),
                    held="^".join(held) or text("alaris_asena.nothing", "nothing"),
                )
            )

    async def status(self, *, epoch: int | None = None) -> Status:
        return Status.of(await self._inf(lane=Lane.NORMAL, epoch=epoch))

    async def rests(self) -> bool:
        """After a stop."""
        return rests(await self._inf(lane=Lane.STOP), self.settings)

    async def _inf(self, *, lane: Lane, epoch: int | None = None) -> Fields:
        fields = await self.question("INF", lane=lane, epoch=epoch)
        if self.control.serial not in ("", *fields[:1]):
            raise UnansweredError(
                text(
                    "alaris_asena.another",
                    "{command}: another pump replied, {found}, not {serial}",
                    command="INF",
                    found="".join(fields[:1]),
                    serial=self.control.serial,
                )
            )
        return fields

    async def require_stopped(self, epoch: int) -> None:
        if not (await self.status(epoch=epoch)).stopped(self.settings):
            raise DeclinedError(text("alaris_asena.infusing", "the pump is infusing, not stopped: stop it first"))


def _answers(word: str) -> Callable[[Heard], bool]:
    return lambda frame: isinstance(frame, Message) and frame.word == word


def _fields(reply: Heard) -> Fields:
    assert isinstance(reply, Message)  # `_answers` accepts nothing else
    return tuple(field.strip() for field in reply.fields)
