"""The highest library version ever accepted on a gateway, from its journal (SEC-17)."""

import contextlib
from pathlib import Path

from pumpd.dosing.seal import Mark
from pumpd.journal import JournalError, JournalReader

ACCEPTED = "library_accepted"  # the kind of its journal entry


def highest(path: Path) -> Mark | None:
    """The highest version that was accepted here; None when there was none. Raises JournalError."""
    with contextlib.closing(JournalReader(path)) as reader:
        return highest_in(reader)


def highest_in(reader: JournalReader) -> Mark | None:
    """The same from a journal that is open already."""
    entry = reader.newest(ACCEPTED)
    if entry is None:
        return None
    try:
        return Mark(int(entry.fields["version"]), str(entry.fields["digest"]))
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"journal {reader.path}: entry {entry.id} ({ACCEPTED}) cannot be read") from error
