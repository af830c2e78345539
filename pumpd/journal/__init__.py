"""Everything that happened, in order, on disk, chained: the only way out of the control process."""

from pumpd.journal.records import GENESIS, START, Anchor, Entry, Record, Removed
from pumpd.journal.store import BrokenChainError, Journal, JournalError, JournalReader

__all__ = [
    "GENESIS",
    "START",
    "Anchor",
    "BrokenChainError",
    "Entry",
    "Journal",
    "JournalError",
    "JournalReader",
    "Record",
    "Removed",
]
