"""Stops a pump when its permission to flow is no longer renewed. A separate process, using only the standard library.

`pumpd.wire.guard` runs it as `python -I -S deadman.py SOCKET`, with its end of a socket pair as standard input. Control
sends lines, and each gets one reply line, `ok WORD ...` or `no WORD: reason`:

    port               write to the descriptor that comes with this line, no longer to the previous one
    stop GAP_MS HEX... the frames that stop the pump, and the least pause between two of them
    lease UNTIL_NS     arm, or renew: flow is permitted until this instant of CLOCK_BOOTTIME
    stand-down         nothing flows: disarm, or end the stopping
    bye                end; refused while armed
    yield              sent on SOCKET by a new control once the previous one is gone: I am control now

Promises:
- From the instant of the lapse the stop frames are written, until control sends `stand-down`: in the first second as
  often as any stop (STP-11), then every 0.5 s.
- A lapsed lease is not renewed. A lease that has not lapsed continues when control is gone.
- A line that is refused or not understood changes nothing.
- The deadman never blocks: not on a port that accepts no bytes, a log that nobody reads, or a control that does not
  read.
- It opens no port. After an unplugged cable, another patient's pump may be on the port: control identifies the pump,
  then passes the new descriptor.

CLOCK_BOOTTIME advances while the gateway is suspended, as the pump does; no step of the wall clock changes it (WIN-07).
A lease line carries an instant, not a duration: a line that waited in a buffer permits no more than when it was sent.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import stat
import sys
import termios
import time
from collections.abc import Callable
from typing import Any

FIRST_NS, AGAIN_NS = 1_000_000_000, 125_000_000  # for the first second of a stop, it is written this often (pace.py)
PERIOD_NS = 500_000_000
LONGEST_LEASE_NS = 60_000_000_000
HAND_OVER_NS = 5_000_000_000  # the stop frames pause for a new control, so that it can exchange with the pump
CHECK_AGAIN_MS = 250  # a wait for descriptors does not count the time during which the gateway was suspended
MOST_FRAMES, LONGEST_GAP_MS, LONGEST_LINE = 16, 1000, 4096
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # while armed; Python always ignores SIGPIPE

Log = Callable[..., None]


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Deadman:
    """The lease and the port. `until` is None while no flow is permitted, `since` until the stop frames begin."""

    def __init__(self, log: Log) -> None:
        self.port: int | None = None
        self.frames: tuple[bytes, ...] = ()
        self.until: int | None = None
        self.since: int | None = None
        self.written = 0
        self._log = log
        self._gap_ns = self._turn = self._round = self._next = 0

    @property
    def state(self) -> str:
        return "idle" if self.until is None else "armed" if self.since is None else "stopping"

    def handle(self, line: bytes, now: int, came: int | None = None) -> str:
        """Carry out a line from control and return the reply. `came` is the descriptor that came with it."""
        self.act(now)  # a lapse comes before a renewal that arrives at the same time
        match words := line.decode("ascii", "replace").split(" "):
            case ["port"] if came is not None:
                if self.port is None:
                    self._next, self._turn = now, 0  # nothing was written since the last one was lost
                self.lose_port()
                os.set_blocking(came, False)
                self.port = came
            case ["stop", gap, *frames] if gap.isdecimal() and 0 < len(frames) <= MOST_FRAMES:
                try:
                    given = tuple(bytes.fromhex(frame) for frame in frames)
                except ValueError:
                    given = ()
                if not given or not all(given) or len(gap) > 4 or int(gap) > LONGEST_GAP_MS:
                    return "no stop: not a pause and frames"
                self.frames, self._gap_ns, self._turn = given, int(gap) * 1_000_000, 0
            case ["lease", until] if until.isdecimal() and len(until) < 20:
                if self.since is not None:
                    return "no lease: it has lapsed"
                if self.port is None or not self.frames:
                    return f"no lease: no {'port' if self.port is None else 'frames'} to stop the pump with"
                if not now < int(until) <= now + LONGEST_LEASE_NS:
                    return "no lease: already over, or too long"
                if self.until is None:
                    self.written = 0
                    self._log("deadman_armed")
                self.until = int(until)
            case ["stand-down"]:
                if self.until is not None:
                    self._log("deadman_stood_down", written=self.written)
                self.until = self.since = None
            case ["bye"]:
                if self.until is not None:
                    return f"no bye: {self.state}"
            case _:
                return "no line: not understood"
        return f"ok {words[0]} {self.state}"

    def give_way(self, now: int) -> str:
        """Let a new control open the port. If it does nothing, the stopping continues. Returns the reply to `yield`."""
        self.act(now)
        if self.port is not None:
            with contextlib.suppress(OSError):  # it may not be locked
                fcntl.flock(self.port, fcntl.LOCK_UN)
        self._next = now + HAND_OVER_NS
        self._log("deadman_gave_way", state=self.state, written=self.written)
        return f"ok yield {self.state} {self.since or 0} {self.written}"

    def act(self, now: int) -> None:
        """Detect the lapse; write the frame that is due."""
        if self.until is None or now < self.until:
            return
        lapsed = self.since is None
        if lapsed:
            self.since, self._next, self._turn = now, now, 0
        if now >= self._next:
            if self._turn == 0:
                self._round = now
            self._write(self.frames[self._turn])
            self._turn = (self._turn + 1) % len(self.frames)
            period = AGAIN_NS if self.since is not None and now < self.since + FIRST_NS else PERIOD_NS
            self._next = max(now + self._gap_ns, 0 if self._turn else self._round + period)
        if lapsed:  # logged after the first frame
            self._log("lease_lapsed", "error", late_ms=(now - self.until) / 1e6)

    def wait_ms(self, now: int) -> int | None:
        """How long there is nothing to do except wait for lines; None: without limit."""
        if self.until is None:
            return None
        due = self.until if self.since is None else self._next
        return min(CHECK_AGAIN_MS, max(0, -((now - due) // 1_000_000)))

    def _write(self, frame: bytes) -> None:
        if self.port is None:
            return
        try:
            try:
                count = os.write(self.port, frame)
            except BlockingIOError:
                with contextlib.suppress(termios.error):  # a socket; the next round tries again
                    termios.tcflush(self.port, termios.TCOFLUSH)  # bytes that control left unsent must not delay a stop
                count = os.write(self.port, frame)
            self.written += count == len(frame)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose_port(str(error))

    def lose_port(self, why: str = "") -> None:
        """The descriptor of an unplugged device stays dead; keeping it would keep others from the port."""
        if self.port is not None:
            os.close(self.port)
            self.port = None
            if why:
                self._log("deadman_port_lost", "error", why=why, state=self.state)


class Connection:
    """One client: lines in, replies out. It reads nothing more until its replies are sent."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket, self.ended = connection, False
        self.unsent = b""
        self._partial = b""
        self._came: int | None = None

    def lines(self) -> list[tuple[bytes, int | None]]:
        """The lines that have arrived, `port` with its descriptor."""
        self.reply()
        if self.unsent:
            return []
        try:
            data, came, _, _ = socket.recv_fds(self.socket, LONGEST_LINE, 1)
        except BlockingIOError:
            return []
        except OSError:
            data, came = b"", []
        self.ended = not data
        if came:
            self._forget()
            self._came = came[0]
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LONGEST_LINE:
            self._partial = b"?"  # no line begins with this
        return [(line, self._take() if line == b"port" else None) for line in lines]

    def reply(self, answer: str = "") -> None:
        self.unsent += answer.encode("ascii") + b"\n" if answer else b""
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :] if self.unsent else b""
        except BlockingIOError:
            return
        except OSError:  # it is gone; what it sent before is still handled
            self.unsent = b""

    def close(self) -> None:
        self._forget()
        self.socket.close()

    def _take(self) -> int | None:
        came, self._came = self._came, None
        return came

    def _forget(self) -> None:
        if (came := self._take()) is not None:
            os.close(came)


def serve(deadman: Deadman, control: Connection | None, listener: socket.socket) -> Connection | None:
    """Run until `bye`, or until control is gone while no flow is permitted or the port is lost. Returns who sent `bye`.

    Without a port and without a control there is nothing to write to, and nobody who could pass another descriptor: a
    control that comes later starts its own deadman.
    """
    visitor: Connection | None = None
    while control is not None or (deadman.until is not None and deadman.port is not None):
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        for client in (control, visitor):
            if client is not None:
                poll.register(client.socket, select.POLLOUT if client.unsent else select.POLLIN)
        if deadman.port is not None:
            poll.register(deadman.port, 0)  # always reported: hung up, or failed
        ready = dict(poll.poll(deadman.wait_ms(now_ns())))
        deadman.act(now_ns())
        if deadman.port in ready:
            deadman.lose_port("hung up")
        for client in (control, visitor):
            if client is None or client.socket.fileno() not in ready:
                continue
            for line, came in client.lines():
                if client is control:
                    answer = deadman.handle(line, now_ns(), came)
                    _ignore_signals(armed=deadman.until is not None)
                elif line == b"yield" and control is None:
                    control, visitor, answer = client, None, deadman.give_way(now_ns())
                else:
                    answer = "no yield: control is alive" if line == b"yield" else "no line: send yield first"
                client.reply(answer)
                if answer.startswith("ok bye"):
                    return client
            if client.ended:
                client.close()
                control, visitor = (None if one is client else one for one in (control, visitor))
        if listener.fileno() in ready:
            with contextlib.suppress(OSError):
                newest = Connection(listener.accept()[0])
                if visitor is not None:
                    visitor.close()
                visitor = newest
    return None


def _ignore_signals(*, armed: bool) -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN if armed else signal.SIG_DFL)


def _harden() -> None:
    """As far as permitted: high priority, last to be killed when memory is short, never paged out."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjustment:  # noqa: PTH123
        adjustment.write("-1000")
    with contextlib.suppress(ImportError, OSError, AttributeError, MemoryError):
        import ctypes  # noqa: PLC0415 - a sandbox may forbid what the import needs

        ctypes.CDLL(None).mlockall(1)  # MCL_CURRENT; later allocations are small, and must not fail at a limit


def _listen(path: str) -> socket.socket:
    """The socket at which a new control finds this deadman. Raises OSError when another deadman listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            os.unlink(path)  # noqa: PTH108 - the path of a socket that died
        else:
            raise OSError(f"{path}: another deadman listens here")
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o177)
    listener.bind(path)
    listener.listen(4)
    listener.setblocking(False)
    return listener


def _log_to_stderr() -> Log:
    """JSON lines as `pumpd.logs` writes them. A line that stderr does not accept at once is dropped."""
    kind, descriptor = os.fstat(2).st_mode, 2
    out = socket.socket(fileno=os.dup(2)) if stat.S_ISSOCK(kind) else None
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):  # opened again, so that O_NONBLOCK applies to this process alone
        with contextlib.suppress(OSError):
            descriptor = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    priority = {"info": "<6>", "error": "<3>"} if "JOURNAL_STREAM" in os.environ else {}

    def log(event: str, level: str = "info", **fields: Any) -> None:
        wall = time.time()
        ts = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(wall))}.{int(wall % 1 * 1000):03d}+00:00"
        entry = {"ts": ts, "mono": round(time.monotonic(), 6), "event": event, "level": level, **fields}
        line = f"{priority.get(level, '')}{json.dumps(entry)}\n".encode()
        with contextlib.suppress(OSError):
            _ = out.send(line, socket.MSG_DONTWAIT) if out else os.write(descriptor, line)

    return log


def main() -> None:
    path = sys.argv[1]
    os.closerange(3, 1 << 16)  # descriptors inherited from control
    log = _log_to_stderr()
    listener = _listen(path)
    _harden()
    last = None
    try:
        last = serve(Deadman(log), Connection(socket.socket(fileno=0)), listener)
    finally:
        os.unlink(path)  # noqa: PTH108 - as above
        if last is not None:
            last.close()  # after the unlink: a control that waits for this finds the path free


if __name__ == "__main__":
    main()
