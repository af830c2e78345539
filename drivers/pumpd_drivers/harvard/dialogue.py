"""One request and its reply, in words: questions, settings and commands to one pump of a chain.

Promises:
- A reply is accepted only with our address, and only in the expected shape or as an error. A prompt without text never
  answers a question.
- A question is repeated after a silence, and once after a refusal; a setting or command is sent once.
"""

import re
from abc import ABC
from collections.abc import Callable

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError, text, timed_out
from pumpd.pump import word
from pumpd_drivers.harvard.codec import Garbage, Reply, Request
from pumpd_drivers.harvard.replies import SHAPE, Status
from pumpd_drivers.harvard.settings import HarvardSettings

Fits = Callable[[Reply], bool]

_NOT_SET = re.compile(r"Target (?:volume|time) not set\.?")


class HarvardDialogue(LinkDriver[Reply | Garbage], ABC):
    """The part of the driver that exchanges words."""

    longest_reply = 120

    def __init__(self, link: Side[Reply | Garbage], settings: HarvardSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings

    async def set(self, command: str, epoch: int | None) -> None:
        reply = await self.command(command, consents, epoch)
        if reply.error is not None:
            raise DeclinedError(
                text("pump.refuses", "{command}: the pump refuses: {why}", command=command, why=reply.error)
            )

    async def target(self, command: str, shape: re.Pattern[str], epoch: int) -> re.Match[str]:
        """A target that must be set: without it a run has no end."""
        reply = await self.question(command, lambda reply: shaped(shape)(reply) or shaped(_NOT_SET)(reply), epoch=epoch)
        if (match := reply.data(shape)) is None:
            raise DeclinedError(
                text(
                    "harvard.no_target",
                    "{command}: the pump holds none, so nothing would end a run: load the program again",
                    command=command,
                )
            )
        return match

    async def status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Status:
        return Status.of(await self.question("status", shaped(SHAPE), lane=lane, epoch=epoch))

    async def require_stopped(self, epoch: int) -> Status:
        status = await self.status(epoch=epoch)
        if not status.stopped:
            raise DeclinedError(text("pump.stop_first", "the pump is {state}: stop it first", state=word(status.state)))
        return status

    async def match(self, command: str, shape: re.Pattern[str], epoch: int | None = None) -> re.Match[str]:
        match = (await self.question(command, shaped(shape), epoch=epoch)).data(shape)
        assert match is not None  # `question` accepts nothing else
        return match

    async def question(self, command: str, fits: Fits, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Reply:
        reply = await self.ask(
            self.framed(command),
            self._accepts(fits),
            refuses=lambda frame: isinstance(frame, Reply) and not fits(frame),
            lane=lane,
            epoch=epoch,
        )
        assert isinstance(reply, Reply)
        if not fits(reply):
            raise DeclinedError(
                text("pump.refuses", "{command}: the pump refuses: {why}", command=command, why=reply.error)
            )
        return reply

    async def command(self, command: str, fits: Fits, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> Reply:
        """Sent once; the reply has the expected shape, or reports an error."""
        reply = await self.send_once(self.framed(command), self._accepts(fits), epoch, lane=lane)
        assert isinstance(reply, Reply)
        return reply

    async def first_words(self, command: str, epoch: int) -> None:
        """A command whose reply shows which pump answers. Raises DeclinedError when that is another one."""
        ours = self.settings.address

        def accepts(frame: Reply | Garbage) -> bool:
            return self._ours(frame, consents) or any(address != ours for address in frame.addresses)

        frame = await self.send_once(self.framed(command), accepts, epoch)
        if others := sorted({address for address in frame.addresses if address != ours}):
            raise DeclinedError(
                text(
                    "harvard.other_address",
                    "address: pump {others} answers where pump {ours} was asked: check the address of each pump "
                    "on this line",
                    others=", ".join(str(other) for other in others),
                    ours=ours,
                )
            )
        if isinstance(frame, Reply) and frame.error is not None:
            raise DeclinedError(
                text("pump.refuses", "{command}: the pump refuses: {why}", command=command, why=frame.error)
            )

    async def heard_after(self, command: str) -> Reply | Garbage | UnansweredError:
        """In a stop: what comes from the pump, understood or not; the error for silence. A prompt without text is no
        answer to `status`; in the first second of a stop, only what is understood answers `stp`. Raises UnansweredError
        when the port is lost.
        """
        try:
            return await self.send_once(
                self.framed(command),
                lambda frame: (
                    self.from_us(frame)
                    and (command != "status" or frame.has_text)
                    and (command != "stp" or isinstance(frame, Reply) or not self.link.insists)
                ),
                None,
                lane=Lane.STOP_FRAME if command == "stp" else Lane.STOP,
            )
        except UnansweredError as error:
            if not timed_out(error):
                raise
            return error

    def framed(self, command: str) -> bytes:
        """Quiet, so that the pump replies fast; the first pump of a chain is addressed without a number."""
        address = self.settings.address or None
        return Request(
            command, address, quiet=True, colon=address is not None and self.settings.address_colon
        ).to_bytes()

    def _accepts(self, fits: Fits) -> Callable[[Reply | Garbage], bool]:
        return lambda frame: self._ours(frame, fits)

    def _ours(self, frame: Reply | Garbage, fits: Fits) -> bool:
        return (
            isinstance(frame, Reply)
            and self.from_us(frame)
            and not (frame.nul and self.settings.nul_in_text == "unread")
            and (frame.error is not None or fits(frame))
        )

    def from_us(self, frame: Reply | Garbage) -> bool:
        return (frame.address or 0) == self.settings.address


def shaped(shape: re.Pattern[str]) -> Fits:
    return lambda reply: reply.data(shape) is not None


def consents(reply: Reply) -> bool:
    """A bare prompt, with which these pumps accept a command."""
    return not reply.lines
