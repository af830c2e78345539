"""The first delivery of a treatment, as the journal recorded it: what its rest is planned from (PRG-25)."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from pumpd.control.infusions.recovery import LOOK_BACK, asked_fields
from pumpd.control.refused import RefusedError
from pumpd.dosing import Library, Prescription, Refusals, RestOrder
from pumpd.dosing.history import Treatment
from pumpd.dosing.prescription import read_duration
from pumpd.host.own_thread import OwnThread
from pumpd.infusion.events import Segment
from pumpd.journal import JournalError, JournalReader, Record
from pumpd.journal.fold import BEGAN, FoldError, begun
from pumpd.messages.requests import PrescribedRest
from pumpd.quantities import Duration
from pumpd.texts import text

WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class RestOf:
    """The rest of a treatment: its order; and in clinical time, for how long all its deliveries have flowed, and how
    much time was left for all of it when it was planned. `fastest`: its time at the highest rate of its program.
    """

    order: RestOrder
    flowed_ns: int
    left_ns: int
    fastest: Duration


@dataclass(frozen=True, slots=True)
class FirstDelivery:
    prescription: Prescription
    segment: Segment
    library: str  # its digest

    def rest(self, treatment: Treatment, asked: PrescribedRest, by: str) -> RestOrder:
        """Raises Refusals."""
        return RestOrder(
            treatment.id,
            self.prescription,
            self.segment.program,
            self.segment.digest,
            treatment.worst,
            asked.container,
            None if asked.duration is None else read_duration(asked.duration),
            by,
        )

    def changed(self, library: Library) -> list[str]:
        """Why the rest cannot be planned by the library in use."""
        if self.library == library.digest:
            return []
        return [
            text(
                "rest.library_changed",
                "treatment: the library has changed since it began; a new order needs the prescriber",
            )
        ]


class FirstDeliveries:
    """Finds them in the journal; a disk that does not answer leads to a refusal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._disk = OwnThread("orders on record", self._began)

    async def find(self, treatment: str) -> FirstDelivery:
        """Raises RefusedError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                began = await self._disk.result()
        except TimeoutError as error:
            raise RefusedError(
                text(
                    "journal.not_read",
                    "journal: it was not read in {seconds} s; check the gateway's disk",
                    seconds=f"{WITHIN_S:g}",
                )
            ) from error
        except JournalError as error:
            raise RefusedError(
                text("journal.treatment_unknown", "journal: {why}; the treatment is not known", why=error)
            ) from error
        entry = next((each for each in reversed(began) if each.session == treatment), None)
        if entry is None:
            raise RefusedError(
                text(
                    "rest.not_among",
                    "treatment: the order of {treatment} is not among the last {number} on record",
                    treatment=treatment,
                    number=LOOK_BACK,
                )
            )
        try:
            prescription = Prescription.from_text(asked_fields(entry.fields["order"]), order=True)
            return FirstDelivery(prescription, begun(entry).segment, entry.fields["build"]["library"])
        except (FoldError, Refusals, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RefusedError(
                text("rest.order_unreadable", "treatment: its order in the journal cannot be read: {why}", why=error)
            ) from error

    def _began(self) -> list[Record]:
        """Blocks."""
        with contextlib.closing(JournalReader(self._path)) as reader:
            return reader.last(LOOK_BACK, BEGAN)
