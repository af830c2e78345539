"""A power cut at the n-th change of a disk: files opened for writing, renamed, removed, linked, chmodded, locked."""

import contextlib
import os
import sys
from collections.abc import Iterator

_CHANGES = {
    *("os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate"),
    *("sqlite3.connect", "shutil.rmtree"),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class PowerCutError(BaseException):
    """No handler of an error may catch it."""


class _Power:
    """`left`: changes until the power fails; None: it does not. Once it has failed, nothing changes any more."""

    left: int | None = None
    changes = 0


_hooked = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _Power.left is None:
        return
    if event == "open":
        flags = arguments[2]
        if isinstance(arguments[0], int) or not (isinstance(flags, int) and flags & _WRITING):
            return  # a descriptor, or only read
    elif event not in _CHANGES:
        return
    if _Power.left <= 0:
        raise PowerCutError
    _Power.left -= 1


@contextlib.contextmanager
def power_cut(after: int) -> Iterator[None]:
    """Within, the power fails after this many changes; raises PowerCutError."""
    global _hooked  # noqa: PLW0603  # an audit hook cannot be removed
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    _Power.left = after
    try:
        yield
    finally:
        _Power.left = None
