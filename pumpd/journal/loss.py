"""What is recorded when a journal lost its newest entries: the orders that it lost, each at its worst case (PWR-15).

An order without an end counts as its whole program, until as late as that can have run: the same patient's next order
is refused or counts it, even when the journal is empty.
"""

from collections.abc import Sequence
from datetime import datetime

from pumpd.journal.anchor_file import Order
from pumpd.journal.doses import ORDERED
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import Entry

MISSING, BOOKED, ACCEPTED = "entries_missing", "booked_after_loss", "loss_accepted"


def booked(reader: JournalReader, loss: str, orders: Sequence[Order], mono_ns: int) -> list[Entry]:
    """The entries to write; an order that the journal still holds is not written again. Raises JournalError."""
    lost = [each for each in orders if not any(entry.kind == ORDERED for entry in reader.kept_of(each.session))]
    entries = [Entry(MISSING, {"why": loss, "booked": [each.session for each in lost]}, mono_ns=mono_ns)]
    for each in lost:
        at = datetime.fromisoformat(each.ts)
        entries.append(Entry(ORDERED, {**each.body, BOOKED: True}, each.pump, each.session, mono_ns, at))
        entries.append(Entry(BOOKED, {}, each.pump, each.session, mono_ns))  # it may have flowed until now
    return entries
