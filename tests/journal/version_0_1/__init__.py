"""A journal that version 0.1 wrote, byte for byte: two infusions, two restarts, and every kind whose name has changed.

`journal.jsonl` has the columns of one entry per line. The second infusion was running when its process died.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

ENTRIES = Path(__file__).with_name("journal.jsonl")
STOPPED, RUNNING = "token-1", "token-2"  # the patients of its two infusions

_TABLE = """CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    ts TEXT NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    pump TEXT NOT NULL,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT"""
_RARE = "'pruned', 'began', 'infusion_ended', 'control_started', 'library_accepted', 'association_changed'"


def columns() -> list[list]:
    return [json.loads(line) for line in ENTRIES.read_text(encoding="utf-8").splitlines()]


def write(path: Path) -> None:
    """The database file as version 0.1 left it."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(_TABLE)
        db.execute(f"CREATE INDEX rare_kinds ON records (kind, id) WHERE kind IN ({_RARE})")
        db.execute("PRAGMA user_version=1")
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", columns())
