"""One request and its reply, in words: questions, settings and commands to one pump.

Promises:
- A reply begins with the two letters of its request. The replies to `:...?` and `*IDN?` do not, and are recognised by
  their shape alone; so two such questions with replies of the same shape never follow each other.
- The pump's own request, sent back by an adapter, never has the shape of its reply.
- A question is repeated after a silence, and the line is then left to become quiet, because the reply may come twice.
  A setting or command is sent once.
"""

import re
from abc import ABC

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError, text, timed_out
from pumpd.quantities import Volume
from pumpd_drivers.zyno_miva import limits
from pumpd_drivers.zyno_miva.codec import Frame, Garbage
from pumpd_drivers.zyno_miva.settings import ZynoMivaSettings

Heard = Frame | Garbage

ERROR = "ERROR"  # after the two letters, as a public client knows it

_RUNS = re.compile("TRUE|FALSE", re.IGNORECASE)
_BOLUS = re.compile("[01]")


class ZynoMivaDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges words."""

    longest_reply = 46
    reply_may_come_twice = True

    def __init__(self, link: Side[Heard], settings: ZynoMivaSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings

    def framed(self, request: str) -> bytes:
        return Frame(request, self.settings.checksum).to_bytes()

    async def question(
        self, request: str, shape: re.Pattern[str], *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> str:
        """The reply to `Q5`, `RN` or `RE00000001`, without its two letters. Raises DeclinedError for an error."""
        return _no_error(request, await self._value(request, request[:2], shape, lane, epoch))

    async def plain(
        self, request: str, shape: re.Pattern[str], *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> str:
        """The reply to `:INFU:RUN?`, which is the value alone. Raises DeclinedError for an error."""
        return _no_error(request, await self._value(request, "", shape, lane, epoch))

    async def volume(self, code: str, epoch: int | None = None) -> Volume:
        return limits.volume(await self.question(code, limits.HUNDREDTHS, epoch=epoch))

    async def number_if_any(self, code: str, epoch: int) -> int:
        """A parameter that the selected protocol may not have; 0 when the pump replies with an error."""
        value = await self._value(code, code, limits.HUNDREDTHS, Lane.NORMAL, epoch)
        return 0 if value == ERROR else int(value, 16)

    async def _value(self, request: str, code: str, shape: re.Pattern[str], lane: Lane, epoch: int | None) -> str:
        def accepts(frame: Heard) -> bool:
            if not isinstance(frame, Frame) or not frame.text.startswith(code):
                return False
            rest = frame.text[len(code) :]
            return rest == ERROR or shape.fullmatch(rest) is not None

        return str(await self.ask(self.framed(request), accepts, lane=lane, epoch=epoch))[len(code) :]

    async def set(self, name: str, value: str, epoch: int) -> None:
        """A setting. Its reply proves nothing, because no source states its text: the caller reads the value back."""
        request = f"{name} {value}"
        try:
            answer = await self.send_once(self.framed(request), lambda frame: isinstance(frame, Frame), epoch)
        except UnansweredError as error:
            if self.settings.set_reply == "any" or not timed_out(error):
                raise
            return
        if str(answer).endswith(ERROR):
            raise DeclinedError(
                text("pump.replied", "{command}: the pump replied {reply}", command=request, reply=answer)
            )

    # -- what it does now ------------------------------------------------------------------------------------------

    async def runs(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        return (await self.plain(":INFU:RUN?", _RUNS, lane=lane, epoch=epoch)).upper() == "TRUE"

    async def gives_bolus(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        return await self.question("Q7", _BOLUS, lane=lane, epoch=epoch) == "1"

    async def require_stopped(self, epoch: int) -> None:
        if await self.runs(epoch=epoch) or await self.gives_bolus(epoch=epoch):
            raise DeclinedError(text("pump.infusing_stop_first", "the pump is infusing: stop it first"))


def _no_error(request: str, value: str) -> str:
    if value == ERROR:
        raise DeclinedError(text("zyno_miva.error", "{command}: the pump replied with an error", command=request))
    return value
