"""One request and its reply, in words: questions and settings to one channel of a Reglo ICC.

Promises:
- A value counts as a reply only in the shape that was asked for, and never after a sign, because a garbled first digit
  can read as a sign.
- A question is repeated after a silence, and after a reply that cannot be its answer; the line is then left to become
  quiet. A setting or command is sent once.
- The pump's identity counts when it was reported twice (`twice`): a garbled letter is still a letter.
"""

import re
from abc import ABC
from collections.abc import Callable
from decimal import Decimal

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError, text, timed_out
from pumpd.quantities import Volume
from pumpd_drivers.reglo_icc import limits
from pumpd_drivers.reglo_icc.codec import FAIL, NO, OK, YES, Event, Garbage, Request, Sign, Text, read_reply
from pumpd_drivers.reglo_icc.settings import RegloIccSettings

TRIES = 3  # of a question whose reply is something else

Heard = Sign | Text | Event | Garbage

_NUMBER = re.compile(r"[0-9]{4}E[+-][0-9]", re.ASCII)
_LETTER = re.compile("[A-Z01]")
_APART = re.compile("[01]")  # the reply to ~


class FailedError(DeclinedError):
    """The pump replied `#` to a question that it otherwise always answers."""


class RegloIccDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges words."""

    longest_reply = 40
    reply_may_come_twice = True

    def __init__(self, link: Side[Heard], settings: RegloIccSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings

    def request(self, command: str, parameter: str = "", address: int | None = None) -> bytes:
        return Request(self.settings.channel if address is None else address, command, parameter).to_bytes()

    async def _insist(
        self, command: str, answers: Callable[[Heard], bool], *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> Heard:
        """A question, repeated when a sign came that cannot be its answer. Raises FailedError for `#`."""
        missed = 0
        while True:
            answer = await self.ask(
                self.request(command), lambda frame: is_sign(frame) or answers(frame), lane=lane, epoch=epoch
            )
            if answers(answer):
                return answer
            self.link.unsettle()
            missed += 1
            if missed == TRIES:
                error = FailedError if str(answer) == FAIL else DeclinedError
                raise error(
                    text(
                        "reglo_icc.no_answer",
                        "{command}: the pump replied {reply}, which is not an answer to it",
                        command=command,
                        reply=answer,
                    )
                )

    async def value(self, command: str, shape: re.Pattern[str], epoch: int | None) -> re.Match[str]:
        """A question whose answer is text of that shape. A sign is never its answer, whatever follows the sign."""
        answer = await self._insist(command, shaped(shape), epoch=epoch)
        match = shape.fullmatch(str(answer))
        assert match is not None  # `_insist` accepts nothing else
        return match

    async def twice(self, command: str, shape: re.Pattern[str], epoch: int) -> str:
        """The reply, asked for twice. Raises DeclinedError when the two replies differ."""
        first, second = [(await self.value(command, shape, epoch))[0] for _ in range(2)]
        if first != second:
            raise DeclinedError(
                text(
                    "reglo_icc.two_answers",
                    "{command}: the pump reported {first}, then {second}: check the cable",
                    command=command,
                    first=f"{first!r}",
                    second=f"{second!r}",
                )
            )
        return first

    async def require_held(self, command: str, due: str, epoch: int) -> None:
        held = (await self.value(command, _LETTER, epoch))[0]
        if held != due:
            raise DeclinedError(
                text(
                    "reglo_icc.holds",
                    "{command}: the pump holds {held}, not {due}: load the program again",
                    command=command,
                    held=held,
                    due=due,
                )
            )

    async def number(self, command: str, epoch: int | None) -> Decimal:
        value = read_reply((await self.value(command, _NUMBER, epoch))[0])
        assert value is not None  # it has the shape
        return value

    async def total(self, epoch: int | None = None) -> Volume:
        return limits.total(await self.value(":", limits.TOTAL, epoch))

    async def runs(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        return str(await self._insist("E", _yes_or_no, lane=lane, epoch=epoch)) == YES

    async def stopped(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        """Reported twice, because replies carry no check."""
        return not (await self.runs(lane=lane, epoch=epoch) or await self.runs(lane=lane, epoch=epoch))

    async def set(self, command: str, parameter: str, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> None:
        """A setting. The reply to `f` and `v` may be the value; what the pump holds is read back anyway."""
        accepts = sign_or(_NUMBER) if command in ("f", "v") else is_sign
        answer = await self.send_once(self.request(command, parameter), accepts, epoch, lane=lane)
        if isinstance(answer, Sign) and answer.sign != OK:
            raise DeclinedError(
                text(
                    "pump.replied", "{command}: the pump replied {reply}", command=f"{command}{parameter}", reply=answer
                )
            )

    # -- channel addressing ----------------------------------------------------------------------------------

    async def addresses_channels(self, epoch: int | None = None) -> bool:
        return (await self.value("~", _APART, epoch))[0] == "1"

    async def address_channels(self, epoch: int) -> None:
        """In legacy mode the digit is the pump's address: sent to that address, `~1` makes it a channel number."""
        try:
            answer = await self.send_once(self.request("~"), sign_or(_APART), epoch)
        except UnansweredError as error:
            if not timed_out(error):
                raise
        else:
            if str(answer) == "1":
                return
        answer = await self.ask(self.request("~", "1", self.settings.address), is_sign, epoch=epoch)
        if str(answer) != OK or not await self.addresses_channels(epoch):
            raise DeclinedError(
                text(
                    "reglo_icc.channels",
                    "~1: the pump does not address its channels separately ({reply})",
                    reply=answer,
                )
            )


def is_sign(frame: Heard) -> bool:
    return isinstance(frame, Sign)


def shaped(shape: re.Pattern[str]) -> Callable[[Heard], bool]:
    return lambda frame: isinstance(frame, Text) and shape.fullmatch(frame.text) is not None


def sign_or(shape: re.Pattern[str]) -> Callable[[Heard], bool]:
    return lambda frame: is_sign(frame) or shaped(shape)(frame)


def _yes_or_no(frame: Heard) -> bool:
    return str(frame) in (YES, NO)
