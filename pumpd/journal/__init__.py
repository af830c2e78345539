"""Everything that happened, in order, on disk, chained: the only way out of the control process."""

from pumpd.journal.chain import BrokenChainError, JournalError
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import GENESIS, START, Anchor, Entry, Record, Removed
from pumpd.journal.store import Journal

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
