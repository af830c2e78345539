"""The journal in SQLite: write-ahead log, synchronous full, one writer, any number of readers.

Promises:
- `append` returns after the rows are on the disk, all of them or none.
- Rows are numbered without gaps from 1 and chained by hash; nothing here changes a row. Only `prune` takes rows away,
  and in the same transaction writes down which, with the hash from which the chain goes on (AUD-04).
- A journal is not gone on with when its newest rows do not fit their chain, nor a database that is something else
  (PWR-10): each is a JournalError, and the file stays as it was.
- A reader never blocks the writer and never writes.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpd.journal.records import PRUNED, START, Anchor, Entry, Record, Removed, canonical, chain

SCHEMA_VERSION = 1
TAIL = 1000  # rows whose chain the writer checks before it goes on, some 10 ms; `JournalReader.verify` checks them all
_SCHEMA = """
CREATE TABLE records (
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
# Few rows among many, found without a look at the others: a restart over a flowing pump waits for them.
RARE = ("pruned", "began", "infusion_ended", "control_started", "library_accepted", "association_changed")
_IS_RARE = f"kind IN {RARE}"  # in a query word for word, or SQLite does not take the index
_INDEX = f"CREATE INDEX IF NOT EXISTS rare_kinds ON records (kind, id) WHERE {_IS_RARE}"
_OLD_INDEX = "DROP INDEX IF EXISTS rare"  # of fewer kinds
_COLUMNS = "id, ts, mono_ns, boot, pump, session, kind, body, hash"
_SELECT = f"SELECT {_COLUMNS} FROM records"  # noqa: S608  # names of our own


_FAILURES = (sqlite3.Error, UnicodeDecodeError)  # the latter for damaged text, in SQLite's own messages too
_ANY = 2**62  # above every row's number


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file. The pump goes on until its lease lapses."""


class BrokenChainError(JournalError):
    """The journal can be read, and is not what was written. The message names the first row that shows it."""


def timestamp(at: datetime) -> str:
    """Wall time as every row has it, so that it sorts as text: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


class Journal:
    """The one writer. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, boot: str) -> None:
        """Open or make the journal. Raises JournalError, also when its newest rows are not what was written."""
        self.path, self.boot = path, boot
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                self._open()
                tail = self._tail()
            except BaseException:
                self._db.close()
                raise
        except _FAILURES as error:
            raise JournalError(f"journal {path} cannot be opened: {error}") from error
        self._newest = tail

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise JournalError(f"journal {self.path} has schema {version}, this pumpd writes {SCHEMA_VERSION}")
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise JournalError(f"journal {self.path} cannot be opened: it is a database, and not a journal of pumpd")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if version == 0:
            with self._transaction():  # table and version together, so that a crash leaves no half-made journal
                self._db.execute(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._db.execute(_OLD_INDEX)
        self._db.execute(_INDEX)

    def _tail(self) -> Anchor:
        """The newest row, after a look at the last `TAIL` of them."""
        rows = [Record(*row) for row in self._db.execute(f"{_SELECT} ORDER BY id DESC LIMIT ?", (TAIL + 1,))][::-1]
        if not rows:
            return START
        whole = len(rows) <= TAIL
        before = START if whole else Anchor(rows[0].id, rows[0].hash)
        return follow(self.path, rows if whole else rows[1:], before, _removed(self._db, self.path))

    @property
    def newest(self) -> Anchor:
        """Number and hash of the newest row; `START` when there is none."""
        return self._newest

    def append(self, entries: Sequence[Entry], now: datetime | None = None) -> list[Record]:
        """Write the entries durably and return them as rows. Raises JournalError; then none of them is written."""
        return self._write(entries, now)

    def prune(self, removed: Sequence[Removed], entries: Sequence[Entry], now: datetime | None = None) -> list[Record]:
        """Take these rows away and write `entries`, which say so, as one. Raises JournalError; then nothing is done.

        `retention.prune` is the way to come here: it works out what may go and what has to be said of it.
        """
        return self._write(entries, now, removed)

    def _write(self, entries: Sequence[Entry], now: datetime | None, removed: Sequence[Removed] = ()) -> list[Record]:
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
                self._db.executemany(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(r.id, r.ts, r.mono_ns, r.boot, r.pump, r.session, r.kind, r.body, r.hash) for r in records],
                )
        except _FAILURES as error:
            raise JournalError(f"journal {self.path} cannot be written: {error}") from error
        self._newest = Anchor(number, previous)
        return records

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def close(self) -> None:
        self._db.close()


class _Transaction:
    """All or nothing."""

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


class JournalReader:
    """A reader from any process. Raises JournalError when the file is missing, foreign or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(
                path.absolute().as_uri() + "?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=5.0,
                check_same_thread=False,  # bedside reads in threads, one after the other
            )
            try:
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, SCHEMA_VERSION):
                    raise JournalError(f"journal {path} has schema {version}, this pumpd reads {SCHEMA_VERSION}")
            except BaseException:
                self._db.close()
                raise
        except _FAILURES as error:
            raise JournalError(f"journal {path} cannot be read: {error}") from error

    def _rows(self, sql: str, *values: int | str) -> Iterator[Record]:
        try:
            for row in self._db.execute(sql, values):
                yield Record(*row)
        except _FAILURES as error:
            raise JournalError(f"journal {self.path} cannot be read: {error}") from error

    def all(self) -> Iterator[Record]:
        """Every row in order, as they were when the reading began."""
        return self._rows(_SELECT + " ORDER BY id")

    def after(self, last_id: int, limit: int = 500) -> list[Record]:
        """Up to `limit` rows with an id above `last_id`, in order."""
        return list(self._rows(_SELECT + " WHERE id > ? ORDER BY id LIMIT ?", last_id, limit))

    def last(self, limit: int, kind: str | None = None) -> list[Record]:
        """The newest rows, of one kind where it is given, oldest of them first."""
        if kind is None:
            rows = self._rows(_SELECT + " ORDER BY id DESC LIMIT ?", limit)
        else:
            rows = self._rows(f"{_SELECT} WHERE {_of_kind(kind)} ORDER BY id DESC LIMIT ?", kind, limit)
        return list(rows)[::-1]

    def newest(self, kind: str, pump: str | None = None, before: int | None = None) -> Record | None:
        """The newest row of a kind, of a pump and before a row where they are given; None when there is none."""
        where, values = _of_kind(kind), [kind]
        if pump is not None:
            where, values = f"{where} AND pump = ?", [*values, pump]
        rows = self._rows(f"{_SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT 1", *values, before or _ANY)
        return next(rows, None)

    def of_pump(self, pump: str, since: int = 1) -> Iterator[Record]:
        """The rows of a pump from a row on, in order."""
        return self._rows(f"{_SELECT} WHERE pump = ? AND id >= ? ORDER BY id", pump, since)

    def removed(self) -> Mapping[int, Removed]:
        """What retention took away, as the `pruned` rows say it, by the last row of each gap."""
        try:
            return _removed(self._db, self.path)
        except _FAILURES as error:
            raise JournalError(f"journal {self.path} cannot be read: {error}") from error

    def verify(self, anchors: Iterable[Anchor] = (), since: int = 1) -> int:
        """Check numbering and chain from the first row, or from `since`, to the last, and that every anchor is in it.

        Returns how many rows were checked. Raises BrokenChainError that names the first row that is missing, altered,
        out of place or another than the anchored one; JournalError when the file cannot be read. Anchors before `since`
        are not looked at.
        """
        removed, count = self.removed(), 0
        last = next(self._rows(f"{_SELECT} WHERE id < ? ORDER BY id DESC LIMIT 1", since), None)
        start = START if last is None else Anchor(last.id, last.hash)
        wanted: dict[int, set[str]] = {}
        for anchor in anchors:
            wanted.setdefault(anchor.seq, set()).add(anchor.hash)

        def counted() -> Iterator[Record]:
            nonlocal count
            for row in self._rows(f"{_SELECT} WHERE id >= ? ORDER BY id", since):
                count += 1
                yield row
                if wanted.pop(row.id, {row.hash}) != {row.hash}:
                    raise BrokenChainError(f"journal {self.path}: row {row.id} is another than the one anchored")

        newest = follow(self.path, counted(), start, removed)
        for seq, hashes in sorted(wanted.items()):
            if since == 1 or seq >= since:
                self._check_absent(seq, hashes, newest, removed)
        return count

    def _check_absent(self, seq: int, hashes: set[str], newest: Anchor, removed: Mapping[int, Removed]) -> None:
        """An anchor whose row is not there: before the first row, cut off, or taken away by retention."""
        known = START.hash if seq == 0 else removed[seq].hash if seq in removed else None
        if seq > newest.seq:
            what = f"cut off after row {newest.seq}, row {seq} was there"
        elif known is None:
            what = f"row {seq} was taken away by retention, its anchor cannot be checked any more"
        elif hashes != {known}:
            what = f"row {seq} is another than the one anchored"
        else:
            return
        raise BrokenChainError(f"journal {self.path}: {what}")

    def close(self) -> None:
        self._db.close()


def follow(path: Path, rows: Iterable[Record], before: Anchor, removed: Mapping[int, Removed]) -> Anchor:
    """Follow the chain from a row on; returns the last. Raises BrokenChainError at the first row that does not fit."""
    at = before
    for row in rows:
        if row.id != at.seq + 1:
            gap = removed.get(row.id - 1)
            if gap is None or gap.first != at.seq + 1:
                number = at.seq + 1
                raise BrokenChainError(f"journal {path}: row {number} is missing (found row {row.id} in its place)")
            at = Anchor(gap.last, gap.hash)
        if row.chained_to(at.hash) != row.hash:
            raise BrokenChainError(f"journal {path}: row {row.id} ({row.kind}) does not fit the hash chain")
        at = Anchor(row.id, row.hash)
    return at


def _of_kind(kind: str) -> str:
    return f"kind = ? AND {_IS_RARE}" if kind in RARE else "kind = ?"


def _removed(db: sqlite3.Connection, path: Path) -> dict[int, Removed]:
    """The gaps that the `pruned` rows tell of, by their last row; a younger row replaces what an older one said."""
    found: dict[int, Removed] = {}
    for number, body in db.execute(f"SELECT id, body FROM records WHERE {_of_kind(PRUNED)} ORDER BY id", (PRUNED,)):  # noqa: S608
        try:
            gaps = [Removed(int(first), int(last), str(digest)) for first, last, digest in json.loads(body)["removed"]]
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise BrokenChainError(f"journal {path}: row {number} ({PRUNED}) cannot be read") from error
        found |= {gap.last: gap for gap in gaps}
    return found
