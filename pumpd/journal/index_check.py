"""Whether the journal's newest entries are found by its indexes, which decide what control gets to see (PWR-10).

The hash chain shows a changed entry, but not an index from which an entry is missing: it would be a dose that nobody
counts. `JournalReader.verify` checks the indexes as a whole.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pumpd.journal.chain import BrokenChainError
from pumpd.journal.records import Record
from pumpd.journal.schema import ABOUT_A_PATIENT, IS_RARE, MANY, PATIENT, RARE, THIN

_ORDERED = "order_accepted"
_BY = {
    "sessions": f"session = ? AND {THIN} = ?",
    "few_kinds": f"kind = ? AND {IS_RARE}",
    "few_kinds_of_a_pump": f"pump = ? AND kind = ? AND {IS_RARE}",
    "patients": f"{PATIENT} = ? COLLATE NOCASE AND {ABOUT_A_PATIENT} AND +kind = '{_ORDERED}'",
}


def check(db: sqlite3.Connection, path: Path, newest: Sequence[Record]) -> None:
    """`newest`: the newest entries, in order. Raises BrokenChainError that names the first one that is not found."""
    wanted: dict[tuple[str, tuple[str | int, ...]], list[int]] = defaultdict(list)
    for entry in newest:
        for key in _keys(entry):
            wanted[key].append(entry.id)
    for (index, values), numbers in wanted.items():
        sql = f"SELECT id FROM records INDEXED BY {index} WHERE {_BY[index]} AND id >= ? ORDER BY id"
        found = {number for (number,) in db.execute(sql, (*values, newest[0].id))}
        if missing := sorted(found.symmetric_difference(numbers)):
            raise BrokenChainError(f"journal {path}: the index {index!r} does not fit entry {missing[0]}")


def _keys(entry: Record) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The indexes in which an entry is, with its key in each."""
    yield "sessions", (entry.session, int(entry.written_kind in MANY))
    if entry.written_kind in RARE:
        yield "few_kinds", (entry.written_kind,)
        yield "few_kinds_of_a_pump", (entry.pump, entry.written_kind)
    if entry.written_kind == _ORDERED:
        try:
            yield "patients", (str(entry.fields["program"]["prescription"]["patient"]).lower(),)
        except (ValueError, KeyError, TypeError):
            return  # an order that cannot be read refuses every other one
