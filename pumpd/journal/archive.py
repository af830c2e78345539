"""Old entries are kept as files before retention removes them: compressed exports that follow each other.

Promises:
- A file is complete and was read again, entry by entry along the chain, before it has its name. Nothing else is needed
  to verify it later: docs/reference/journal.md.
- Files beyond `most_bytes` together are deleted, oldest first, but never one that was just written.
"""

import gzip
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pumpd.journal.chain import BrokenChainError, JournalError, follow
from pumpd.journal.export import FORMAT, entry_line, line
from pumpd.journal.reader import JournalReader
from pumpd.journal.records import START, Anchor, Record

_NAME = re.compile(r"journal-(\d{12})-(\d{12})\.jsonl\.gz", re.ASCII)


@dataclass(frozen=True, slots=True)
class Archived:
    """`last`: the last entry in any file; 0 when there is none. `path`: the file that was written, if one was."""

    last: int
    entries: int = 0
    path: Path | None = None


def archive(reader: JournalReader, folder: Path, before: str, most_bytes: int) -> Archived:
    """Write what is older than `before` and in no file yet. Raises JournalError, also when the disk has no room."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        last = max((number for _, number, _ in _files(folder)), default=0)
        made = folder / "new.part"
        first, newest, count = _write(reader, made, last, before)
        if not count:
            made.unlink()
            return Archived(last)
        _verify(made, count, newest)
        path = folder / f"journal-{first:012}-{newest.seq:012}.jsonl.gz"
        made.replace(path)
        _to_disk(folder)
        _make_room(folder, most_bytes)
    except (OSError, EOFError) as error:
        raise JournalError(f"archive {folder}: {error}; nothing was removed from the journal") from error
    return Archived(newest.seq, count, path)


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """First entry, last entry and path, in order."""
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(name[1]), int(name[2]), path) for name, path in found if name is not None)


def _write(reader: JournalReader, path: Path, after: int, before: str) -> tuple[int, Anchor, int]:
    """Returns the first entry, the last one, and how many were written."""
    at, first, count, latest, gaps = START, 0, 0, "", reader.gaps()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(file, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6) as packed:
        packed.write(f"{line({'pumpd_journal': FORMAT, 'filter': {'after': after, 'until': before}})}\n".encode())
        previous = reader.at_most(after)
        if previous is not None:
            at, latest = Anchor(previous.id, previous.hash), previous.ts
        for entry in reader.since(after + 1):
            latest = max(latest, entry.ts)
            if latest >= before:
                break
            if entry.id != at.seq + 1 and (gap := gaps.get(entry.id - 1)) is not None:
                at = Anchor(gap.last, gap.hash)
            packed.write(f"{entry_line(entry, at.hash)}\n".encode())
            follow(reader.path, [entry], Anchor(entry.id - 1, at.hash), gaps)
            at, first, count = Anchor(entry.id, entry.hash), first or entry.id, count + 1
        packed.write(f"{line({'anchor': str(at), 'entries': count})}\n".encode())
        packed.close()
        raw.flush()
        os.fsync(raw.fileno())
    return first, at, count


def _verify(path: Path, count: int, newest: Anchor) -> None:
    """Raises BrokenChainError when the file is not what was to be written."""
    seen, last = 0, START
    for previous, entry in _read(path):
        if entry.chained_to(previous) != entry.hash or (entry.id == last.seq + 1 and seen and previous != last.hash):
            raise BrokenChainError(f"archive {path}: entry {entry.id} is not what was written")
        seen, last = seen + 1, Anchor(entry.id, entry.hash)
    if (seen, last) != (count, newest):
        raise BrokenChainError(f"archive {path}: {seen} entries up to {last}, and not {count} up to {newest}")


def _read(path: Path) -> Iterator[tuple[str, Record]]:
    """The entries, each with the hash of the previous one."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for text in lines:
            fields = json.loads(text)
            if "previous" in fields:
                previous = fields.pop("previous")
                yield previous, Record(written_kind=fields.pop("kind"), **fields)


def _make_room(folder: Path, most_bytes: int) -> None:
    files = _files(folder)
    sizes = [path.stat().st_size for _, _, path in files]
    while len(files) > 1 and sum(sizes) > most_bytes:
        files.pop(0)[2].unlink()
        sizes.pop(0)


def _to_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
