"""Two ways into the machine from outside, both of them QEMU's own: JSON objects, one a line, over a local socket.

`Monitor` is QEMU itself (QMP): cables, throttles, power. `Agent` is Debian's qemu-guest-agent in the machine: it runs a
command as root, without a network.
"""

import base64
import contextlib
import itertools
import json
import shlex
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_S = 60.0  # the machine is emulated, and the host may be busy
_NEW_SESSION = b"\xff"  # to and from the agent: what came before is of an earlier session
_POLL_S = (0.02, 0.05, 0.1, 0.2)


class ChannelError(Exception):
    """The other side refused, or is gone."""


class _Lines:
    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def send(self, message: dict[str, Any], before: bytes = b"") -> None:
        self._socket.sendall(before + json.dumps(message).encode() + b"\n")

    def receive(self, within_s: float) -> dict[str, Any]:
        """The next object. Raises TimeoutError; ChannelError when the other side is gone."""
        self._socket.settimeout(max(0.01, within_s))
        line = self._file.readline()
        if not line:
            raise ChannelError("the machine has ended")
        found: dict[str, Any] = json.loads(line.rpartition(_NEW_SESSION)[2])
        return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class Monitor:
    """QEMU's own monitor. Each call opens it anew, so that nothing is held between two of them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> bool:
        with contextlib.suppress(OSError, ChannelError):
            self.ask("query-status")
            return True
        return False

    def ask(self, command: str, **arguments: Any) -> Any:
        """Raises ChannelError with QEMU's own words."""
        return self.until("", 0.0, command, **arguments)

    def until(self, event: str, within_s: float, command: str = "query-status", **arguments: Any) -> Any:
        """Ask, then wait for an event after it. Raises TimeoutError, ChannelError."""
        lines = _Lines(self._path)
        try:
            end = time.monotonic() + ANSWER_S
            lines.receive(ANSWER_S)  # the greeting
            self._asked(lines, "qmp_capabilities", {}, end)
            found, seen = self._asked(lines, command, arguments, end)
            end = time.monotonic() + within_s
            while event and event not in seen:
                seen = [lines.receive(end - time.monotonic()).get("event")]
        finally:
            lines.close()
        return found

    def _asked(self, lines: _Lines, command: str, arguments: dict[str, Any], end: float) -> tuple[Any, list[Any]]:
        """The answer, and the names of the events that came before it."""
        lines.send({"execute": command, "arguments": arguments})
        seen = []
        while True:
            answer = lines.receive(end - time.monotonic())
            if "error" in answer:
                raise ChannelError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"], seen
            seen.append(answer["event"])


@dataclass(frozen=True)
class Done:
    """How a command in the machine ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"exit status {self.code}\n{self.out}{self.err}"


class Agent:
    """Runs commands in the machine as root. Each call opens the channel anew: the machine may have been reset."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = itertools.count(int(time.monotonic() * 1000))

    def answers(self, within_s: float = 1.0) -> bool:
        try:
            lines = self._open(within_s)
        except (OSError, ChannelError):
            return False
        lines.close()
        return True

    def run(self, command: str, *, within_s: float = ANSWER_S, given: str = "", check: bool = True) -> Done:
        """A line for /bin/sh. Raises AssertionError when it fails and `check` is set; TimeoutError."""
        return self.execute(["/bin/sh", "-c", command], within_s=within_s, given=given, check=check)

    def execute(self, words: list[str], *, within_s: float = ANSWER_S, given: str = "", check: bool = True) -> Done:
        end = time.monotonic() + within_s
        lines = self._open(within_s)
        try:
            what = {"path": words[0], "arg": words[1:], "capture-output": True}
            if given:
                what["input-data"] = base64.b64encode(given.encode()).decode()
            pid = self._ask(lines, "guest-exec", what, end)["pid"]
            for pause in itertools.chain(_POLL_S, itertools.repeat(_POLL_S[-1])):
                found = self._ask(lines, "guest-exec-status", {"pid": pid}, end)
                if found["exited"]:
                    break
                time.sleep(pause)
        finally:
            lines.close()
        out, err = (base64.b64decode(found.get(name, "")).decode(errors="replace") for name in ("out-data", "err-data"))
        done = Done(found.get("exitcode", 128 + found.get("signal", 0)), out, err)
        assert not check or done.code == 0, f"{shlex.join(words)}: {done.text}"
        return done

    def _open(self, within_s: float) -> _Lines:
        """A new session: what an earlier one left unread is skipped."""
        lines = _Lines(self._path)
        number = next(self._numbers)
        try:
            end = time.monotonic() + within_s
            lines.send({"execute": "guest-sync-delimited", "arguments": {"id": number}}, _NEW_SESSION)
            while not self._is_answer(lines, number, end):
                pass
        except BaseException:
            lines.close()
            raise
        return lines

    def _is_answer(self, lines: _Lines, number: int, end: float) -> bool:
        try:
            return lines.receive(end - time.monotonic()).get("return") == number
        except ValueError:  # half an answer, from before a reset
            return False

    def _ask(self, lines: _Lines, command: str, arguments: dict[str, Any], end: float) -> Any:
        lines.send({"execute": command, "arguments": arguments})
        answer = lines.receive(end - time.monotonic())
        if "error" in answer:
            raise ChannelError(f"{command}: {answer['error']['desc']}")
        return answer["return"]
