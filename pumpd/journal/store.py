"""The journal in SQLite: write-ahead log, synchronous full, one writer, any number of readers.

Promises:
- `append` returns after the rows are on the disk, all of them or none.
- Rows are numbered without gaps from 1 and chained by hash; nothing here updates or deletes a row.
- A reader never blocks the writer and never writes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpd.journal.records import GENESIS, Entry, Record, canonical, chain

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    ts TEXT NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    pump TEXT NOT NULL,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT
"""
_SELECT = "SELECT id, ts, mono_ns, boot, pump, session, kind, body, hash FROM records"


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file. The pump goes on until its lease lapses."""


class Journal:
    """The one writer. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, boot: str) -> None:
        self.path, self.boot = path, boot
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, SCHEMA_VERSION):
                    raise JournalError(f"journal {path} has schema {version}, this pumpd writes {SCHEMA_VERSION}")
                self._db.execute(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                last = self._db.execute("SELECT id, hash FROM records ORDER BY id DESC LIMIT 1").fetchone()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            raise JournalError(f"journal {path} cannot be opened: {error}") from error
        self._id: int = last[0] if last else 0
        self._hash: str = last[1] if last else GENESIS

    def append(self, entries: Sequence[Entry], now: datetime | None = None) -> list[Record]:
        """Write the entries durably and return them as rows. Raises JournalError; then none of them is written."""
        ts = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
        number, previous, records = self._id, self._hash, []
        for entry in entries:
            number += 1
            fields = (entry.mono_ns, self.boot, entry.pump, entry.session, entry.kind, canonical(entry.body))
            previous = chain(previous, number, ts, *fields)
            records.append(Record(number, ts, *fields, previous))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(r.id, r.ts, r.mono_ns, r.boot, r.pump, r.session, r.kind, r.body, r.hash) for r in records],
                )
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(f"journal {self.path} cannot be written: {error}") from error
        self._id, self._hash = number, previous
        return records

    def close(self) -> None:
        self._db.close()


class JournalReader:
    """A reader from any process. Raises JournalError when the file is missing, foreign or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(
                path.absolute().as_uri() + "?mode=ro", uri=True, isolation_level=None, timeout=5.0
            )
            try:
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, SCHEMA_VERSION):
                    raise JournalError(f"journal {path} has schema {version}, this pumpd reads {SCHEMA_VERSION}")
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            raise JournalError(f"journal {path} cannot be read: {error}") from error

    def _rows(self, sql: str, *values: int | str) -> Iterator[Record]:
        try:
            for row in self._db.execute(sql, values):
                yield Record(*row)
        except sqlite3.Error as error:
            raise JournalError(f"journal {self.path} cannot be read: {error}") from error

    def after(self, last_id: int, limit: int = 500) -> list[Record]:
        """Up to `limit` rows with an id above `last_id`, in order."""
        return list(self._rows(_SELECT + " WHERE id > ? ORDER BY id LIMIT ?", last_id, limit))

    def last(self, limit: int, kind: str | None = None) -> list[Record]:
        """The newest rows, of one kind where it is given, oldest of them first."""
        if kind is None:
            rows = self._rows(_SELECT + " ORDER BY id DESC LIMIT ?", limit)
        else:
            rows = self._rows(_SELECT + " WHERE kind = ? ORDER BY id DESC LIMIT ?", kind, limit)
        return list(rows)[::-1]

    def verify(self) -> int:
        """Check numbering and chain from the first row to the last; returns how many rows there are.

        Raises JournalError that names the first row that is missing, altered or out of place.
        """
        previous, count = GENESIS, 0
        for row in self._rows(_SELECT + " ORDER BY id"):
            count += 1
            if row.id != count:
                raise JournalError(f"journal {self.path}: row {count} is missing (found row {row.id} in its place)")
            if row.chained_to(previous) != row.hash:
                raise JournalError(f"journal {self.path}: row {row.id} ({row.kind}) does not fit the hash chain")
            previous = row.hash
        return count

    def close(self) -> None:
        self._db.close()
