"""One command and its reply, and the sessions that must be open for it.

Promises:
- A reply is a frame with our address that follows the ACK of this very request and holds what was asked for. A reply
  does not name its command, so nothing else identifies it.
- The base's session, on which all modules depend, is opened only when the pump reports that it is closed.
- A NAK carries no check: it never ends a question, and after a NAK to a start the pump is read.
"""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, text
from pumpd.quantities import Rate, Volume
from pumpd_drivers.fresenius_base_a.codec import ACK, NAK, NO_ACK, Frame, Heard, Signal
from pumpd_drivers.fresenius_base_a.limits import RATE_STEP, VOLUME_STEP
from pumpd_drivers.fresenius_base_a.replies import ERRORS, variables
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings

SESSION_MISSING = frozenset({"0D", "1E"})
ACTIVE_ALREADY = "06"

Fits = Callable[[Frame], bool]


class PumpRefusedError(DeclinedError):
    """The pump replied I with this code: certainly not done."""

    def __init__(self, request: str, code: str) -> None:
        super().__init__(
            text(
                "pump.refuses_with_code",
                "{command}: the pump refuses: {why} ({code})",
                command=request,
                why=ERRORS.get(code, text("fresenius_base_a.no_name", "an error without a name")),
                code=code,
            )
        )
        self.code = code


@dataclass(frozen=True, slots=True)
class Status:
    """What one reply reports."""

    flowing: bool
    alarmed: bool
    rate: Rate
    delivered: Volume


class FreseniusBaseADialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges frames with one module."""

    longest_reply = 86  # ACK, and a frame of 80

    def __init__(self, link: Side[Heard], settings: FreseniusBaseASettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.address = settings.module or None
        self._bits = settings.running_mode_bits
        self._variables = "aemdr" if self._bits else "aedr"

    # -- the two ways to send --------------------------------------------------------------------------------

    async def command(
        self, text: str, *, lane: Lane = Lane.NORMAL, epoch: int | None = None, address: int | None = None
    ) -> None:
        """Sent once. Raises PumpRefusedError, DeclinedError for a NAK, UnansweredError."""
        to = self.address if address is None else address
        accepts = _answer(to, lambda frame: not frame.data, naks=True)
        _agreed(text, await self.send_once(Frame(to, text).to_bytes(), accepts, epoch, lane=lane))

    async def question(self, text: str, fits: Fits, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Frame:
        """Repeated after a silence, and a NAK counts as silence; sent only once in the lane of a stop."""
        request, accepts = Frame(self.address, text).to_bytes(), _answer(self.address, fits, naks=False)
        if lane is Lane.NORMAL:
            return _agreed(text, await self.ask(request, accepts, epoch=epoch))
        return _agreed(text, await self.send_once(request, accepts, epoch, lane=lane))

    # -- what is exchanged -----------------------------------------------------------------------------------

    async def status(self, *, lane: Lane = Lane.NORMAL, epoch: int | None = None) -> Status:
        """Ask for everything at once; open the session if the pump has closed it."""
        try:
            return await self._status(lane, epoch)
        except PumpRefusedError as refusal:
            if refusal.code not in SESSION_MISSING:
                raise
        await self.open_session(lane=lane, epoch=epoch)
        return await self._status(lane, epoch)

    async def _status(self, lane: Lane, epoch: int | None) -> Status:
        asked = set(self._variables)
        frame = await self.question(
            f"LE;{self._variables}", lambda frame: set(variables(frame.data)) == asked, lane=lane, epoch=epoch
        )
        reported = variables(frame.data)
        return Status(
            flowing=bool(self.flows(reported)),
            alarmed=bool(reported["a"] or reported["e"]),
            rate=Rate(reported["d"] * RATE_STEP),
            delivered=Volume(reported["r"] * VOLUME_STEP),
        )

    def flows(self, reported: dict[str, int]) -> bool | None:
        """Whether the pump flows, by the variable that shows it; None without it."""
        value = reported.get("m" if self._bits else "d")
        if value is None:
            return None
        return bool(value & self._bits) if self._bits else value > 0

    async def value(self, query: str, epoch: int) -> int:
        """The number after one letter, such as `LM;r`."""
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
        """Send PO once; returns whether the pump then reports no flow. Removes the cause of a refusal."""
        refusal = ""
        try:
            await self.command("PO", lane=Lane.STOP_FRAME)
        except PumpRefusedError as error:
            refusal = error.code
        if refusal in SESSION_MISSING:
            await self.open_session(lane=Lane.STOP)
            return False
        status = await self.status(lane=Lane.STOP)
        if status.flowing and refusal:
            await self.set_mode("2", lane=Lane.STOP)
        return not status.flowing


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


def _agreed(request: str, heard: Heard) -> Frame:
    if not isinstance(heard, Frame):
        raise DeclinedError(
            text(
                "fresenius_base_a.frame",
                "{command}: the pump did not accept the frame ({heard})",
                command=request,
                heard=heard,
            )
        )
    if heard.letter == "I":
        raise PumpRefusedError(request, heard.data)
    return heard
