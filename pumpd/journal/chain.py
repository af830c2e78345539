"""The chain of entries as it is followed in a file: what breaks it, and the gaps that retention left in it."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from pumpd.journal.records import PRUNED, Anchor, Record, Removed
from pumpd.journal.schema import of_kind
from pumpd.texts import text

FAILURES = (sqlite3.Error, UnicodeDecodeError)  # the latter for damaged text, also in SQLite's own messages


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file. The pump continues until its lease lapses."""


class BrokenChainError(JournalError):
    """The journal can be read, but is not what was written. The message names the first entry that shows it."""


class Gaps:
    """The gaps that retention left, by their last entry. Read when one is looked up, and again when it is not found: a
    long journal has many of them, its newest entries none, and something may be pruned meanwhile.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._found: dict[int, Removed] = {}

    def get(self, last: int, first: int | None = None) -> Removed | None:
        """The gap that ends with this entry, and begins with `first` if that is given; None when there is none.

        Raises JournalError.
        """
        if not self._fits(last, first):
            try:
                self._found = _removed(self._db, self._path)
            except FAILURES as error:
                raise JournalError(
                    text("journal.unreadable", "journal {path} cannot be read: {error}", path=self._path, error=error)
                ) from error
        return self._found[last] if self._fits(last, first) else None

    def _fits(self, last: int, first: int | None) -> bool:
        return last in self._found and first in (None, self._found[last].first)


def follow(path: Path, entries: Iterable[Record], before: Anchor, removed: Gaps) -> Anchor:
    """Follow the chain from an entry on; returns the last anchor. Raises BrokenChainError at the first that does not
    fit.
    """
    at = before
    for entry in entries:
        if entry.id != at.seq + 1:
            gap = removed.get(entry.id - 1, at.seq + 1)
            if gap is None:
                missing = at.seq + 1
                raise BrokenChainError(
                    text(
                        "journal.entry_missing",
                        "journal {path}: entry {number} is missing (found entry {found} in its place)",
                        path=path,
                        number=missing,
                        found=entry.id,
                    )
                )
            at = Anchor(gap.last, gap.hash)
        if entry.chained_to(at.hash) != entry.hash:
            raise BrokenChainError(
                text(
                    "journal.chain_broken",
                    "journal {path}: entry {number} ({kind}) does not fit the hash chain",
                    path=path,
                    number=entry.id,
                    kind=entry.kind,
                )
            )
        at = Anchor(entry.id, entry.hash)
    return at


def _removed(db: sqlite3.Connection, path: Path) -> dict[int, Removed]:
    """The gaps that the `pruned` entries name, by their last entry; a newer entry replaces an older one."""
    found: dict[int, Removed] = {}
    where, values = of_kind(PRUNED)
    for number, body in db.execute(f"SELECT id, body FROM records WHERE {where} ORDER BY id", values):
        try:
            gaps = [Removed(int(first), int(last), str(digest)) for first, last, digest in json.loads(body)["removed"]]
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise BrokenChainError(
                text(
                    "journal.entry_unreadable",
                    "journal {path}: entry {number} ({kind}) cannot be read",
                    path=path,
                    number=number,
                    kind=PRUNED,
                )
            ) from error
        found |= {gap.last: gap for gap in gaps}
    return found
