"""A state directory that a command of root has for itself, although it belongs to the user of control.

Promises:
- While it is closed, nobody but root can make, rename or remove anything in it: a path that was checked leads where it
  led. So what root writes, changes or erases there is in there.
- It is opened without following a symbolic link. What pumpd itself writes there and is a link, is refused.
- Interrupted, it stays closed: control does not start on half of a restore. The same command opens it again.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pumpd.host.file_writing import open_folder, refuse_other
from pumpd.host.files import Owners, row

_MODE = 0o700


@contextlib.contextmanager
def closed(state_dir: Path, owners: Owners, *, own: tuple[Path, ...] = ()) -> Iterator[None]:
    """`own`: files in it that are about to be written. Nothing is closed for another user than root, nor where one
    person runs everything. Raises InTheWayError, OSError.
    """
    if os.geteuid() != 0 or owners.one_person:
        yield
        return
    wanted = row("state directory")
    user, group = owners.numbers(wanted)
    folder = open_folder(state_dir)
    try:
        os.fchown(folder, 0, group)
        os.fchmod(folder, _MODE)
        for path in own:
            refuse_other(path, folder)
        yield
    finally:
        os.fchmod(folder, wanted.mode)
        os.fchown(folder, user, group)
        os.close(folder)
