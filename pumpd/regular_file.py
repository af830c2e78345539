"""Reading a file that must be a file: a pipe or a device in its place would hold the reader up without end."""

import errno
import os
import stat
from pathlib import Path


def content(path: Path) -> bytes:
    """All of a file, through links. Raises OSError, also for anything that is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a directory, not a file", str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file", str(path))
        return file.read()
