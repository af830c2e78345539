"""Where the operator socket is, and the file that control holds: two rules, for Settings and for `pumpd stop`.

A stop does not wait until the whole configuration is read and checked, and needs no more of it than this.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pumpd.settings_file import Read


def operator_socket(state_dir: Path, socket: Path | None) -> Path:
    """The operator socket of a gateway with these settings."""
    return socket or state_dir / "control.sock"


def control_lock(state_dir: Path) -> Path:
    """The file that control holds while it runs, so that a second one touches neither journal nor pump."""
    return state_dir / "control.lock"


@dataclass(frozen=True, slots=True)
class SocketPaths:
    """The paths that a client of control needs, under the names that they have in Settings."""

    socket_path: Path
    lock_path: Path

    @classmethod
    def read(cls, config: Path) -> Self | None:
        """From the files of the configuration; nothing else in them is checked. None if they do not give them."""
        found = Read(config)
        state_dir, socket = found.merged.get("state_dir"), found.merged.get("socket")
        if found.problems or not isinstance(state_dir, str) or not isinstance(socket, str | None):
            return None
        return cls(operator_socket(Path(state_dir), Path(socket) if socket else None), control_lock(Path(state_dir)))
