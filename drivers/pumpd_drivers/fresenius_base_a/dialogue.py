"""One command and its answer, the sessions that must be open for it, and what the pump tells of itself.

Promises:
- An answer is a frame of our address that follows the ACK of this very request and holds what was asked for. A reply
  does not name its command, so that is all that tells it from another's.
- The base's session, on which all modules hang, is opened only when the pump says that it is closed.
- A NAK carries no check: it ends no question, and a start that it refuses is looked into.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from pumpd.driving import DeclinedError, Lane
from pumpd.quantities import Rate, Volume
from pumpd_drivers.fresenius_base_a.codec import ACK, NAK, NO_ACK, Frame, Heard, Signal
from pumpd_drivers.fresenius_base_a.replies import ERRORS, variables
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings

RATE_STEP, VOLUME_STEP = Decimal("0.1"), Decimal("0.001")  # of d in mL/h and of r in mL

SESSION_MISSING = frozenset({"0D", "1E"})
ACTIVE_ALREADY = "06"

Fits = Callable[[Frame], bool]


class PumpRefusedError(DeclinedError):
    """The pump's own I with this code: certainly not done."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(f"{text}: the pump refuses: {ERRORS.get(code, 'an error without a name')} ({code})")
        self.code = code


class Exchange(Protocol):
    """`LinkDriver.ask` or `LinkDriver.tell`."""

    def __call__(
        self, request: bytes, accepts: Callable[[Heard], bool], *, lane: Lane = ..., epoch: int | None
    ) -> Awaitable[Heard]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What the pump says of itself in one answer."""

    flowing: bool
    alarmed: bool
    rate: Rate
    delivered: Volume


class Dialogue:
    """The conversation with one module, through its driver's `ask` (repeated after a silence) and `tell` (once)."""

    def __init__(self, settings: FreseniusBaseASettings, ask: Exchange, tell: Exchange) -> None:
        self.address = settings.module or None
        self._bits = settings.running_mode_bits
        self._asks = "aemdr" if self._bits else "aedr"
        self._ask, self._tell = ask, tell

    # -- the two ways to send --------------------------------------------------------------------------------

    async def command(
        self, text: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None, address: int | None = None
    ) -> None:
        """Sent once, and accepted. Raises PumpRefusedError, DeclinedError for a NAK, UnansweredError."""
        to = self.address if address is None else address
        accepts = _answer(to, lambda frame: not frame.data, naks=True)
        _agreed(text, await self._tell(Frame(to, text).to_bytes(), accepts, lane=lane, epoch=epoch))

    async def question(self, text: str, fits: Fits, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Frame:
        """Asked again after a silence, to which a NAK is equal; once only in the lane of a stop."""
        exchange = self._ask if lane is Lane.NORMAL else self._tell
        accepts = _answer(self.address, fits, naks=False)
        return _agreed(text, await exchange(Frame(self.address, text).to_bytes(), accepts, lane=lane, epoch=epoch))

    # -- what is said with them ------------------------------------------------------------------------------

    async def look(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Told:
        """Ask for everything at once; a session that the pump has closed is opened for it."""
        try:
            return await self._told(lane, epoch)
        except PumpRefusedError as refusal:
            if refusal.code not in SESSION_MISSING:
                raise
        await self.open_session(lane=lane, epoch=epoch)
        return await self._told(lane, epoch)

    async def _told(self, lane: Lane, epoch: int | None) -> Told:
        asked = set(self._asks)
        frame = await self.question(
            f"LE;{self._asks}", lambda frame: set(variables(frame.data)) == asked, lane=lane, epoch=epoch
        )
        said = variables(frame.data)
        return Told(
            flowing=bool(said["m"] & self._bits) if self._bits else said["d"] > 0,
            alarmed=bool(said["a"] or said["e"]),
            rate=Rate(said["d"] * RATE_STEP),
            delivered=Volume(said["r"] * VOLUME_STEP),
        )

    async def value(self, query: str, epoch: int) -> int:
        """The number behind one letter, such as `LM;r`."""
        letter = query[-1]
        frame = await self.question(query, lambda frame: set(variables(frame.data)) == {letter}, epoch=epoch)
        return variables(frame.data)[letter]

    async def open_session(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> None:
        try:
            await self.command("DC", lane=lane, epoch=epoch)
        except PumpRefusedError as refusal:
            if refusal.code not in SESSION_MISSING or self.address is None:
                raise
            await self.command("DC", lane=lane, epoch=epoch, address=0)
            await self.command("DC", lane=lane, epoch=epoch)

    async def set_mode(self, mode: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> None:
        try:
            await self.command(f"MO;{mode}", lane=lane, epoch=epoch)
        except PumpRefusedError as refusal:
            if refusal.code != ACTIVE_ALREADY:
                raise

    async def pause(self) -> bool:
        """One PO, and whether the pump then says that it stands. What made it refuse is put right for the next."""
        refusal = ""
        try:
            await self.command("PO", lane=Lane.STOP)
        except PumpRefusedError as error:
            refusal = error.code
        if refusal in SESSION_MISSING:
            await self.open_session(lane=Lane.STOP)
            return False
        told = await self.look(lane=Lane.STOP)
        if told.flowing and refusal:
            await self.set_mode("2", lane=Lane.STOP)
        return not told.flowing


def in_steps(value: Decimal, step: Decimal, digits: int, value_format: Literal["hex", "decimal"]) -> str:
    """A value on the pump's grid, as it takes it. Raises DeclinedError for one that is not on it."""
    steps, base, letter = value / step, *((16, "X") if value_format == "hex" else (10, "d"))
    if steps != int(steps) or not 0 < steps < base**digits:
        raise DeclinedError(f"{value} is not {step} times a number of {digits} {value_format} digits above 0")
    return f"{int(steps):0{digits}{letter}}"


def _answer(address: int | None, fits: Fits, *, naks: bool) -> Callable[[Heard], bool]:
    acknowledged = False

    def accepts(heard: Heard) -> bool:
        nonlocal acknowledged
        if isinstance(heard, Signal):
            acknowledged = acknowledged or heard.byte == ACK
            return naks and heard.byte == NAK and heard.error != NO_ACK
        if not isinstance(heard, Frame) or heard.address != address or not acknowledged:
            return False
        return heard.letter == "I" or (heard.letter == "C" and fits(heard))

    return accepts


def _agreed(text: str, heard: Heard) -> Frame:
    if not isinstance(heard, Frame):
        raise DeclinedError(f"{text}: the pump did not take the frame ({heard})")
    if heard.letter == "I":
        raise PumpRefusedError(text, heard.data)
    return heard
