"""One request and its reply, in the words of the pump's dialect.

Promises:
- A reply is accepted only with our address and a prompt of our dialect, and only in the expected shape or as an error.
- A question is repeated after a silence, and once after a refusal; a setting or command is sent once.
- Each request carries the address and a command. A bare CR, which would stop a whole chain, is never sent.
"""

import re
from abc import ABC
from collections.abc import Callable
from decimal import Decimal

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError, of_error, text
from pumpd.pump import PumpState
from pumpd.quantities import Rate
from pumpd.wire import NotUnderstoodError
from pumpd_drivers.harvard_classic import replies
from pumpd_drivers.harvard_classic.codec import PROMPT, Form, Garbage, Reply, ReplyFramer, Request
from pumpd_drivers.harvard_classic.dialects import dialect
from pumpd_drivers.harvard_classic.settings import HarvardClassicSettings

_SPEAKERS = {
    Form.CR_LF: text(
        "harvard_classic.form_11_22", "A Pump 11 or a Model 22 answers in this form: is dialect set right?"
    ),
    Form.LF: text(
        "harvard_classic.form_44",
        "A Model 44, a Model 33, or a PHD 2000 in Model 44 mode answers in this form: is dialect set right?",
    ),
    Form.PHD: text(
        "harvard_classic.form_phd",
        "A PHD 2000 in Model 22 mode answers in this form: set dialect to 22 and phd_2000 to true?",
    ),
}

Fits = Callable[[Reply], bool]


class HarvardClassicDialogue(LinkDriver[Reply | Garbage], ABC):
    """The part of the driver that exchanges words."""

    longest_reply = 40
    late_answers = 20  # a load of a Model 44 has 14 exchanges

    def __init__(self, link: Side[Reply | Garbage], settings: HarvardClassicSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.dialect = dialect(settings)

    # -- words -----------------------------------------------------------------------------------------------

    async def set(self, command: str, epoch: int | None) -> None:
        reply = await self.command(command, consents, epoch)
        if reply.error is not None:
            raise DeclinedError(
                text("pump.refuses", "{command}: the pump refuses: {why}", command=command, why=reply.error)
            )

    async def value(self, question: str, epoch: int | None = None) -> tuple[Decimal, Reply]:
        """A number, and the reply that contained it."""
        reply = await self.question(question, shaped(self.dialect.number), epoch=epoch)
        match = reply.data(self.dialect.number)
        assert match is not None  # `question` accepts nothing else
        return replies.number(match), reply

    async def rate(self, epoch: int | None = None) -> Rate:
        """The rate, whose unit is a question of its own where the reply has none."""
        match = (await self.question("RAT", shaped(self.dialect.rate), epoch=epoch)).data(self.dialect.rate)
        assert match is not None
        unit = match.groupdict().get("unit")
        if unit is None:
            named = (await self.question("RNG", shaped(replies.UNIT_22), epoch=epoch)).data(replies.UNIT_22)
            assert named is not None
            unit = named["unit"]
        return replies.rate(replies.number(match), unit)

    def state(self, reply: Reply) -> PumpState:
        return self.dialect.states[reply.prompt]

    def flow_in(self, frame: Reply | Garbage) -> bool | None:
        """Every reply ends with the state, also one whose text or form is not ours."""
        match = PROMPT.search(frame.to_bytes() if isinstance(frame, Reply) else frame.raw)
        if match is None or int(match["address"] or 0) != self.settings.address:
            return None
        state = self.dialect.states.get(match["prompt"].decode("ascii"))
        return None if state is None else not state.no_flow

    def in_another_form(self, error: UnansweredError) -> UnansweredError:
        """The error, with the dialects whose form the answer has, if it is a reply in another one's."""
        if not isinstance(error.__cause__, NotUnderstoodError):
            return error
        for frame in error.__cause__.frames:
            for reply in ReplyFramer().feed(frame.raw) if isinstance(frame, Garbage) else ():
                if isinstance(reply, Reply):
                    return UnansweredError(
                        text(
                            "harvard_classic.other_form",
                            "{why}. {dialect}",
                            why=of_error(error),
                            dialect=_SPEAKERS[reply.form],
                        )
                    )
        return error

    # -- exchanges -------------------------------------------------------------------------------------------

    async def question(self, question: str, fits: Fits, *, epoch: int | None = None) -> Reply:
        reply = await self.ask(
            self.framed(question),
            self._accepts(fits),
            refuses=lambda frame: isinstance(frame, Reply) and frame.error is not None,
            epoch=epoch,
        )
        assert isinstance(reply, Reply)
        if not fits(reply):
            raise DeclinedError(
                text("pump.refuses", "{command}: the pump refuses: {why}", command=question, why=reply.error)
            )
        return reply

    async def command(self, command: str, fits: Fits, epoch: int | None, *, lane: Lane = Lane.NORMAL) -> Reply:
        """Sent once; the reply has the expected shape, or reports an error."""
        reply = await self.send_once(self.framed(command), self._accepts(fits), epoch, lane=lane)
        assert isinstance(reply, Reply)
        return reply

    def framed(self, command: str) -> bytes:
        return Request(command, self.dialect.address()).to_bytes()

    def _accepts(self, fits: Fits) -> Callable[[Reply | Garbage], bool]:
        ours, states = self.settings.address, self.dialect.states

        def accepts(frame: Reply | Garbage) -> bool:
            return (
                isinstance(frame, Reply)
                and int(frame.address or 0) == ours
                and frame.prompt in states
                and (frame.error is not None or fits(frame))
            )

        return accepts


def shaped(shape: re.Pattern[str]) -> Fits:
    return lambda reply: reply.data(shape) is not None


def consents(reply: Reply) -> bool:
    """A bare prompt, with which these pumps accept a command."""
    return not reply.lines


def whatever(_: Reply) -> bool:
    """Any reply: its prompt is the pump's state, whatever the text is."""
    return True
