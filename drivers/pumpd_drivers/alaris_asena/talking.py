"""Questions, settings and commands to one Asena, in words, on top of `pumpd.driving`; what it must be to be programmed.

Promises:
- An answer has the word of what was asked. A question is repeated after a silence; a setting or a command is sent once.
- A setting counts when the pump says that it holds it.
- What another pump than the identified one says is no answer: each status tells its serial number.
"""

from abc import ABC
from collections.abc import Callable
from typing import TypeAlias

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, UnansweredError
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.alaris_asena.answers import Fields, Status, number, plain
from pumpd_drivers.alaris_asena.codec import Garbage, Message
from pumpd_drivers.alaris_asena.control import Control
from pumpd_drivers.alaris_asena.settings import AlarisSettings

Heard: TypeAlias = Message | Garbage


class AlarisLink(LinkDriver[Heard], ABC):
    """The part of the driver that speaks."""

    longest_reply = 120

    def __init__(self, link: Side[Heard], settings: AlarisSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.control = Control(self.command, settings)

    async def close(self) -> None:
        self.control.let_lapse()
        await super().close()

    async def question(self, word: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Fields:
        return _fields(await self.ask(Message(word).to_bytes(), _answers(word), lane=lane, epoch=epoch))

    async def command(self, word: str, *fields: str, epoch: int | None, lane: Lane = Lane.NORMAL) -> Fields:
        return _fields(await self.tell(Message(word, fields).to_bytes(), _answers(word), epoch, lane=lane))

    async def set(self, word: str, *fields: str, epoch: int) -> None:
        """A setting, and the pump's own word that it holds it."""
        said = await self.command(word, *fields, epoch=epoch)
        if [plain(field) for field in said[: len(fields)]] != [plain(field) for field in fields]:
            raise DeclinedError(f"{word}: told {'^'.join(fields)}, the pump holds {'^'.join(said) or 'nothing'}")

    async def status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Status:
        status = Status.of(await self.question("INF", lane=lane, epoch=epoch))
        if self.control.serial not in ("", status.serial):
            raise UnansweredError(f"INF: another pump answers, {status.serial}, not {self.control.serial}")
        return status

    async def stands(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> bool:
        return (await self.status(lane=lane, epoch=epoch)).stands(self.settings)

    async def held(self, diameter: Length | None, epoch: int) -> PumpProgram:
        """What the pump would give. It measures its syringe itself, so the diameter given here is the one returned."""
        rate = number("INF_RATE", await self.question("INF_RATE", epoch=epoch), 0, "ml/h")
        vtbi = await self.question("INF_VTBI", epoch=epoch)
        if vtbi[:1] != ("ACTIV",) or vtbi[3:4] != ("STOP",):
            raise DeclinedError(f"the pump holds no volume that would end its flow ({'^'.join(vtbi)})")
        volume = number("INF_VTBI", vtbi, 1, "ml")
        if not rate or not volume:
            raise DeclinedError(f"the pump holds {rate} mL/h and {volume} mL: that is no program")
        return PumpProgram((RateStep(Rate(rate), Volume(volume)),), diameter)

    async def require_standing(self, epoch: int) -> None:
        if not await self.stands(epoch=epoch):
            raise DeclinedError("the pump is infusing, not stopped: stop it first")

    async def require_syringe(self, rate: Rate, epoch: int) -> None:
        syringe = await self.question("SYRINGE_STATUS", epoch=epoch)
        if syringe[-1:] != ("CONF",):
            raise DeclinedError(f"syringe: the pump has not confirmed it ({' '.join(syringe)}); confirm it at the pump")
        word = "INF_RATE_MAX_SYRINGE"
        highest = Rate(number(word, await self.question(word, epoch=epoch), 0, "ml/h"))
        if rate > highest:
            raise DeclinedError(f"rate: {rate} is above the {highest} that the pump allows for its syringe")


def _answers(word: str) -> Callable[[Heard], bool]:
    return lambda frame: isinstance(frame, Message) and frame.word == word


def _fields(answer: Heard) -> Fields:
    assert isinstance(answer, Message)  # `_answers` takes none else
    return tuple(field.strip() for field in answer.fields)
