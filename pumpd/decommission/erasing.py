"""Erase a gateway's files, and see that they are gone. It can be interrupted at any point and continued.

Promises:
- Only listed paths are erased, and no symbolic link is followed: the link is removed, not what it leads to.
- A file is overwritten once and then removed. That reaches what the file system can reach, and no copy that a flash
  card keeps for wear levelling; the protocol says so.
- The configuration is erased last.
"""

import os
import stat
from pathlib import Path

from pumpd.host.files import Kind, places
from pumpd.settings import Settings

_PIECE = 1 << 20
KEPT = frozenset({"control.lock"})  # empty; it is held until the end, so that control does not start


def of_gateway(settings: Settings, config: Path) -> list[Path]:
    """Everything to erase but the configuration: the whole state directory, and what the table of files names."""
    own = set(of_configuration(config))
    files = [each.path for each in places(settings, config) if each.row.kind is Kind.FILE]
    found = [*_below(settings.state_dir), *(path for each in files for path in _matching(each))]
    return [path for path in dict.fromkeys(found) if path.name not in KEPT and path not in own]


def of_configuration(config: Path) -> list[Path]:
    """The configuration itself, and what is beside it: its signature, drop-ins, and the keys that were trusted."""
    beside = [*config.parent.glob(f"{config.name}.*"), *config.with_suffix(".d").glob("*")]
    found = [config, *beside, *(config.parent / "trust").glob("*")]
    return [path for path in found if os.path.lexists(path) and not path.is_dir()]


def _below(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    return [each for path in sorted(folder.iterdir()) for each in (*_below(path), path)]


def _matching(path: Path) -> list[Path]:
    if path.name == "*":
        return sorted(each for each in path.parent.glob("*") if not each.is_dir())
    return [path] if os.path.lexists(path) else []


def erase(path: Path) -> None:
    """Overwrite and remove. Raises OSError; a path that is gone already is none."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        path.rmdir()
        return
    if stat.S_ISREG(mode):
        _overwrite(path)
    path.unlink()


def _overwrite(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        left = os.fstat(descriptor).st_size
        while left > 0:
            left -= file.write(bytes(min(left, _PIECE))) or 0
        os.fsync(descriptor)
