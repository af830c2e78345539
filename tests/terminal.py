"""A command on a pseudo-terminal of its own, and a person who types answers when the questions appear."""

import contextlib
import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Terminal:
    def __init__(self, pid: int, end: int) -> None:
        self.pid, self._end, self.shown, self._seen = pid, end, "", 0

    def until(self, text: str, within_s: float = 60.0) -> None:
        """Wait until this text appears after what was waited for before."""
        end = time.monotonic() + within_s
        while (at := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < end, f"{text!r} did not appear in:\n{self.shown}"
            if not self._read():
                at = self.shown.find(text, self._seen)
                assert at >= 0, f"it ended without {text!r}:\n{self.shown}"
                break
        self._seen = at + len(text)

    def answer(self, question: str, text: str = "") -> None:
        self.until(question)
        self.type(f"{text}\n")

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def ended(self, within_s: float = 90.0) -> int:
        """The exit status."""
        end = time.monotonic() + within_s
        while self._read():
            assert time.monotonic() < end, f"it did not end:\n{self.shown}"
        return self._status()

    def interrupted(self, within_s: float = 90.0) -> int:
        """Ctrl-C, again each second as a person does; the exit status. A process that has just asked and does not read
        yet hears of the first one with the next key only.
        """
        end, again = time.monotonic() + within_s, 0.0
        while self._read():
            assert time.monotonic() < end, f"it did not end:\n{self.shown}"
            if time.monotonic() >= again:
                self.type("\x03")
                again = time.monotonic() + 1.0
        return self._status()

    def _status(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], 0.2)
        if not ready:
            return True
        try:
            got = os.read(self._end, 65_536)
        except OSError:  # the other end is closed
            return False
        self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", got.decode("utf-8", "replace")).replace("\r\n", "\n")
        return bool(got)


def terminal(folder: Path, *arguments: str) -> contextlib.AbstractContextManager[Terminal]:
    """`pumpd` with these arguments, in this directory."""
    return typed(folder, [sys.executable, "-m", "pumpd", *arguments])


@contextlib.contextmanager
def typed(folder: Path, command: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """A command on a terminal, in this directory."""
    pid, end = pty.fork()
    if pid == 0:  # the command; nothing of the test's process is left in it but this
        try:
            os.chdir(folder)
            os.execvpe(command[0], list(command), {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(env or {})})
        finally:
            os._exit(127)
    made = Terminal(pid, end)
    try:
        yield made
    finally:
        os.close(end)
        if made.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(made.pid, signal.SIGKILL)
            os.waitpid(made.pid, 0)
