"""A process that this one starts, and ends by its own id."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STARTS_WITHIN_S = 20.0


class StartError(Exception):
    """A program is missing or did not start; the message says what to do."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


class Child:
    """A program with its output in a log file."""

    def __init__(self, log: Path, command: Sequence[str], user: int | None = None) -> None:
        self.log, self._command, self._user = log, command, user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, answers: Callable[[], bool], environment: Mapping[str, str] | None = None) -> None:
        """Returns when it answers. Raises StartError."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, found on this machine
                self._command, stdout=log, stderr=log, user=self._user, group=self._user, env=environment
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                tail = self.log.read_text("utf-8", errors="replace")[-2000:]
                raise StartError(f"{self._command[0]} did not start:\n{tail}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Raises StartError when it does not run."""
        if self._process is None:
            raise StartError(f"{self._command[0]} does not run")
        return self._process.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False
