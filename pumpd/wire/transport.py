"""Opening a port: a serial device by its path, `tcp://HOST:PORT` (or `socket://`), `memory://NAME`.

Promises:
- `write` never blocks and never reorders; on a lost port it raises at once.
- A serial port is opened exclusively: opening it a second time is refused, and the program that has it is named.
- A link that leads to another program's pseudo-terminal by now is refused.
- Bytes that another program took from a serial port end the connection, and that program is named.
- `open_transport` ends within its time-out, even when the device driver's own open() does not return.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import select
import socket
import termios
import threading
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import serial

from pumpd.texts import of_error, text
from pumpd.wire.errors import LinkLostError, PortError
from pumpd.wire.holders import bytes_taken, in_use
from pumpd.wire.line import LineSettings, OnBytes, OnLost, Transport
from pumpd.wire.memory import connect as connect_memory
from pumpd.wire.port_links import stale

OPEN_TIMEOUT_S = 3.0
MOST_UNSENT_BYTES = 4096  # far more than one exchange in flight
_CHUNK = 4096
_IN_USE = (errno.EBUSY, errno.EAGAIN)

_WHY = {
    errno.ENOENT: text("port.none", "there is no such port; check that the cable is plugged in"),
    errno.ENODEV: text("port.device_missing", "the device is missing; check that the cable is plugged in"),
    errno.ENXIO: text("port.device_missing", "the device is missing; check that the cable is plugged in"),
    errno.EACCES: text("port.permission", "permission denied; the user needs access to serial ports (group dialout)"),
    errno.ENOTTY: text("port.not_serial", "this is not a serial port"),
    errno.EISDIR: text("port.directory", "this is a directory, not a serial port"),
}


class _Closable(Protocol):
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class DescriptorTransport:
    """Bytes over a non-blocking descriptor: a serial device, a pseudo-terminal or a socket."""

    def __init__(self, port: str, owner: _Closable, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._port, self._owner, self._on_bytes = port, owner, on_bytes
        self._on_lost: OnLost | None = on_lost
        self._fd: int | None = owner.fileno()
        self._is_serial = os.isatty(self._fd)
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._readable)

    def fileno(self) -> int | None:
        return self._fd

    def write(self, data: bytes) -> None:
        if self._fd is None:
            raise LinkLostError(text("port.closed", "{port} is closed", port=self._port), sent=False)
        if self._unsent:
            if len(self._unsent) + len(data) > MOST_UNSENT_BYTES:
                raise LinkLostError(text("port.full", "{port} accepts no more bytes", port=self._port), sent=False)
            self._unsent += data
            return
        try:
            count = os.write(self._fd, data)
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.close()
            raise LinkLostError(
                text("port.failed", "{port}: {why}", port=self._port, why=error.strerror), sent=False
            ) from error
        if count < len(data):
            self._unsent += data[count:]
            self._loop.add_writer(self._fd, self._writable)

    def close(self) -> None:
        self._on_lost = None
        self._release()

    def _release(self) -> None:
        if self._fd is None:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._fd = None
        self._unsent.clear()
        with contextlib.suppress(OSError):  # it may not be locked; a deadman's duplicate would keep a lock
            fcntl.flock(self._owner.fileno(), fcntl.LOCK_UN)
        with contextlib.suppress(OSError):  # the descriptor of an unplugged port may complain; it is closed
            self._owner.close()

    def _lost(self, why: str) -> None:
        self._release()
        if self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(text("port.failed", "{port}: {why}", port=self._port, why=why))

    def _bytes_taken(self) -> None:
        """The connection ends now; who took the bytes is looked for in a thread. A write meanwhile says less."""
        self._release()

        def look() -> None:
            why = bytes_taken(self._port)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._lost, why)

        threading.Thread(target=look, name="pumpd-who-has-the-port", daemon=True).start()

    def _readable(self) -> None:
        if self._fd is None:
            return
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or text("port.it_failed", "it failed"))
            return
        if data:
            self._on_bytes(data)
        elif self._is_serial and not _hung_up(self._fd):
            self._bytes_taken()
        else:
            self._lost(text("port.other_end", "the other end is gone"))

    def _writable(self) -> None:
        if self._fd is None:
            return
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or text("port.it_failed", "it failed"))
            return
        if not self._unsent:
            self._loop.remove_writer(self._fd)


def _hung_up(fd: int) -> bool:
    """Whether the other end of a serial port is gone. If not, announced bytes that are missing were read by others."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))


def has_descriptor(port: str) -> bool:
    """Whether this kind of port has a descriptor that can be passed to another process."""
    return not port.startswith("memory://")


async def open_transport(
    port: str, line: LineSettings, on_bytes: OnBytes, on_lost: OnLost, timeout_s: float = OPEN_TIMEOUT_S
) -> Transport:
    """Open the port. Raises PortError, an OSError whose message gives the port and the reason."""
    scheme, _, rest = port.partition("://")
    if rest and scheme == "memory":
        return connect_memory(rest, line, on_bytes, on_lost)
    if rest and scheme not in ("tcp", "socket"):
        raise PortError(
            text(
                "port.scheme",
                "port {port}: {scheme}:// is not known; give a device path, tcp://HOST:PORT or memory://NAME",
                port=port,
                scheme=scheme,
            )
        )
    owner: _Closable
    try:
        async with asyncio.timeout(timeout_s):
            owner = await (_open_socket(port) if rest else _open_serial(port, line))
    except TimeoutError as error:
        raise PortError(
            text(
                "port.too_slow", "port {port}: it did not open within {seconds} s", port=port, seconds=f"{timeout_s:g}"
            )
        ) from error
    except OSError as error:
        if isinstance(error, PortError):
            raise
        raise PortError(text("port.why", "port {port}: {why}", port=port, why=_why(error))) from error
    return DescriptorTransport(port, owner, on_bytes, on_lost)


def _why(error: OSError) -> str:
    """The reason in words."""
    number = _number(error)
    if number is None:
        return of_error(error)
    return _WHY.get(number) or os.strerror(number).lower()


def _number(error: OSError) -> int | None:
    """Pyserial hides the system's error number in the error that it was handling."""
    number = error.errno
    if number is None and error.__context__ is not None and error.__context__.args:
        number = error.__context__.args[0]
    return number if isinstance(number, int) else None


async def _open_socket(port: str) -> socket.socket:
    try:
        parts = urlsplit(port)
        host, number = parts.hostname, parts.port
    except ValueError:
        host = number = None
    if not host or not number:
        raise PortError(
            text("port.tcp", "port {port}: a host and a port number are needed, as in tcp://127.0.0.1:4001", port=port)
        )
    loop = asyncio.get_running_loop()
    problem: OSError = PortError(text("port.no_address", "port {port}: no address for {host}", port=port, host=host))
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, number, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            await loop.sock_connect(connection, address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise problem


async def _open_serial(path: str, line: LineSettings) -> serial.Serial:
    """Let pyserial set up the port; from then on only its descriptor is used."""

    def work() -> serial.Serial:
        if (reason := stale(path)) is not None:
            raise PortError(text("port.why", "port {port}: {why}", port=path, why=reason))
        asked = line
        if os.path.realpath(path).startswith("/dev/pts/"):
            asked = LineSettings(line.baudrate)  # it has no parity, and a second open that requests one fails
        try:
            opened = serial.Serial(
                path,
                asked.baudrate,
                bytesize=asked.bytesize,
                parity=asked.parity,
                stopbits=asked.stopbits,
                exclusive=True,
            )  # opening raises DTR and RTS, which may power a converter
        except OSError as error:
            if _number(error) in _IN_USE:
                raise PortError(text("port.why", "port {port}: {why}", port=path, why=in_use(path))) from error
            raise
        with contextlib.suppress(OSError, ValueError, NotImplementedError, AttributeError):
            opened.set_low_latency_mode(True)  # best effort: otherwise a USB converter may delay bytes by 16 ms
        return opened

    opened: serial.Serial = await _in_thread(work, undo=lambda late: late.close())
    return opened


async def _in_thread(work: Callable[[], Any], undo: Callable[[Any], None]) -> Any:
    """Run blocking work in a thread that need not be waited for. A result that comes too late is undone."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def deliver(result: Any, error: Exception | None) -> None:
        if done.done():
            if error is None:
                undo(result)
        elif error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except (OSError, ValueError, termios.error) as error:
            problem = error if isinstance(error, OSError) else PortError(of_error(error))
        try:
            loop.call_soon_threadsafe(deliver, result, problem)
        except RuntimeError:  # the loop has ended meanwhile
            if problem is None:
                undo(result)

    threading.Thread(target=run, name="pumpd-open-port", daemon=True).start()
    return await done
