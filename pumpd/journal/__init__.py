"""Everything that happened, in order, on disk, chained: the one way out of the control process."""

from pumpd.journal.records import Entry, Record
from pumpd.journal.store import Journal, JournalError, JournalReader

__all__ = ["Entry", "Journal", "JournalError", "JournalReader", "Record"]
