"""The lock that control holds while it runs, for a command that must be alone on a state directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pumpd.host.files import Owners, row


class ControlRunsError(OSError):
    """Control, or another such command, runs on this state directory."""


@contextlib.contextmanager
def alone(path: Path, owners: Owners) -> Iterator[None]:
    """Hold the lock; control does not start meanwhile. Raises ControlRunsError, OSError."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if os.geteuid() == 0 and not owners.one_person:  # made by root, it would keep control out
            os.fchown(lock, *owners.numbers(row("control's lock")))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ControlRunsError(
                f"{path.parent} is in use: a control process runs on it; `systemctl stop pumpd-control` first"
            ) from error
        yield
    finally:
        os.close(lock)
