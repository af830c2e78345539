"""The journal in SQLite: write-ahead log, synchronous full, one writer, any number of readers.

Promises:
- `append` returns once all entries are on disk; if it fails, none of them is.
- Entries are numbered without gaps from 1 and chained by hash; nothing here changes an entry. Only `prune` removes
  entries, and in the same transaction it records which ones, with the hash from which the chain continues (AUD-04).
- A journal whose newest entries do not fit their chain is not continued, nor is any other database (PWR-10): both raise
  a JournalError, and the file stays unchanged.
- The anchor file follows what was written. `kept.loss` tells whether entries are missing that it names (PWR-15).
- A journal of version 0.1 is read and continued. A query for a kind also finds its entries under older names.
- A reader never blocks the writer and never writes.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpd.journal import index_check
from pumpd.journal.chain import FAILURES, Gaps, JournalError, follow
from pumpd.journal.kept_outside import KeptOutside
from pumpd.journal.records import START, Anchor, Entry, Record, Removed, canonical, chain
from pumpd.journal.schema import READABLE, SELECT, TABLE, VERSION, indexes
from pumpd.texts import text

TAIL = 1000  # entries whose chain the writer checks when it opens, about 10 ms; `JournalReader.verify` checks all
WAL_MOST = 4 << 20  # bytes that the write-ahead log keeps on disk once its entries are in the journal


def timestamp(at: datetime) -> str:
    """Wall time in the form of every entry, which sorts as text: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


class Journal:
    """The only writer. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, boot: str) -> None:
        """Open or create the journal. Raises JournalError, also when its newest entries are not what was written."""
        self.path, self.boot = path, boot
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                self._open()
                tail = self._tail()
                newest = self._checked(tail)
                self._upgrade()
                if tail:
                    index_check.check(self._db, path, tail)
                self.kept = KeptOutside(self._db, path, newest)
            except BaseException:
                self._db.close()
                raise
        except FAILURES as error:
            raise JournalError(
                text("journal.not_opened", "journal {path} cannot be opened: {error}", path=path, error=error)
            ) from error
        self._newest = newest

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, *READABLE):
            raise JournalError(
                text(
                    "journal.schema_written",
                    "journal {path} has schema {schema}, this pumpd writes {written}",
                    path=self.path,
                    schema=version,
                    written=VERSION,
                )
            )
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise JournalError(
                text(
                    "journal.not_a_journal",
                    "journal {path} cannot be opened: it is a database, but not a pumpd journal",
                    path=self.path,
                )
            )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(f"PRAGMA journal_size_limit={WAL_MOST}")
        if version == 0:
            with self._transaction():  # table and version together, so that a crash leaves no incomplete journal
                self._db.execute(TABLE)
                self._db.execute(f"PRAGMA user_version={VERSION}")

    def _upgrade(self) -> None:
        """Called only after the newest entries have proved to be a journal's. A long journal of an older version takes
        its time, once.
        """
        present = dict(self._db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
        for statement in indexes(present):
            self._db.execute(statement)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            self._db.execute(f"PRAGMA user_version={VERSION}")

    def _tail(self) -> list[Record]:
        """The newest `TAIL` entries, and one before them if there are more."""
        newest_first = self._db.execute(f"{SELECT} ORDER BY id DESC LIMIT ?", (TAIL + 1,))
        return [Record(*columns) for columns in newest_first][::-1]

    def _checked(self, tail: Sequence[Record]) -> Anchor:
        """The newest entry, after a check of their chain."""
        if not tail:
            return START
        whole = len(tail) <= TAIL
        before = START if whole else Anchor(tail[0].id, tail[0].hash)
        return follow(self.path, tail if whole else tail[1:], before, Gaps(self._db, self.path))

    def check(self) -> None:
        """Whether the file is still the one that was opened, and holds what was written. Raises JournalError."""
        self.kept.check(self._newest)

    @property
    def newest(self) -> Anchor:
        """Number and hash of the newest entry; `START` when there is none."""
        return self._newest

    def append(self, entries: Sequence[Entry], now: datetime | None = None) -> list[Record]:
        """Write the entries durably and return them as records. Raises JournalError; then none of them is written."""
        return self._write(entries, now)

    def prune(self, removed: Sequence[Removed], entries: Sequence[Entry], now: datetime | None = None) -> list[Record]:
        """Remove these and write `entries`, which record it, in one transaction. Raises JournalError; then nothing is
        done.

        Use `retention.prune`, which determines what may be removed and which entries record it.
        """
        return self._write(entries, now, removed)

    def _write(self, entries: Sequence[Entry], now: datetime | None, removed: Sequence[Removed] = ()) -> list[Record]:
        self.kept.check(self._newest)
        if not removed:  # a disk that is full has no room for the anchor until something is removed
            self.kept.check_anchor(self._newest)
        written = timestamp(now or datetime.now(UTC))
        number, previous, records = self._newest.seq, self._newest.hash, []
        for entry in entries:
            number += 1
            ts = written if entry.at is None else timestamp(entry.at)
            fields = (entry.mono_ns, self.boot, entry.pump, entry.session, entry.kind, canonical(entry.body))
            previous = chain(previous, number, ts, *fields)
            records.append(Record(number, ts, *fields, previous))
        try:
            with self._transaction():
                for gap in removed:
                    self._db.execute("DELETE FROM records WHERE id BETWEEN ? AND ?", (gap.first, gap.last))
                self._db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", records)
        except FAILURES as error:
            raise JournalError(
                text("journal.unwritten", "journal {path} cannot be written: {error}", path=self.path, error=error)
            ) from error
        self._newest = Anchor(number, previous)
        self.kept.wrote(self._newest, records)
        return records

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def close(self) -> None:
        try:
            self.kept.close(self._newest)
        finally:
            self._db.close()


class _Transaction:
    """A transaction: all or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
