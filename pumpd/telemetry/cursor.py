"""How far the journal has been published: kept in telemetry's own SQLite file.

Promises:
- It moves only forward, and only when the broker has acknowledged everything up to that point.
- After a kill it is exact; after a power cut it may be a little behind (messages repeat), never ahead (none is lost).
- One process at a time: a second one on the same file is refused.
"""

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from pumpd.host.files import mode_of
from pumpd.journal import Record


class CursorError(Exception):
    """The cursor file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last published entry, and its hash, which reveals a replaced journal."""

    id: int = 0
    hash: str = ""


class Cursor:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._lock = os.open(
                path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode_of("telemetry's lock")
            )
        except OSError as error:
            raise CursorError(f"cursor {path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL,"
                    " hash TEXT NOT NULL) STRICT"
                )
                found = self._db.execute("SELECT id, hash FROM cursor").fetchone()
            except BaseException:
                self._db.close()
                raise
        except BlockingIOError as error:
            os.close(self._lock)
            raise CursorError(f"cursor {path} is in use: another telemetry process runs on it") from error
        except sqlite3.Error as error:
            os.close(self._lock)
            raise CursorError(f"cursor {path} cannot be opened: {error}") from error
        self.position = Position(*found) if found else Position()

    def advance(self, entry: Record) -> None:
        """Everything up to `entry` is acknowledged. Raises CursorError."""
        if entry.id > self.position.id:
            self._write(Position(entry.id, entry.hash))

    def start_over(self) -> None:
        """Reset: the journal was replaced by another one."""
        self._write(Position())

    def _write(self, position: Position) -> None:
        try:
            self._db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?, ?)", (position.id, position.hash))
        except sqlite3.Error as error:
            raise CursorError(f"cursor {self.path} cannot be written: {error}") from error
        self.position = position

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)
