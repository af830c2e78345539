"""How far the journal has been sent to the ward, and which journal that is."""

import sqlite3
import uuid
from pathlib import Path

from pumpd.telemetry.cursor import Cursor, CursorError


class FleetCursor(Cursor):
    """`journal` identifies the journal that is being sent: another one gets another name, and starts at entry 1."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS journal (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL)"
                " STRICT"
            )
            found = self._db.execute("SELECT name FROM journal").fetchone()
        except sqlite3.Error as error:
            self.close()
            raise CursorError(f"cursor {path} cannot be opened: {error}") from error
        self.journal: str = found[0] if found else self._renamed()

    def start_over(self) -> None:
        self.journal = self._renamed()
        super().start_over()

    def _renamed(self) -> str:
        name = uuid.uuid4().hex
        try:
            self._db.execute("INSERT OR REPLACE INTO journal VALUES (1, ?)", (name,))
        except sqlite3.Error as error:
            raise CursorError(f"cursor {self.path} cannot be written: {error}") from error
        return name
