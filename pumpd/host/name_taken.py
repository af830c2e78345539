"""Telemetry's word to control that another machine uses this gateway's name: a file that telemetry holds a lock on.

Telemetry has a network, so control trusts it with nothing: it reads no byte of the file, and the kernel ends the lock
with the process. The worst that a compromised telemetry can do is a false LOW alarm.
"""

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from pumpd.host.files import mode_of, place
from pumpd.settings import Settings
from pumpd.settings_file import DEFAULT_PATH


def path_of(settings: Settings) -> Path:
    return place("the name is taken", settings, DEFAULT_PATH).path


class NameTaken:
    """Held while another machine uses the name. Of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def say(self) -> None:
        """Raises OSError."""
        if self._held is None:
            held = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode_of("the name is taken")
            )
            os.fchmod(held, mode_of("the name is taken"))  # whatever the umask
            fcntl.flock(held, fcntl.LOCK_EX)
            self._held = held

    def end(self) -> None:
        if self._held is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._held)
            self._held = None


def is_taken(path: Path) -> bool:
    """Whether telemetry says so at present. Never waits for what is at this path."""
    with contextlib.suppress(OSError):
        found = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(found).st_mode):
                fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(found)
    return False
