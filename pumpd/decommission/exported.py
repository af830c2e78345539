"""The last export of a gateway, and reading it back before anything is erased.

| file | holds |
|---|---|
| `journal.jsonl` | the journal, as `pumpd journal export` writes it |
| `infusions.jsonl` | a line for each dose: patient token, drug, volume and mass, when, and whether it is certain |
| `journal.sqlite3`, with `-wal` | only of a damaged journal, instead: the files as they are |
| `SHA256SUMS` | of the other files; `sha256sum --check` verifies them |

Promises:
- What is reported as exported was read back from its files, and its chain leads to the newest entry of the journal.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pumpd.dosing.history import Dose
from pumpd.journal import JournalReader
from pumpd.journal.copying import newest
from pumpd.journal.doses import Doses
from pumpd.journal.export import Filter, export
from pumpd.journal.records import START, Anchor, Record

_FIELDS = ("id", "ts", "mono_ns", "boot", "pump", "session", "body", "hash")
JOURNAL, INFUSIONS, SUMS = "journal.jsonl", "infusions.jsonl", "SHA256SUMS"


class ExportError(Exception):
    """The export is not complete, so nothing is erased. The message says why."""


def write(journal: Path, folder: Path, *, damaged: bool) -> Anchor:
    """Export and read back. Returns the anchor of the newest entry. Raises ExportError, JournalError, OSError."""
    if damaged:
        made = [path for path in (journal, journal.with_name(f"{journal.name}-wal")) if path.exists()]
        for path in made:
            shutil.copyfile(path, folder / path.name)
        names, at = [path.name for path in made], START
    else:
        with contextlib.closing(JournalReader(journal)) as reader:
            doses = Doses()
            doses.take(reader.since(1))
            _lines(folder / JOURNAL, export(reader, Filter()))
        _lines(folder / INFUSIONS, (json.dumps(_dose(each), ensure_ascii=False) for each in doses.all()))
        names, at = [JOURNAL, INFUSIONS], newest(journal)
    sums = {name: _digest(folder / name) for name in names}
    _lines(folder / SUMS, (f"{digest}  {name}" for name, digest in sums.items()))
    if not damaged:
        _read_back(folder / JOURNAL, at)
    elif any(_digest(journal.with_name(name)) != digest for name, digest in sums.items()):
        raise ExportError(f"{folder}: what was read back differs from {journal}")
    return at


def _lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dose(dose: Dose) -> dict[str, object]:
    return {
        "session": dose.session,
        "patient": dose.patient,
        "drug": dose.drug,
        "entry": dose.entry,
        "pump": dose.pump,
        "ordered_mg": dose.ordered.number,
        "given_mg": dose.given.number,
        "concentration": str(dose.concentration),
        "started": _time(dose.started_ns),
        "ended": _time(dose.ended_ns),
        "completed": dose.completed,
        "uncertain": dose.uncertain,
    }


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="seconds")


def _read_back(path: Path, wanted: Anchor) -> None:
    """Follow the chain through the file. Raises ExportError."""
    removed: dict[int, tuple[int, str]] = {}
    for line in _entries(path):
        if line["kind"] == "pruned":
            removed |= {last: (first, digest) for first, last, digest in json.loads(line["body"])["removed"]}
    at = START
    for line in _entries(path):
        record = Record(**{name: line[name] for name in _FIELDS}, written_kind=line["kind"])
        if record.id != at.seq + 1:
            first, digest = removed.get(record.id - 1, (0, ""))
            if first != at.seq + 1:
                raise ExportError(f"{path}: entry {at.seq + 1} is missing")
            at = Anchor(record.id - 1, digest)
        if record.chained_to(at.hash) != record.hash:
            raise ExportError(f"{path}: entry {record.id} is not what was written")
        at = Anchor(record.id, record.hash)
    if at != wanted:
        raise ExportError(f"{path}: it ends at entry {at.seq}, the journal at entry {wanted.seq}")


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if "id" in (fields := json.loads(line)):
                yield fields
