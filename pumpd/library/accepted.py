"""The highest version of a library that this gateway ever accepted, kept in the journal."""

import contextlib
from pathlib import Path

from pumpd.dosing.seal import Mark
from pumpd.journal import JournalError, JournalReader

ACCEPTED = "library_accepted"


def highest(path: Path) -> Mark | None:
    """The highest version that was accepted here; None when there was none. Raises JournalError."""
    with contextlib.closing(JournalReader(path)) as reader:
        row = reader.newest(ACCEPTED)
    if row is None:
        return None
    try:
        return Mark(int(row.fields["version"]), str(row.fields["digest"]))
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"journal {path}: row {row.id} ({ACCEPTED}) cannot be read") from error
