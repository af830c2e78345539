"""A journal entry by entry into another file: for a backup, and back.

Promises:
- The copy is read in pieces, so the writer can make its checkpoints, and its log does not grow meanwhile.
- Every entry is checked against the chain on the way: what is copied is intact.
- A copy holds the same entries with the same hashes, so every anchor and every dose is the same.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from pumpd.journal.chain import JournalError, follow
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import START, Anchor, Record
from pumpd.journal.store import Journal
from pumpd.texts import text

PIECE = 5000  # entries, some 3 MB


def pieces(reader: JournalReader) -> Iterator[tuple[bytes, Anchor, int]]:
    """The whole journal as JSON Lines in pieces, each with the anchor of its last entry and the number of entries.

    Raises JournalError at an entry that does not fit.
    """
    at, gaps = START, reader.gaps()
    while batch := reader.after(at.seq, PIECE):
        at = follow(reader.path, batch, at, gaps)
        lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in batch)
        yield "".join(f"{line}\n" for line in lines).encode(), at, len(batch)


def read_piece(raw: bytes) -> list[Record]:
    """The entries of a piece. Raises ValueError."""
    return [Record(*json.loads(line)) for line in raw.decode().split("\n") if line]


class JournalCopy:
    """A new journal file that is filled with entries of another one. Raises JournalError."""

    def __init__(self, path: Path) -> None:
        with contextlib.closing(Journal(path, "copy")):  # makes the tables
            pass
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None)

    def add(self, entries: Iterable[Record]) -> None:
        try:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO records (id, ts, mono_ns, boot, pump, session, kind, body, hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                entries,
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(
                text("journal.unwritten", "journal {path} cannot be written: {error}", path=self._path, error=error)
            ) from error

    def close(self) -> None:
        self._db.close()


def newest(path: Path) -> Anchor:
    """The newest entry of a journal, without a check of the chain. Raises JournalError."""
    with contextlib.closing(JournalReader(path)) as reader:
        entries = reader.last(1)
    return Anchor(entries[0].id, entries[0].hash) if entries else START


def holds(path: Path, anchor: Anchor) -> bool:
    """Whether this journal has this entry with this hash. Raises JournalError."""
    if anchor == START:
        return True
    with contextlib.closing(JournalReader(path)) as reader:
        found = reader.after(anchor.seq - 1, 1)
        gap = reader.gaps().get(anchor.seq)
    here = found[0].hash if found and found[0].id == anchor.seq else gap.hash if gap else ""
    return here == anchor.hash
