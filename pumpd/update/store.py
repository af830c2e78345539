"""What an update keeps in its folder, which only root can read: `/var/lib/pumpd-updates`.

| file | holds |
|---|---|
| `next.deb` | the verified package, while it is being installed |
| `installed.deb` | the package that was installed by the last update |
| `previous.deb` | the package that a rollback installs |
| `under-way` | an update has begun and is not finished; `pumpd-update-check.service` rolls it back at the next boot |
| `rolled-back` | the same after that unit has rolled it back |
| `last.json` | how the last update ended |

Promises:
- Every file is either the old or the new one after a power cut, and is on the disk before the next step begins.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pumpd.host.files import UPDATES
from pumpd.trust import replace_file


class Store:
    def __init__(self, folder: Path = UPDATES) -> None:
        self.folder = folder
        self.next, self.installed, self.previous = (
            folder / f"{name}.deb" for name in ("next", "installed", "previous")
        )
        self._mark, self._rolled_back, self._last = folder / "under-way", folder / "rolled-back", folder / "last.json"

    def open(self) -> None:
        """Make the folder. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    @property
    def under_way(self) -> str:
        """What was being installed, as `FROM TO`; empty when no update is under way."""
        with suppress(FileNotFoundError):
            return self._mark.read_text(encoding="ascii").strip()
        return ""

    def write(self, path: Path, raw: bytes) -> None:
        """Raises OSError."""
        replace_file(path, raw)
        self._sync()

    def move(self, source: Path, target: Path) -> None:
        source.replace(target)
        self._sync()

    def begin(self, old: str, new: str) -> None:
        """From here on, a power cut leads to a rollback at the next boot."""
        self.write(self._mark, f"{old} {new}\n".encode("ascii"))

    def end(self, result: Mapping[str, Any]) -> None:
        """The update is finished, one way or the other."""
        self.write(self._last, json.dumps(result, ensure_ascii=False).encode())
        self._mark.unlink(missing_ok=True)
        self._rolled_back.unlink(missing_ok=True)
        self._sync()

    @property
    def last(self) -> dict[str, Any]:
        """How the last update ended; empty when there was none, or it cannot be read."""
        with suppress(FileNotFoundError):
            old, _, new = self._rolled_back.read_text(encoding="ascii").strip().partition(" ")
            return {
                "from": old,
                "to": new,
                "outcome": "rolled back",
                "why": "it was interrupted, as by a power cut",
            }
        with suppress(OSError, ValueError):
            found = json.loads(self._last.read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
