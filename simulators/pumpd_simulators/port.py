"""Ports that serve an outlet of the bench: a pseudo-terminal under a name of your choice, or a TCP port.

Promises:
- Bytes take the time that the baud rate implies, in each direction (10 bits per byte, or the device's `bits_a_byte`),
  unless pacing is off; a frame is passed on at the instant at which its last byte would arrive. Pacing is I/O: it stays
  real whatever the plant's speed.
- Clients may come and go; the pump continues by itself. TCP serves one client at a time and rejects a second one.
- A pseudo-terminal's link replaces a stale link, never a file or the link of a running simulator, and is removed at the
  end. After a kill it stays; the next simulator under that name replaces it.
- A pulled cable: the terminal hangs up its client and comes back under the same name; TCP drops its client.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import socket
import termios
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pumpd_simulators.cables import Outlet
from pumpd_simulators.opens import Opens

BITS_A_BYTE = 10
LOOPBACK = "127.0.0.1"
_CHUNK = 256


def host_port(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[HOST]:PORT`, or `PORT` on the loopback. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{text!r} is not HOST:PORT, such as {LOOPBACK}:8440")
    return host.strip("[]") or LOOPBACK, int(port)


class Pace:
    """One direction of a line: calls back when all bytes given so far would have been transmitted.

    During a callback, `due` is its planned instant: the next transmission starts from there, so that a late timer does
    not slow the line down.
    """

    def __init__(self, outlet: Outlet, *, paced: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._outlet = outlet
        self._paced = paced
        self._free_at = 0.0
        self._waiting: deque[asyncio.TimerHandle] = deque()
        self.due: float | None = None

    def after(self, count: int, callback: Callable[[], None], start: float | None = None) -> None:
        if not self._paced:
            callback()
            return
        begin = self._loop.time() if start is None else start
        device = self._outlet.device
        bits = getattr(device, "bits_a_byte", BITS_A_BYTE)
        self._free_at = end = max(self._free_at, begin) + count * bits / device.baud
        self._waiting.append(self._loop.call_at(end, self._arrived, end, callback))

    def _arrived(self, due: float, callback: Callable[[], None]) -> None:
        self._waiting.popleft()
        self.due = due
        try:
            callback()
        finally:
            self.due = None

    def forget(self) -> None:
        while self._waiting:
            self._waiting.popleft().cancel()


def _claimed(path: Path) -> socket.socket:
    """A name in the system that only one simulator has for this path; the system gives it back even after a kill."""
    whole = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - the link itself is not resolved
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0pumpsim {hashlib.sha256(whole.encode()).hexdigest()}")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            claim.close()
            raise FileExistsError(
                f"{path} is served by another pumpsim; end that one, or choose another path"
            ) from error
        # A system without such names serves the path all the same.
    return claim


class PtyPort:
    """Serves an outlet on a pseudo-terminal that `path` links to."""

    def __init__(self, outlet: Outlet, path: Path, *, paced: bool = True) -> None:
        self.address = str(path)
        self._outlet = outlet
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._in = Pace(outlet, paced=paced)
        self._out = Pace(outlet, paced=paced)
        self._master: int | None = None
        self._slave: int | None = None
        self._speeds: list[Any] = []
        self._opens: Opens | None = None
        self._claim: socket.socket | None = None

    async def open(self) -> None:
        """Raises FileExistsError when the path is a file, or a running simulator's; OSError for other problems."""
        self._claim = _claimed(self._path)
        try:
            self.plug()
        except OSError:
            self._claim.close()
            raise
        self._outlet.port = self

    async def close(self) -> None:
        self._outlet.port = None
        self.unplug()
        if self._claim is not None:
            self._claim.close()

    def plug(self) -> None:
        if self._master is not None:
            return
        if os.path.lexists(self._path):
            if not self._path.is_symlink():
                raise FileExistsError(f"{self._path} exists and is not a link: it is left alone")
            self._path.unlink()
        # The slave end stays open here, so that the line holds when clients come and go.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._speeds = termios.tcgetattr(self._slave)[4:6]
        os.set_blocking(self._master, False)
        try:
            self._path.symlink_to(os.ttyname(self._slave))
        except OSError as error:
            self._close_ends()
            raise OSError(f"{self._path} cannot be made: {error.strerror}; name another --pty") from error
        self._loop.add_reader(self._master, self._readable)
        self._outlet.attach(self._from_pump)
        self._opens = Opens(os.ttyname(self._slave), self._outlet.opened)

    def unplug(self) -> None:
        if self._master is None or self._slave is None:
            return
        self._in.forget()
        self._out.forget()
        self._outlet.detach()
        self._loop.remove_reader(self._master)
        if self._opens is not None:
            self._opens.close()
        with contextlib.suppress(OSError):
            if self._path.is_symlink() and self._path.readlink() == Path(os.ttyname(self._slave)):
                self._path.unlink()
        self._close_ends()

    def _close_ends(self) -> None:
        for end in (self._master, self._slave):
            if end is not None:
                os.close(end)
        self._master = self._slave = None

    def _readable(self) -> None:
        master = self._master
        if master is None:
            return
        try:
            data = os.read(master, _CHUNK)
        except OSError:
            return
        self._forget_settings()
        # No more is read until these bytes are through: the kernel's buffer holds a client back, as a line does.
        self._loop.remove_reader(master)
        self._in.after(len(data), lambda: self._arrived(master, data))

    def _forget_settings(self) -> None:
        """A pseudo-terminal does not support 7E1 and keeps 8N1; glibc then returns EINVAL to a request for 7E1 that
        changes nothing else. So that the next client's speed is a change, this client's speed is not kept: it has no
        effect here.
        """
        assert self._slave is not None  # it is open while the master is
        now = termios.tcgetattr(self._slave)
        if now[4:6] != self._speeds:
            now[4:6] = self._speeds
            termios.tcsetattr(self._slave, termios.TCSANOW, now)

    def _arrived(self, master: int, data: bytes) -> None:
        if self._master == master:
            self._loop.add_reader(master, self._readable)
            self._outlet.feed(data)

    def _from_pump(self, data: bytes) -> None:
        self._out.after(len(data), lambda: self._write(data), self._in.due)

    def _write(self, data: bytes) -> None:
        if self._master is not None:
            with contextlib.suppress(OSError):  # no reader and a full buffer: the bytes are lost, as on a line
                os.write(self._master, data)


class TcpPort:
    """Serves an outlet on a TCP port, as a serial device server does."""

    def __init__(self, outlet: Outlet, host: str, port: int, *, paced: bool = True) -> None:
        self.address = f"tcp://{host}:{port}"
        self._outlet = outlet
        self._host, self._port = host, port
        self._in = Pace(outlet, paced=paced)
        self._out = Pace(outlet, paced=paced)
        self._server: asyncio.Server | None = None
        self._client: asyncio.Transport | None = None
        self._plugged = True

    async def open(self) -> None:
        """Raises OSError when the address cannot be served. With port 0 the system chooses; see `address`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), self._host, self._port)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"tcp://{host}:{port}"
        self._outlet.port = self

    async def close(self) -> None:
        self._outlet.port = None
        self.unplug()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def take(self, client: asyncio.Transport) -> bool:
        if self._client is not None or not self._plugged:
            return False
        self._client = client
        self._outlet.attach(self._from_pump)
        return True

    def heard(self, data: bytes) -> None:
        client = self._client
        if client is None:
            return
        client.pause_reading()
        self._in.after(len(data), lambda: self._arrived(client, data))

    def lost(self, client: asyncio.Transport) -> None:
        if client is self._client:
            self._client = None
            self._in.forget()
            self._out.forget()
            self._outlet.detach()

    def _arrived(self, client: asyncio.Transport, data: bytes) -> None:
        if client is self._client:
            client.resume_reading()
            self._outlet.feed(data)

    def _from_pump(self, data: bytes) -> None:
        self._out.after(len(data), lambda: self._write(data), self._in.due)

    def _write(self, data: bytes) -> None:
        if self._client is not None:
            self._client.write(data)

    def plug(self) -> None:
        self._plugged = True

    def unplug(self) -> None:
        self._plugged = False
        if self._client is not None:
            self._client.abort()
            self.lost(self._client)


class _Client(asyncio.Protocol):
    """One TCP connection; the port decides whether to serve it."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a TCP server makes stream transports")
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._port.take(transport):
            self._transport = transport
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._port.heard(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._transport is not None:
            self._port.lost(self._transport)
            self._transport = None
