"""The journal in SQLite: write-ahead log, synchronous full, one writer, any number of readers.

Promises:
- `append` returns once all entries are on disk; if it fails, none of them is.
- Entries are numbered without gaps from 1 and chained by hash; nothing here changes an entry. Only `prune` removes
  entries, and in the same transaction it records which ones, with the hash from which the chain continues (AUD-04).
- A journal whose newest entries do not fit their chain is not continued, nor is any other database (PWR-10): both raise
  a JournalError, and the file stays unchanged.
- A journal of version 0.1 is read and continued. A query for a kind also finds its entries under older names.
- A reader never blocks the writer and never writes.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpd.journal.records import PRUNED, START, Anchor, Entry, Record, Removed, canonical, chain, names_of

# 1: version 0.1, with older names in the same table. A pumpd that does not know today's names must refuse the file.
SCHEMA_VERSION = 2
READABLE = (1, SCHEMA_VERSION)
TAIL = 1000  # entries whose chain the writer checks when it opens, about 10 ms; `JournalReader.verify` checks all
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
# Few entries among many, found without reading the others: a restart while a pump flows waits for them, and a tablet
# for its alarms.
RARE = (
    *("pruned", "began", "infusion_ended", "control_started", "library_accepted", "association_changed"),
    *("alarm_raised", "alarm_cleared", "alarm_acknowledged", "alarm_escalated"),
    *("alarm_audio_paused", "alarm_audio_resumed"),
    *("observation_started", "vitals_recorded", "observation_ended"),
)
_IS_RARE = f"kind IN {RARE}"  # word for word in a query, otherwise SQLite does not use the index
_INDEX = f"CREATE INDEX IF NOT EXISTS few_kinds ON records (kind, id) WHERE {_IS_RARE}"
_OLD_INDEXES = ("DROP INDEX IF EXISTS rare", "DROP INDEX IF EXISTS rare_kinds")  # of fewer kinds
_COLUMNS = "id, ts, mono_ns, boot, pump, session, kind, body, hash"
_SELECT = f"SELECT {_COLUMNS} FROM records"  # noqa: S608  # fixed names


_FAILURES = (sqlite3.Error, UnicodeDecodeError)  # the latter for damaged text, also in SQLite's own messages
_ANY = 2**62  # above every id


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file. The pump continues until its lease lapses."""


class BrokenChainError(JournalError):
    """The journal can be read, but is not what was written. The message names the first entry that shows it."""


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
                self._upgrade()
            except BaseException:
                self._db.close()
                raise
        except _FAILURES as error:
            raise JournalError(f"journal {path} cannot be opened: {error}") from error
        self._newest = tail

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, *READABLE):
            raise JournalError(f"journal {self.path} has schema {version}, this pumpd writes {SCHEMA_VERSION}")
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise JournalError(f"journal {self.path} cannot be opened: it is a database, but not a pumpd journal")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if version == 0:
            with self._transaction():  # table and version together, so that a crash leaves no incomplete journal
                self._db.execute(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _upgrade(self) -> None:
        """Called only after the newest entries have proved to be a journal's."""
        for index in (*_OLD_INDEXES, _INDEX):
            self._db.execute(index)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _tail(self) -> Anchor:
        """The newest entry, after a check of the last `TAIL` of them."""
        newest_first = self._db.execute(f"{_SELECT} ORDER BY id DESC LIMIT ?", (TAIL + 1,))
        entries = [Record(*columns) for columns in newest_first][::-1]
        if not entries:
            return START
        whole = len(entries) <= TAIL
        before = START if whole else Anchor(entries[0].id, entries[0].hash)
        return follow(self.path, entries if whole else entries[1:], before, _removed(self._db, self.path))

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
                    [
                        (r.id, r.ts, r.mono_ns, r.boot, r.pump, r.session, r.written_kind, r.body, r.hash)
                        for r in records
                    ],
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
                if version not in (0, *READABLE):
                    raise JournalError(f"journal {path} has schema {version}, this pumpd reads {READABLE}")
            except BaseException:
                self._db.close()
                raise
        except _FAILURES as error:
            raise JournalError(f"journal {path} cannot be read: {error}") from error

    def _records(self, sql: str, *values: int | str) -> Iterator[Record]:
        try:
            for columns in self._db.execute(sql, values):
                yield Record(*columns)
        except _FAILURES as error:
            raise JournalError(f"journal {self.path} cannot be read: {error}") from error

    def all(self) -> Iterator[Record]:
        """Every entry in order, as the journal was when reading began."""
        return self._records(_SELECT + " ORDER BY id")

    def after(self, last_id: int, limit: int = 500) -> list[Record]:
        """Up to `limit` entries with an id above `last_id`, in order."""
        return list(self._records(_SELECT + " WHERE id > ? ORDER BY id LIMIT ?", last_id, limit))

    def since(self, first_id: int) -> Iterator[Record]:
        """The entries from an id on, in order, read in pieces so that the writer can make its checkpoints."""
        last = first_id - 1
        while entries := self.after(last, 1000):
            yield from entries
            last = entries[-1].id

    def last(self, limit: int, kind: str | None = None) -> list[Record]:
        """The newest entries, of one kind if it is given, oldest first."""
        if kind is None:
            found = self._records(_SELECT + " ORDER BY id DESC LIMIT ?", limit)
        else:
            where, values = _of_kind(kind)
            found = self._records(f"{_SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", *values, limit)
        return list(found)[::-1]

    def newest(self, kind: str, pump: str | None = None, before: int | None = None) -> Record | None:
        """The newest entry of a kind, of a pump and before an id if they are given; None when there is none."""
        where, values = _of_kind(kind)
        if pump is not None:
            where, values = f"{where} AND pump = ?", (*values, pump)
        found = self._records(f"{_SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT 1", *values, before or _ANY)
        return next(found, None)

    def of_pump(self, pump: str, since: int = 1) -> Iterator[Record]:
        """The entries of a pump from an id on, in order."""
        return self._records(f"{_SELECT} WHERE pump = ? AND id >= ? ORDER BY id", pump, since)

    def removed(self) -> Mapping[int, Removed]:
        """What retention removed, according to the `pruned` entries, by the last entry of each gap."""
        try:
            return _removed(self._db, self.path)
        except _FAILURES as error:
            raise JournalError(f"journal {self.path} cannot be read: {error}") from error

    def verify(self, anchors: Iterable[Anchor] = (), since: int = 1) -> int:
        """Check numbering and chain from the first entry, or from `since`, to the last, and that every anchor is
        present.

        Returns how many entries were checked. Raises BrokenChainError that names the first entry that is missing,
        altered, out of place or different from the anchored one; JournalError when the file cannot be read. Anchors
        before `since` are not checked.
        """
        removed, count = self.removed(), 0
        last = next(self._records(f"{_SELECT} WHERE id < ? ORDER BY id DESC LIMIT 1", since), None)
        start = START if last is None else Anchor(last.id, last.hash)
        wanted: dict[int, set[str]] = {}
        for anchor in anchors:
            wanted.setdefault(anchor.seq, set()).add(anchor.hash)

        def counted() -> Iterator[Record]:
            nonlocal count
            for entry in self._records(f"{_SELECT} WHERE id >= ? ORDER BY id", since):
                count += 1
                yield entry
                if wanted.pop(entry.id, {entry.hash}) != {entry.hash}:
                    raise BrokenChainError(f"journal {self.path}: entry {entry.id} is not the one anchored")

        newest = follow(self.path, counted(), start, removed)
        for seq, hashes in sorted(wanted.items()):
            if since == 1 or seq >= since:
                self._check_absent(seq, hashes, newest, removed)
        return count

    def _check_absent(self, seq: int, hashes: set[str], newest: Anchor, removed: Mapping[int, Removed]) -> None:
        """An anchor whose entry is not there: before the first entry, cut off, or removed by retention."""
        known = START.hash if seq == 0 else removed[seq].hash if seq in removed else None
        if seq > newest.seq:
            what = f"cut off after entry {newest.seq}; entry {seq} existed"
        elif known is None:
            what = f"entry {seq} was removed by retention, so its anchor can no longer be checked"
        elif hashes != {known}:
            what = f"entry {seq} is not the one anchored"
        else:
            return
        raise BrokenChainError(f"journal {self.path}: {what}")

    def close(self) -> None:
        self._db.close()


def follow(path: Path, entries: Iterable[Record], before: Anchor, removed: Mapping[int, Removed]) -> Anchor:
    """Follow the chain from an entry on; returns the last anchor. Raises BrokenChainError at the first that does not
    fit.
    """
    at = before
    for entry in entries:
        if entry.id != at.seq + 1:
            gap = removed.get(entry.id - 1)
            if gap is None or gap.first != at.seq + 1:
                missing = at.seq + 1
                raise BrokenChainError(
                    f"journal {path}: entry {missing} is missing (found entry {entry.id} in its place)"
                )
            at = Anchor(gap.last, gap.hash)
        if entry.chained_to(at.hash) != entry.hash:
            raise BrokenChainError(f"journal {path}: entry {entry.id} ({entry.kind}) does not fit the hash chain")
        at = Anchor(entry.id, entry.hash)
    return at


def _of_kind(kind: str) -> tuple[str, tuple[str, ...]]:
    """The condition for a kind under all its names, and the values for its placeholders."""
    names = names_of(kind)
    where = f"kind IN ({', '.join('?' * len(names))})" if len(names) > 1 else "kind = ?"
    return (f"{where} AND {_IS_RARE}" if kind in RARE else where), names


def _removed(db: sqlite3.Connection, path: Path) -> dict[int, Removed]:
    """The gaps that the `pruned` entries name, by their last entry; a newer entry replaces an older one."""
    found: dict[int, Removed] = {}
    where, values = _of_kind(PRUNED)
    for number, body in db.execute(f"SELECT id, body FROM records WHERE {where} ORDER BY id", values):  # noqa: S608
        try:
            gaps = [Removed(int(first), int(last), str(digest)) for first, last, digest in json.loads(body)["removed"]]
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise BrokenChainError(f"journal {path}: entry {number} ({PRUNED}) cannot be read") from error
        found |= {gap.last: gap for gap in gaps}
    return found
