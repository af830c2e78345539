"""The lock of a state directory: control holds it while it runs, and so does a command that must be alone there."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pumpd.host.file_writing import in_the_way
from pumpd.host.files import Owners, mode_of, row


class ControlRunsError(OSError):
    """Control, or a command that must be alone, runs on this state directory."""


@contextlib.contextmanager
def alone(path: Path, owners: Owners) -> Iterator[None]:
    """For a command: control does not start meanwhile. Raises ControlRunsError, OSError."""
    lock = _made(path)
    try:
        if os.geteuid() == 0 and not owners.one_person:  # made by root, it would keep control out
            os.fchown(lock, *owners.numbers(row("control's lock")))
        _take(lock, f"{path.parent} is in use: a control process runs on it; `systemctl stop pumpd-control` first")
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def control_alone(path: Path) -> Iterator[None]:
    """For control, which also starts on a disk that is full or read-only. Raises ControlRunsError, OSError."""
    try:
        lock = _made(path)
    except OSError as error:  # then no other process can make the file either
        try:
            lock = os.open(path if path.exists() else path.parent, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError as closed:
            raise error from closed
    try:
        _take(lock, f"{path.parent} is in use: another pumpd control process runs on it")
        yield
    finally:
        os.close(lock)


def _made(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode_of("control's lock"))
    except OSError as error:
        if error.errno == errno.ELOOP:  # root would give away what the link leads to
            raise in_the_way(path, "file") from error
        if not isinstance(error, PermissionError):
            raise
        why = f"this user may not write here; use the user who owns {path.parent}, or sudo"
        raise PermissionError(error.errno, why, str(path)) from error


def _take(lock: int, in_use: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ControlRunsError(in_use) from error
