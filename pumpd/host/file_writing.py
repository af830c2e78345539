"""Writing a file of the table in `files.py`: as a whole, with its owner and mode, through no symbolic link.

Promises:
- A file is replaced as a whole: a reader sees the old or the new one, also after a power cut.
- Below the directory that is named as trusted, no symbolic link is followed and none is replaced. So root may write
  below a directory that belongs to another user.
- A secret is never readable by others, not even for a moment.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from pumpd.host.files import Owners, Row


class InTheWayError(OSError):
    """Something else is where the file or directory has to be. Nothing was written to it."""


def in_the_way(path: Path, kind: str) -> InTheWayError:
    return InTheWayError(
        f"{path} is a symbolic link, or no {kind}; pumpd writes through none here. See who made it, and remove it"
    )


def write(row: Row, path: Path, data: bytes, owners: Owners, *, beneath: Path) -> None:
    """Write a file in a directory that exists. `beneath`: the trusted directory above it. Raises OSError."""
    with _opened(path.parent, beneath) as folder:
        refuse_other(path, folder)
        owner = _owner(row, owners, beneath)
        beside = f".{path.name}.{secrets.token_hex(4)}"
        file = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
        )
        try:
            with os.fdopen(file, "wb") as opened:
                _give(opened.fileno(), row.mode, owner)
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=folder)
            raise
        os.fsync(folder)


def read_below(path: Path, *, beneath: Path) -> bytes:
    """The content of a file that no symbolic link leads to. Raises OSError."""
    with _opened(path.parent, beneath) as folder:
        refuse_other(path, folder)
        descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


def make_folder(row: Row, path: Path, owners: Owners, *, beneath: Path) -> None:
    """Make the directory if it is not there, and give it the owner and mode of the row. Raises OSError."""
    with _opened(path.parent, beneath) as above:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.name, row.mode, dir_fd=above)
        with _child(above, path) as folder:
            _give(folder, row.mode, _owner(row, owners, beneath))


def make_trusted(row: Row, path: Path, owners: Owners) -> None:
    """Make the trusted directory itself, with those above it, if it is not there. What is there stays as it is."""
    if path.is_dir():
        return
    path.mkdir(parents=True, mode=row.mode)
    with _opened(path, path) as folder:
        _give(folder, row.mode, owners.numbers(row) if os.geteuid() == 0 else (-1, -1))


@contextlib.contextmanager
def _opened(path: Path, beneath: Path) -> Iterator[int]:
    """A descriptor of the directory: the trusted one, then down without following a link."""
    held = [os.open(beneath, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        at = beneath
        for part in path.relative_to(beneath).parts:
            at /= part
            held.append(_open_child(held[-1], at))
        yield held[-1]
    finally:
        for descriptor in held:
            os.close(descriptor)


@contextlib.contextmanager
def _child(above: int, path: Path) -> Iterator[int]:
    descriptor = _open_child(above, path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_child(above: int, path: Path) -> int:
    try:
        return os.open(path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    except NotADirectoryError as error:  # also for a link, together with O_DIRECTORY
        raise in_the_way(path, "directory") from error


def open_folder(path: Path) -> int:
    """A descriptor of the directory itself, not of what a link leads to. Raises OSError."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:  # also for a link, together with O_DIRECTORY
        raise in_the_way(path, "directory") from error


def refuse_other(path: Path, folder: int) -> None:
    """Raises InTheWayError for something in this directory that is no plain file. What is not there is not refused."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path.name, dir_fd=folder).st_mode):
            raise in_the_way(path, "file")


def _owner(row: Row, owners: Owners, beneath: Path) -> tuple[int, int]:
    """Whose the file becomes. Only root can give it away; for one person it is the owner of the trusted directory."""
    if os.geteuid() != 0:
        return -1, -1
    if owners.one_person:
        status = beneath.stat()
        return status.st_uid, status.st_gid
    return owners.numbers(row)


def _give(descriptor: int, mode: int, owner: tuple[int, int]) -> None:
    status = os.fstat(descriptor)
    if any(want not in (-1, is_) for want, is_ in zip(owner, (status.st_uid, status.st_gid), strict=True)):
        os.fchown(descriptor, *owner)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(descriptor, mode)
