"""One request and its reply: the records of one slot of a rack.

Promises: a reply names no request, so it must come from our bed and hold the records that were asked for, or an error.
"""

from abc import ABC
from collections.abc import Callable

from pumpd.driving import DeclinedError, LinkDriver, Side, text
from pumpd_drivers.space_bcc.codec import Frame, Garbage, Record, Signal, records
from pumpd_drivers.space_bcc.replies import refused
from pumpd_drivers.space_bcc.settings import SpaceBccSettings

Heard = Frame | Signal | Garbage


class SpaceBccDialogue(LinkDriver[Heard], ABC):
    """The part of the driver that exchanges frames."""

    longest_reply = 0  # sent over a network, which has no fixed pace

    def __init__(self, link: Side[Heard], settings: SpaceBccSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings

    async def question(
        self, request: str, fits: Callable[[list[Record]], bool], epoch: int | None = None
    ) -> list[Record]:
        bed = self.settings.bed

        def accepts(frame: Heard) -> bool:
            return isinstance(frame, Frame) and frame.bed == bed and fits(records(frame.payload))

        frame = await self.ask(Frame(request, bed).to_bytes(), accepts, epoch=epoch)
        assert isinstance(frame, Frame)  # `accepts` takes nothing else
        return records(frame.payload)

    async def slot(self, epoch: int | None = None) -> dict[str, str]:
        """The slot's values by parameter. Raises DeclinedError when the rack reports no pump there."""
        slot = self.settings.slot

        def fits(found: list[Record]) -> bool:
            return any(record.slot == slot for record in found) or refused(found)

        found = await self.question(f"MEM:GETSLOT#{slot}", fits, epoch)
        values = {record.parameter: record.value for record in found if record.slot == slot}
        if not values:
            raise DeclinedError(text("space_bcc.no_pump", "slot {slot}: the rack reports no pump there", slot=slot))
        return values
