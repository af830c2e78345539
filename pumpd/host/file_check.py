"""The files on disk compared with the table in `files.py`.

Promises: it follows no symbolic link, changes nothing, and says of each deviation what to do.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pumpd.host.files import Kind, Owners, Place, Row, places
from pumpd.settings import Settings

DENIED = "not checked, this user may not see it"

_TYPES = {Kind.FILE: stat.S_ISREG, Kind.FOLDER: stat.S_ISDIR, Kind.SOCKET: stat.S_ISSOCK}


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing on disk that is not as in the table. `grave`: others may read a secret, or change what is trusted."""

    path: Path
    problem: str
    to_do: str
    grave: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.to_do}"


def deviations(settings: Settings, config: Path, owners: Owners | None = None) -> list[Deviation]:
    """What is on disk and not as in the table, by lstat(2). What is not there is no deviation; what this user may not
    see is one.
    """
    owners = owners or Owners.of(settings.state_dir)
    return [each for place in places(settings, config, owners) for each in compared(place, owners)]


def compared(place: Place, owners: Owners) -> Iterator[Deviation]:
    """The same for one place."""
    try:
        for path in _paths(place.path):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            yield from _kind(place.row, path, status) or _mode_and_owner(place.row, path, status, owners)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        why = DENIED if denied else f"not checked: {error.strerror}"
        yield Deviation(place.path, why, "try again with sudo" if denied else "see what is there", grave=False)


def _paths(path: Path) -> Sequence[Path]:
    if "*" not in path.name:
        return [path]
    try:
        names = os.listdir(path.parent)  # noqa: PTH208  # unlike Path.glob, it says why it cannot
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [path.parent / name for name in sorted(names) if Path(name).match(path.name)]


def _kind(row: Row, path: Path, status: os.stat_result) -> list[Deviation]:
    if _TYPES[row.kind](status.st_mode):
        return []
    link = stat.S_ISLNK(status.st_mode)
    what = "is a symbolic link, which may lead anywhere" if link else f"is no {row.kind}"
    return [Deviation(path, what, f"put the {row.kind} itself there", grave=row.secret or link)]


def _mode_and_owner(row: Row, path: Path, status: os.stat_result, owners: Owners) -> list[Deviation]:
    found = []
    mode = stat.S_IMODE(status.st_mode)
    extra, missing = mode & ~row.mode, row.mode & ~mode
    if owners.one_person:  # the group is that person's own
        extra, missing = extra & (0o077 if row.secret else 0o007), missing & 0o700
    if row.site:
        missing = 0
    if extra or missing:
        problem = f"mode {mode:04o} instead of {row.mode:04o}, so {_effect(row, extra)}"
        grave = bool(extra & 0o022 or (row.secret and extra & 0o044))
        found.append(Deviation(path, problem, f"`chmod {row.mode:04o} {path}`", grave))
    if owners.one_person:
        if status.st_uid not in (0, owners.person):
            problem = f"belongs to {_user(status.st_uid)}, who has no part in this"
            found.append(Deviation(path, problem, "find out who put it there", grave=True))
        return found
    actual = (status.st_uid, status.st_gid)
    wrong = [want not in (-1, is_) for want, is_ in zip(owners.numbers(row), actual, strict=True)]
    if any(wrong):
        whose = f"{row.owner or ''}:{row.group or ''}"
        problem = f"belongs to {_user(actual[0])}:{_group(actual[1])} instead of {whose}"
        found.append(Deviation(path, problem, f"`chown {whose} {path}`", grave=wrong[0]))
    return found


def _effect(row: Row, extra: int) -> str:
    for bits, effect in (
        (0o002, "everyone can change it"),
        (0o004, "everyone can read it"),
        (0o020, "its group can change it"),
        (0o040, "its group can read it"),
    ):
        if extra & bits:
            return effect
    return f"it may not be usable by: {row.readers}" if not extra else "more is allowed than needed"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return f"group {number}"
