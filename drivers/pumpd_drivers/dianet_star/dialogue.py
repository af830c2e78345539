"""One request and its reply, in segments; the control token and the keep-alive that holds it.

Promises:
- A reply must carry our address, the requested segment and data of that segment's length.
- The alarms of every STATUS are latched, whatever it was requested for.
- The keep-alive (`hold`) continues only while it is renewed.
"""

from collections.abc import Callable
from typing import TypeVar

from pumpd.driving import RETRIES, DeclinedError, KeepAlive, Lane, LinkDriver, Side, text
from pumpd.quantities import Duration
from pumpd_drivers.dianet_star import replies
from pumpd_drivers.dianet_star.codec import Garbage, Reply, Request
from pumpd_drivers.dianet_star.segments import (
    LEAVE_32,
    Actual,
    CcMode,
    Ident,
    Limits,
    Mode,
    Refusal,
    Reload,
    Segment,
    Setpoint,
    Status,
    Word,
)
from pumpd_drivers.dianet_star.settings import DianetStarSettings

S = TypeVar("S", bound=Segment)

KEEP_ALIVE_S = 0.4
HOLD = Duration(600)  # for a stopped pump; nothing flows

_READS: dict[type[Segment], Word] = {
    Ident: Word.IDENT,
    Status: Word.STATUS,
    Actual: Word.ACTUAL,
    Setpoint: Word.SETPOINT,
    Limits: Word.LIMITS,
    Reload: Word.RELOAD,
}


class RefusedError(DeclinedError):
    """The pump replied with a NAK."""

    def __init__(self, what: str, code: int) -> None:
        self.code = code
        super().__init__(
            text("pump.refuses", "{command}: the pump refuses: {why}", command=what, why=Refusal.text_of(code))
        )


class DianetStarDialogue(LinkDriver[Reply | Garbage]):
    """The part of the driver that exchanges segments."""

    def __init__(self, link: Side[Reply | Garbage], settings: DianetStarSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.ident: Ident | None = None
        self.hold = KeepAlive(self._keep_alive, KEEP_ALIVE_S)
        self._address = ord(settings.address)

    async def close(self) -> None:
        self.hold.end()
        await super().close()

    async def get(self, kind: type[S], *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> S:
        word = _READS[kind]
        request = Request(0 if kind is Ident else self._address, word)
        reply = await self.ask(request.to_bytes(), self._answers(word, kind.LAYOUT.size), lane=lane, epoch=epoch)
        return kind.of(_agreed(request, reply))

    async def do(self, word: Word, what: Segment, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> None:
        """A setting or an action, sent once. Raises RefusedError when the pump refuses it."""
        request = Request(0 if word is Word.CC_MODE else self._address, word, what.to_data())
        _agreed(request, await self.send_once(request.to_bytes(), self._answers(word, 0), epoch, lane=lane))

    def _answers(self, word: Word, length: int) -> Callable[[Reply | Garbage], bool]:
        # No source states which address the reply to a frame for address 0 carries: both are accepted.
        addresses = (0, self._address) if word in (Word.IDENT, Word.CC_MODE) else (self._address,)

        def accepts(frame: Reply | Garbage) -> bool:
            return (
                isinstance(frame, Reply)
                and frame.segment == word
                and frame.address in addresses
                and (not frame.taken or len(frame.data) == length)
            )

        return accepts

    async def status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Status:
        """The pump's STATUS; its alarms are latched."""
        status = await self.get(Status, lane=lane, epoch=epoch)
        for alarm in replies.alarms(status.alarms):
            self.latch(alarm)
        return status

    @property
    def question_s(self) -> float:
        """The longest that a question takes with all its repetitions when no reply comes."""
        line_s = self.link.line.time_for(len(Request(0, Word.IDENT).to_bytes()) + self.longest_reply)
        return (RETRIES + 1) * (self.settings.reply_timeout_s + line_s) + RETRIES * self.settings.quiet_s

    async def switch(self, mode: Mode, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> None:
        """Set the mode; the control token is the inverted ident number."""
        if self.ident is None:
            self.ident = await self.get(Ident, lane=lane, epoch=epoch)
        await self.do(Word.CC_MODE, CcMode(self.ident.number ^ LEAVE_32, mode, self._address), epoch, lane=lane)

    async def _keep_alive(self) -> None:
        await self.get(Ident)


def _agreed(request: Request, reply: Reply | Garbage) -> bytes:
    assert isinstance(reply, Reply)  # `_answers` accepts nothing else
    if reply.refusal is not None:
        raise RefusedError(Word.name_of(request.segment), reply.refusal)
    return reply.data
