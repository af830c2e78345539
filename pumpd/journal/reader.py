"""A reader of the journal: it never blocks the writer, never writes, and finds by index what control asks for."""

import heapq
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pumpd.journal.chain import FAILURES, BrokenChainError, Gaps, JournalError, follow
from pumpd.journal.records import START, Anchor, Record
from pumpd.journal.schema import ABOUT_A_PATIENT, KEPT_OF_A_SESSION, PATIENT, READABLE, SELECT, THIN, of_kind
from pumpd.texts import text

_ANY = 2**62  # above every id
_NOT_ALLOWED = "this user may not; use a user of pumpd's group, or sudo"


class JournalReader:
    """A reader from any process. Raises JournalError when the file is missing, foreign or damaged."""

    def __init__(self, path: Path, *, untouched: bool = False) -> None:
        """`untouched`: only where no process has the journal open. SQLite then makes no files for readers beside it."""
        self.path = path
        try:
            self._db = sqlite3.connect(
                path.absolute().as_uri() + ("?mode=ro&immutable=1" if untouched else "?mode=ro"),
                uri=True,
                isolation_level=None,
                timeout=5.0,
                check_same_thread=False,  # bedside reads in threads, one after the other
            )
            try:
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, *READABLE):
                    raise JournalError(
                        text(
                            "journal.schema_read",
                            "journal {path} has schema {schema}, this pumpd reads {readable}",
                            path=path,
                            schema=version,
                            readable=READABLE,
                        )
                    )
            except BaseException:
                self._db.close()
                raise
        except FAILURES as error:
            why = _cause(path) or error
            raise JournalError(
                text("journal.unreadable", "journal {path} cannot be read: {error}", path=path, error=why)
            ) from error

    def _records(self, sql: str, *values: int | str) -> Iterator[Record]:
        return map(Record._make, self._rows(sql, *values))

    def _rows(self, sql: str, *values: int | str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(sql, values)
        except FAILURES as error:
            raise JournalError(
                text("journal.unreadable", "journal {path} cannot be read: {error}", path=self.path, error=error)
            ) from error

    def all(self) -> Iterator[Record]:
        """Every entry in order, also those that are written meanwhile. A reader that pauses holds up nothing."""
        return self.since(1)

    def after(self, last_id: int, limit: int = 500) -> list[Record]:
        """Up to `limit` entries with an id above `last_id`, in order."""
        return list(self._records(SELECT + " WHERE id > ? ORDER BY id LIMIT ?", last_id, limit))

    def since(self, first_id: int) -> Iterator[Record]:
        """The entries from an id on, in order, read in pieces: between them the writer can make its checkpoints."""
        last = first_id - 1
        while entries := self.after(last, 1000):
            yield from entries
            last = entries[-1].id

    def at_most(self, number: int) -> Record | None:
        """The last entry up to this number; None when there is none."""
        return next(self._records(f"{SELECT} WHERE id <= ? ORDER BY id DESC LIMIT 1", number), None)

    def last(self, limit: int, kind: str | None = None) -> list[Record]:
        """The newest entries, of one kind if it is given, oldest first."""
        if kind is None:
            found = self._records(SELECT + " ORDER BY id DESC LIMIT ?", limit)
        else:
            where, values = of_kind(kind)
            found = self._records(f"{SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", *values, limit)
        return list(found)[::-1]

    def newest(self, kind: str, pump: str | None = None, before: int | None = None) -> Record | None:
        """The newest entry of a kind, of a pump and before an id if they are given; None when there is none."""
        where, values = of_kind(kind)
        if pump is not None:
            where, values = f"{where} AND pump = ?", (*values, pump)
        found = self._records(f"{SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT 1", *values, before or _ANY)
        return next(found, None)

    def start_of(self, boot: str) -> Record | None:
        """The start of a control process; None when it is not on record."""
        where, values = of_kind("control_started")
        found = self._records(f"{SELECT} WHERE {where} AND boot = ? ORDER BY id DESC LIMIT 1", *values, boot)
        return next(found, None)

    def last_of_process(self, entry: Record) -> Record:
        """The last entry of the process that wrote this one."""
        where, values = of_kind("control_started")
        started = self._records(f"{SELECT} WHERE {where} AND id > ? ORDER BY id LIMIT 1", *values, entry.id)
        following = next(started, None)
        found = self.at_most(_ANY if following is None else following.id - 1)
        return entry if found is None or found.boot != entry.boot else found

    def kept_of(self, session: str, after: int = 0) -> list[Record]:
        """The entries of an infusion after an id, except its many: readings, events, bytes of the line."""
        return list(self._records(f"{SELECT} WHERE session = ? AND {THIN} = 0 AND id > ? ORDER BY id", session, after))

    def events_of(self, session: str, after: int = 0) -> Iterator[Record]:
        """The entries of an infusion after an id, in order, except readings and bytes of the line."""
        events = f"{SELECT} WHERE session = ? AND {THIN} = 1 AND +kind = 'happened' AND id > ? ORDER BY id"
        kept = iter(self.kept_of(session, after))
        return heapq.merge(self._records(events, session, after), kept, key=lambda entry: entry.id)

    def last_reading(self, session: str, before: int | None = None) -> Record | None:
        """The newest reading of an infusion, before an id if it is given; None when there is none."""
        where = f"session = ? AND {THIN} = 1 AND +kind = 'reading' AND id < ?"
        return next(self._records(f"{SELECT} WHERE {where} ORDER BY id DESC LIMIT 1", session, before or _ANY), None)

    def about(self, patient: str, after: int = 0) -> list[Record]:
        """The orders and courses of a patient after an id, in order; case does not matter."""
        where = f"{PATIENT} = ? COLLATE NOCASE AND {ABOUT_A_PATIENT} AND id > ?"
        return list(self._records(f"{SELECT} WHERE {where} ORDER BY id", patient, after))

    def about_nobody(self) -> Record | None:
        """The first order or course whose patient cannot be read; None when there is none, as there should be."""
        where = f"{PATIENT} IS NULL AND {ABOUT_A_PATIENT}"
        return next(self._records(f"{SELECT} WHERE {where} ORDER BY id LIMIT 1"), None)

    def sessions_dated_after(self, ts: str) -> list[str]:
        """The infusions with an entry that is dated after this time, except readings and events."""
        sql = f"SELECT DISTINCT session FROM records INDEXED BY times WHERE {KEPT_OF_A_SESSION} AND ts > ?"
        return [session for (session,) in self._rows(sql, ts)]

    def around(self, number: int, kind: str, count: int) -> list[Record]:
        """Up to `count` entries of a kind before an entry, and as many after it, in order."""
        where, values = of_kind(kind)
        before = self._records(f"{SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT ?", *values, number, count)
        after = self._records(f"{SELECT} WHERE {where} AND id > ? ORDER BY id LIMIT ?", *values, number, count)
        return [*list(before)[::-1], *after]

    def newest_events(self, count: int) -> int:
        """The number of the first of the newest `count` events that belong to no infusion; 0 when there are fewer."""
        if not count:
            return _ANY
        sql = f"SELECT id FROM records WHERE session = '' AND {THIN} = 0 ORDER BY id DESC LIMIT 1 OFFSET ?"
        return next((number for (number,) in self._rows(sql, count - 1)), 0)

    def newest_of(self, kind: str, count: int) -> int:
        """The number of the first of the newest `count` entries of a kind; 0 when there are fewer."""
        if not count:
            return _ANY
        where, values = of_kind(kind)
        sql = f"SELECT id FROM records WHERE {where} ORDER BY id DESC LIMIT 1 OFFSET ?"
        return next((number for (number,) in self._rows(sql, *values, count - 1)), 0)

    def has_ended(self, session: str) -> bool:
        """Whether the end of an infusion is on record."""
        sql = f"SELECT 1 FROM records WHERE session = ? AND {THIN} = 0 AND +kind = 'infusion_ended' LIMIT 1"
        return next(self._rows(sql, session), None) is not None

    def gaps(self) -> Gaps:
        """What retention removed."""
        return Gaps(self._db, self.path)

    def verify(self, anchors: Iterable[Anchor] = (), since: int = 1) -> int:
        """Check numbering and chain from the first entry, or from `since`, to the last, and that every anchor is
        present; from the first entry on also the indexes.

        Returns how many entries were checked. Raises BrokenChainError that names the first entry that is missing,
        altered, out of place or different from the anchored one; JournalError when the file cannot be read. Anchors
        before `since` are not checked.
        """
        removed, count = self.gaps(), 0
        last = self.at_most(since - 1)
        start = START if last is None else Anchor(last.id, last.hash)
        wanted: dict[int, set[str]] = {}
        for anchor in anchors:
            wanted.setdefault(anchor.seq, set()).add(anchor.hash)

        def counted() -> Iterator[Record]:
            nonlocal count
            for entry in self.since(since):
                count += 1
                yield entry
                if wanted.pop(entry.id, {entry.hash}) != {entry.hash}:
                    raise BrokenChainError(f"journal {self.path}: entry {entry.id} is not the one anchored")

        newest = follow(self.path, counted(), start, removed)
        if since == 1:
            self._check_indexes()
        for seq, hashes in sorted(wanted.items()):
            if since == 1 or seq >= since:
                self._check_absent(seq, hashes, newest, removed)
        return count

    def _check_indexes(self) -> None:
        """Whether every entry is in the indexes by which it is looked up."""
        faults = [fault for (fault,) in self._rows("PRAGMA integrity_check(1)") if fault != "ok"]
        if faults:
            raise BrokenChainError(f"journal {self.path}: {faults[0]}")

    def _check_absent(self, seq: int, hashes: set[str], newest: Anchor, removed: Gaps) -> None:
        """An anchor whose entry is not there: before the first entry, cut off, or removed by retention."""
        gap = None if seq in (0, newest.seq) else removed.get(seq)
        known = START.hash if seq == 0 else None if gap is None else gap.hash
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


def _cause(path: Path) -> str:
    """Why a file cannot be opened, which SQLite does not say; empty if it can be.

    It is not opened for that: closing it would take away the locks that SQLite holds on it in this process.
    """
    try:
        mode = path.stat().st_mode
        if not os.access(path, os.R_OK):
            return _NOT_ALLOWED
        if stat.S_ISDIR(mode):
            return "it is a directory, not a file"
    except FileNotFoundError:
        return "there is no such file; control makes it when it first starts"
    except PermissionError:
        return _NOT_ALLOWED
    except OSError as error:
        return error.strerror or str(error)
    return ""
