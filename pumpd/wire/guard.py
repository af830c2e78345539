"""Control's side of the deadman: the process that stops the pump when control no longer renews the permission to flow.

Promises:
- `arm` returns only after the deadman has confirmed that it is armed: a start may be sent then.
- `renew` never waits. When a deadman died, refused, or did not reply within ACKNOWLEDGED_WITHIN_S, `on_trouble` is
  called at once, and `trouble` holds the reason until the guard is armed again.
- Only `stand_down` disarms: not `close`, not the end of this process, not a dropped guard.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pumpd.texts import text

ACKNOWLEDGED_WITHIN_S = 0.5
SPAWNED_WITHIN_S = 3.0  # for starting Python on a slow, busy gateway
CLOSED_WITHIN_S = 1.0
LONGEST_PATH = 107  # bytes, of a socket in the file system (unix(7))
DEADMAN = Path(__file__).with_name("deadman.py")


class GuardError(Exception):
    """The deadman cannot be relied on; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a deadman did while there was no control. `state` is idle, armed (not lapsed) or stopping."""

    state: str
    stopping_for_s: float | None
    frames_written: int


@dataclass(slots=True, eq=False)
class _Sent:
    word: str
    answer: asyncio.Future[str]
    late: asyncio.TimerHandle


class Guard:
    """One deadman. `report` is None for one that this control has started itself."""

    def __init__(self, connection: socket.socket, pid: int | None, on_trouble: Callable[[str], None] | None) -> None:
        connection.setblocking(False)
        self.report: Report | None = None
        self.pid = pid
        self.trouble = ""
        self.on_trouble = on_trouble
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._sent: deque[_Sent] = deque()
        self._partial = b""
        self._ended = asyncio.Event()
        self._loop.add_reader(connection, self._readable)

    @classmethod
    async def spawn(
        cls,
        fd: int,
        frames: Sequence[bytes],
        socket_path: Path,
        *,
        gap_s: float = 0.1,
        on_trouble: Callable[[str], None] | None = None,
    ) -> "Guard":
        """Start a deadman for the port of `fd`, which listens on `socket_path`. Raises GuardError."""
        if len(os.fsencode(socket_path)) > LONGEST_PATH:
            raise GuardError(
                text(
                    "deadman.path",
                    "{path} is longer than {most} bytes, the limit for a socket: shorten it",
                    path=socket_path,
                    most=LONGEST_PATH,
                )
            )
        ours, theirs = socket.socketpair()
        try:
            pid = _run(theirs, socket_path)
        except OSError as error:
            ours.close()
            raise GuardError(text("deadman.no_start", "the deadman does not start: {error}", error=error)) from error
        finally:
            theirs.close()
        guard = cls(ours, pid, on_trouble)
        try:
            await guard.attach(fd, within_s=SPAWNED_WITHIN_S)
            await guard.set_stop(frames, gap_s=gap_s)
        except BaseException:
            await guard.close()
            raise
        return guard

    @classmethod
    async def take_over(cls, socket_path: Path, *, on_trouble: Callable[[str], None] | None = None) -> "Guard | None":
        """The deadman that a previous control left behind, with its `report`; None when there is none.

        It lets the port be opened, and pauses its stop frames for 5 s; a running lease continues. Call `stand_down`
        when the pump is stopped, or `attach` and renew when the infusion continues. Raises GuardError when it does not
        reply, or its control is still alive.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(socket_path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            raise GuardError(text("deadman.socket", "{path}: {error}", path=socket_path, error=error)) from error
        guard = cls(connection, None, on_trouble)
        try:
            _, state, since, written = (await guard._ask("yield")).split(" ")
        except GuardError:
            if guard._ended.is_set():  # it was about to end
                return None
            guard._end("closed")
            raise
        stopping_for_s = (_now_ns() - int(since)) / 1e9 if state == "stopping" else None
        guard.report = Report(state, stopping_for_s, int(written))
        return guard

    @property
    def alive(self) -> bool:
        return not self.trouble

    @property
    def ended(self) -> bool:
        """Whether the deadman is gone, so that it cannot be armed, renewed or stood down."""
        return self._ended.is_set()

    async def attach(self, fd: int, *, within_s: float | None = None) -> None:
        """Let it write to a duplicate of `fd`; call this each time the port was opened. Raises GuardError."""
        await self._ask("port", within_s, fd)

    async def set_stop(self, frames: Sequence[bytes], *, gap_s: float = 0.1) -> None:
        """Set the frames that stop the pump without replies, and the least pause between two. Raises GuardError."""
        await self._ask(f"stop {round(gap_s * 1000)} {' '.join(frame.hex() for frame in frames)}")

    async def arm(self, lease_s: float) -> None:
        """Start a lease of `lease_s` from now. After a GuardError nothing may be started."""
        self.trouble = "" if not self._ended.is_set() else self.trouble
        await self._ask(_lease(lease_s))

    def renew(self, lease_s: float) -> bool:
        """Extend the lease to `lease_s` from now. Returns whether the deadman has replied to everything so far."""
        with contextlib.suppress(GuardError):
            self._send(_lease(lease_s)).add_done_callback(_retrieve)
        return self.alive

    async def stand_down(self) -> None:
        """Nothing flows: no lease runs, no stop frames are written. Raises GuardError."""
        await self._ask("stand-down")

    async def close(self) -> None:
        """End it, and wait for that. An armed deadman continues until its lease is over, and then stops the pump."""
        self.on_trouble = None
        with contextlib.suppress(GuardError, TimeoutError):
            await self._ask("bye")
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await self._ended.wait()
            await self._leave()
        self._end("closed")

    # -- lines and replies -----------------------------------------------------------------------------------

    async def _ask(self, line: str, within_s: float | None = None, fd: int | None = None) -> str:
        return await self._send(line, within_s, fd)

    def _send(self, line: str, within_s: float | None = None, fd: int | None = None) -> asyncio.Future[str]:
        """Send a line. The future gets the text after its `ok`, or a GuardError."""
        if self._ended.is_set():
            raise GuardError(self.trouble)
        data = f"{line}\n".encode("ascii")
        try:
            count = socket.send_fds(self._socket, [data], [] if fd is None else [fd])
        except BlockingIOError as error:
            self._report(text("deadman.no_line", "the deadman accepts no line"))
            raise GuardError(self.trouble) from error
        except OSError as error:
            self._end(text("deadman.died", "the deadman has died"))
            raise GuardError(self.trouble) from error
        answer: asyncio.Future[str] = self._loop.create_future()
        late = self._loop.call_later(ACKNOWLEDGED_WITHIN_S if within_s is None else within_s, self._late, answer)
        self._sent.append(_Sent(line.partition(" ")[0], answer, late))
        if count < len(data):
            self._end(text("deadman.half_line", "the deadman accepted half a line"))
        return answer

    def _readable(self) -> None:
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._answered(line.decode("ascii", "replace"))
        if not data:
            self._end(text("deadman.died", "the deadman has died"))

    def _answered(self, line: str) -> None:
        if not self._sent:
            return
        sent = self._sent.popleft()
        sent.late.cancel()
        verdict, _, rest = line.partition(" ")
        if verdict == "ok" and not sent.answer.done():
            sent.answer.set_result(rest)
        elif verdict != "ok":
            self._fail(sent.answer, text("deadman.refuses", "the deadman refuses: {why}", why=rest))
            if sent.word == "lease":
                self._report(text("deadman.refuses", "the deadman refuses: {why}", why=rest))

    def _late(self, answer: asyncio.Future[str]) -> None:
        """The line stays queued: its reply may still come, and must not count for a later line."""
        self._fail(answer, text("deadman.silent", "the deadman does not answer"))
        self._report(text("deadman.silent", "the deadman does not answer"))

    def _end(self, why: str) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        while self._sent:
            sent = self._sent.popleft()
            sent.late.cancel()
            self._fail(sent.answer, why)
        self._report(why)
        if not self._reaped():  # it closes its socket a moment before it ends
            self._loop.call_later(0.2, self._reaped)

    def _report(self, why: str) -> None:
        first, self.trouble = not self.trouble, self.trouble or why
        if first and self.on_trouble:
            self.on_trouble(why)

    @staticmethod
    def _fail(answer: asyncio.Future[str], why: str) -> None:
        if not answer.done():
            answer.set_exception(GuardError(why))

    async def _leave(self) -> None:
        for _ in range(round(CLOSED_WITHIN_S / 0.005)):
            if self._reaped():
                return
            await asyncio.sleep(0.005)

    def _reaped(self) -> bool:
        """Whether there is no child process left to wait for."""
        if self.pid is not None:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                    return False
            self.pid = None
        return True


def _run(its_end: socket.socket, path: Path) -> int:
    """Returns the process id. Without asyncio, which kills a child that is garbage-collected, and `subprocess`."""
    command = [sys.executable, "-I", "-S", str(DEADMAN), str(path)]
    stdin = (os.POSIX_SPAWN_DUP2, its_end.fileno(), 0)
    stdout = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)  # so that no reader of control's output waits
    return os.posix_spawn(command[0], command, os.environ, file_actions=[stdin, stdout], setsid=True)


def _lease(lease_s: float) -> str:
    return f"lease {_now_ns() + round(lease_s * 1e9)}"


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _retrieve(answer: asyncio.Future[str]) -> None:
    """Nothing waits for this reply: an error is in `trouble`."""
    if not answer.cancelled():
        answer.exception()
