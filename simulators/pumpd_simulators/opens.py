"""Notices that a program opens a file, such as a pseudo-terminal, by Linux's inotify. Elsewhere nothing is noticed.

A pseudo-terminal does not tell its other end that it was opened, as the DTR line of a serial port does.
"""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable

_IN_OPEN = 0x20
_EVENTS = 4096


class Opens:
    """Calls back after the file was opened, once for opens in quick succession."""

    def __init__(self, path: str, callback: Callable[[], None]) -> None:
        self._loop, self._callback = asyncio.get_running_loop(), callback
        self._fd: int | None = None
        system = ctypes.CDLL(None)
        if not hasattr(system, "inotify_init1"):
            return
        fd = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:  # the user has no more of them
            return
        self._fd = fd
        if system.inotify_add_watch(fd, os.fsencode(path), _IN_OPEN) >= 0:
            self._loop.add_reader(fd, self._noticed)

    def close(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _noticed(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, _EVENTS)
            self._callback()
