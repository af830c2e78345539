"""How far the journal has been published, and which topics are retained: kept in telemetry's own SQLite file.

Promises:
- The position is never ahead of what the broker has acknowledged.
- On disk it is behind, by as much as a broker may lose and `SAVE_S`; after a clean end it is exact. Messages may
  repeat, none is lost. Nothing is written while nothing is published.
- A topic is in the list before anything is retained on it. The list is of one broker: for another one, or for this one
  after another one, it does not count as complete.
- One process at a time: a second one on the same file is refused.
"""

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumpd.host.files import mode_of

SAVE_S = 30.0
_VERSION = 1  # 0: of a pumpd that kept no list of topics


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
                self._db.execute("CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS broker (one INTEGER PRIMARY KEY CHECK (one = 1), place TEXT NOT NULL)"
                    " STRICT"
                )
                broker = self._db.execute("SELECT place FROM broker").fetchone()
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                found = self._db.execute("SELECT id, hash FROM cursor").fetchone()
                topics = self._db.execute("SELECT topic FROM retained").fetchall()
            except BaseException:
                self._db.close()
                raise
        except BlockingIOError as error:
            os.close(self._lock)
            raise CursorError(f"cursor {path} is in use: another telemetry process runs on it") from error
        except sqlite3.Error as error:
            os.close(self._lock)
            raise CursorError(f"cursor {path} cannot be opened: {error}") from error
        self.position = self._saved = Position(*found) if found else Position()
        self.retained: set[str] = {topic for (topic,) in topics}
        self._broker: str | None = broker[0] if broker else None  # None: of a pumpd that did not note it
        self.complete = version == _VERSION
        """Whether `retained` has every topic. If not, this file is new, of an older pumpd, or of another broker."""

    @property
    def place(self) -> str:
        """Where its lock is: no two that exist at once on a machine are in the same place."""
        found = os.fstat(self._lock)
        return f"{found.st_dev}:{found.st_ino}"

    def advance(self, position: Position) -> None:
        """Everything up to there is acknowledged; not yet on disk."""
        if position.id > self.position.id:
            self.position = position

    def save(self, position: Position) -> None:
        """Where the next process continues. Raises CursorError."""
        if position != self._saved:
            self._execute("INSERT OR REPLACE INTO cursor VALUES (1, ?, ?)", position.id, position.hash)
            self._saved = position

    def start_over(self) -> None:
        """The journal was replaced by another one. Raises CursorError."""
        self.position = Position()
        self.save(self.position)

    def retain(self, topic: str) -> None:
        """Something is about to be retained there. Raises CursorError."""
        if topic not in self.retained:
            self._execute("INSERT OR IGNORE INTO retained VALUES (?)", topic)
            self.retained.add(topic)

    def forget(self, topic: str) -> None:
        """Nothing is retained there any more. Raises CursorError."""
        if topic in self.retained:
            self._execute("DELETE FROM retained WHERE topic = ?", topic)
            self.retained.discard(topic)

    def of(self, broker: str) -> None:
        """Which broker the list is of. Raises CursorError."""
        if self._broker not in (broker, None):
            self._execute("PRAGMA user_version = 0")
            self.complete = False
        if self._broker != broker:
            self._execute("INSERT OR REPLACE INTO broker VALUES (1, ?)", broker)
            self._broker = broker

    def completed(self) -> None:
        """From now on the list has every topic. Raises CursorError."""
        if not self.complete:
            self._execute(f"PRAGMA user_version = {_VERSION}")
            self.complete = True

    def _execute(self, statement: str, *values: Any) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise CursorError(f"cursor {self.path} cannot be written: {error}") from error

    def close(self) -> None:
        """Raises CursorError."""
        try:
            self.save(self.position)
        finally:
            self._db.close()
            os.close(self._lock)
