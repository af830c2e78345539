"""Whether the journal still holds what was written to it, when it is opened and while it is in use (PWR-15).

Promises:
- What the anchor file names and the journal does not hold is a loss. The anchor then stays as it is, so that the loss
  shows at every start until a person accepts it.
- The anchor is written after the journal, with every order, intent and end of an infusion, and otherwise every
  `EVERY_S` at most: no loss is reported after any crash.
- A journal that is moved, deleted, replaced or emptied while it is in use is noticed at the next write, or at the next
  `check`; damaged pages of its newest entries within `READ_BACK_S`.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from pumpd.journal.anchor_file import MOST_ORDERS, AnchorError, AnchorFile, Kept, Order, anchor_path, order_of
from pumpd.journal.chain import FAILURES, Gaps, JournalError
from pumpd.journal.records import START, Anchor, Record
from pumpd.journal.schema import SELECT, of_kind
from pumpd.texts import of_error, text

EVERY_S = 10.0
READ_BACK_S = 10.0
ORDERED = "order_accepted"
AT_ONCE = frozenset({ORDERED, "order_withdrawn", "intent_start", "stop_confirmed", "infusion_ended", "pruned"})

Identity = tuple[int, int]  # device and inode


class KeptOutside:
    def __init__(self, db: sqlite3.Connection, path: Path, newest: Anchor) -> None:
        """`db`: the open journal. Raises JournalError."""
        self._path, self._file = path, AnchorFile(anchor_path(path))
        self._identity, self._size = _identity(_status(path)), 0
        self._due_s = self._read_back_s = 0.0
        self._unwritten = ""
        self.orders: tuple[Order, ...] = ()  # the newest; after a loss those that the anchor file holds
        self.loss = ""  # what is missing of the journal
        try:
            kept = self._file.read()
            if kept is not None:
                self.loss = _missing(db, path, newest, kept)
        except AnchorError as error:
            kept, self.loss = (
                None,
                text(
                    "journal.anchor_unknown",
                    "{why}, so it is not known whether entries are missing",
                    why=of_error(error),
                ),
            )
        if self.loss and kept is not None:
            self.orders = kept.orders
        if not self.loss:
            self.orders = _orders(db)
            if kept is None and newest != START:
                self._write(newest)

    def wrote(self, newest: Anchor, records: Sequence[Record]) -> None:
        """These entries are on disk, up to `newest`."""
        if self.loss:
            return
        made = tuple(order for each in records if each.kind == ORDERED and (order := order_of(each)) is not None)
        self.orders = (*self.orders, *made)[-MOST_ORDERS:]
        if made or time.monotonic() >= self._due_s or any(each.kind in AT_ONCE for each in records):
            self._write(newest, orders_changed=bool(made))

    def check(self, newest: Anchor) -> None:
        """Whether the file is still the one that was opened, and holds its newest entry. Raises JournalError."""
        found = _status(self._path)
        if found is None or _identity(found) != self._identity:
            raise JournalError(
                text(
                    "journal.gone",
                    "journal {path} is not there any more; put it back, or restart control",
                    path=self._path,
                )
                if found is None
                else text(
                    "journal.other_file",
                    "journal {path} was replaced by another file; put it back, or restart control",
                    path=self._path,
                )
            )
        if found.st_size < self._size:
            raise JournalError(
                text(
                    "journal.cut_off", "journal {path} was cut off by something else; restart control", path=self._path
                )
            )
        self._size = found.st_size
        if newest != START and time.monotonic() >= self._read_back_s:
            self._read_back(newest)
            self._read_back_s = time.monotonic() + READ_BACK_S

    def check_anchor(self, newest: Anchor) -> None:
        """Whether the anchor could be written; tried again if not. Raises JournalError."""
        if self._unwritten:
            self._write(newest)
        if self._unwritten:
            raise JournalError(text("journal.at", "journal {path}: {why}", path=self._path, why=self._unwritten))

    def accept(self, newest: Anchor) -> None:
        """A person accepts what is missing: from now on the journal is taken as it is. Raises JournalError."""
        self.loss = ""
        self._file.path.unlink(missing_ok=True)
        self._write(newest)
        self.check_anchor(newest)

    def close(self, newest: Anchor) -> None:
        if not self.loss and newest != START and self._identity == _identity(_status(self._path)):
            self._write(newest, orders_changed=False)

    def _write(self, newest: Anchor, *, orders_changed: bool = True) -> None:
        """A failure shows at the next write to the journal: these entries are written."""
        try:
            self._file.write(newest, self.orders, orders_changed=orders_changed)
        except AnchorError as error:
            self._unwritten = of_error(error)
        else:
            self._unwritten = ""
            self._due_s = time.monotonic() + EVERY_S

    def _read_back(self, newest: Anchor) -> None:
        """From the file, by another connection, which has nothing in memory."""
        try:
            uri = self._path.absolute().as_uri() + "?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
                found = _record(db, newest.seq)
        except FAILURES as error:
            raise JournalError(
                text(
                    "journal.not_read_back",
                    "journal {path} cannot be read back: {error}; restart control",
                    path=self._path,
                    error=error,
                )
            ) from error
        if found is None or found.hash != newest.hash:
            raise JournalError(
                text(
                    "journal.entry_lost",
                    "journal {path}: entry {number} was written and is lost; restart control",
                    path=self._path,
                    number=newest.seq,
                )
            )


def _status(path: Path) -> os.stat_result | None:
    with contextlib.suppress(OSError):
        return path.stat()
    return None


def _identity(found: os.stat_result | None) -> Identity | None:
    return None if found is None else (found.st_dev, found.st_ino)


def _record(db: sqlite3.Connection, number: int) -> Record | None:
    found = db.execute(f"{SELECT} WHERE id = ?", (number,)).fetchone()
    return None if found is None else Record(*found)


def _missing(db: sqlite3.Connection, path: Path, newest: Anchor, kept: Kept) -> str:
    """What the journal does not hold of what was kept outside; empty when it holds all of it."""
    number = kept.newest.seq
    if number == 0:
        return ""
    if newest.seq < number:
        return text(
            "journal.newest_missing",
            "journal {path}: its newest entries are missing; entry {number} existed, the last one is {newest}",
            path=path,
            number=number,
            newest=newest.seq,
        )
    found = _record(db, number)
    gap = Gaps(db, path).get(number) if found is None else None
    known = found or gap
    if known is not None and known.hash == kept.newest.hash:
        return ""
    return text(
        "journal.replaced",
        "journal {path}: it was replaced or its end was lost; entry {number} is not the one that was written",
        path=path,
        number=number,
    )


def _orders(db: sqlite3.Connection) -> tuple[Order, ...]:
    where, values = of_kind(ORDERED)
    newest_first = db.execute(f"{SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", (*values, MOST_ORDERS))
    entries = [Record(*columns) for columns in newest_first][::-1]
    return tuple(order for each in entries if (order := order_of(each)) is not None)
