"""What is recorded when a journal lost its newest entries: the orders that may have flowed, each at its worst case
(PWR-15).

Such a dose is uncertain: it counts as its whole program, until as late as that can have run. So the same patient's next
order is refused or counts it, even when the journal is empty.
"""

from collections.abc import Sequence
from datetime import datetime

from pumpd.journal.anchor_file import Order
from pumpd.journal.doses import BOOKED, ORDERED
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import Entry

MISSING, ACCEPTED = "entries_missing", "loss_accepted"
_SETTLED = frozenset({BOOKED, "infusion_ended", "order_withdrawn"})


def booked(reader: JournalReader, loss: str, orders: Sequence[Order], mono_ns: int) -> list[Entry]:
    """The entries to write; nothing is booked twice. Raises JournalError."""
    sessions, entries = [], []
    for each in orders:
        known = {entry.kind for entry in reader.kept_of(each.session)}
        if not known.isdisjoint(_SETTLED):
            continue
        sessions.append(each.session)
        if ORDERED not in known:
            at = datetime.fromisoformat(each.ts)
            entries.append(Entry(ORDERED, {**each.body, BOOKED: True}, each.pump, each.session, mono_ns, at))
        entries.append(Entry(BOOKED, {}, each.pump, each.session, mono_ns))
    return [Entry(MISSING, {"why": loss, "booked": sessions}, mono_ns=mono_ns), *entries]
