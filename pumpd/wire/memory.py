"""Ports in memory, `memory://NAME`: a simulated pump on the same loop, with the line's own delays.

Promises:
- Bytes take the time that the baud rate implies, one after the other in each direction; a whole write arrives in one
  call, at the instant of its last byte.
- Bytes on the way when the port closed or was unplugged are lost.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from pumpd.texts import text
from pumpd.wire.errors import LinkLostError, PortError
from pumpd.wire.line import LineSettings, OnBytes, OnLost


class Peer(Protocol):
    """The device at the far end of a port in memory."""

    def attach(self, send: Callable[[bytes], None]) -> None:
        """A host opened the port: `send` puts bytes on the line towards it."""
        ...

    def feed(self, data: bytes) -> None:
        """Bytes from the host."""
        ...

    def detach(self) -> None:
        """The host closed the port, or the cable was unplugged."""
        ...


class MemoryTransport:
    def __init__(self, served: "Served", line: LineSettings, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._served, self._on_bytes, self._on_lost = served, on_bytes, on_lost
        self._byte_s = line.time_for(1) if served.paced else 0.0
        self._out_free = self._in_free = 0.0
        self._due: float | None = None  # during `feed`: when the bytes were due; the timer may be late
        self._open = True
        self._loop = asyncio.get_running_loop()

    def fileno(self) -> int | None:
        return None

    def write(self, data: bytes) -> None:
        if not self._open:
            raise LinkLostError(
                text("port.closed", "{port} is closed", port=f"memory://{self._served.name}"), sent=False
            )
        self._out_free = max(self._out_free, self._loop.time()) + self._byte_s * len(data)
        self._loop.call_at(self._out_free, self._to_peer, data, self._out_free)

    def send(self, data: bytes) -> None:
        """From the peer to the host."""
        if self._open:
            now = self._loop.time() if self._due is None else self._due
            self._in_free = max(self._in_free, now) + self._byte_s * len(data)
            self._loop.call_at(self._in_free, self._to_host, data)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._served.transport = None
            self._served.peer.detach()

    def unplug(self) -> None:
        if self._open:
            self.close()
            self._on_lost(
                text(
                    "port.failed",
                    "{port}: {why}",
                    port=f"memory://{self._served.name}",
                    why=text("port.unplugged", "unplugged"),
                )
            )

    def _to_peer(self, data: bytes, due: float) -> None:
        if self._open:
            self._due = due
            try:
                self._served.peer.feed(data)
            finally:
                self._due = None

    def _to_host(self, data: bytes) -> None:
        if self._open:
            self._on_bytes(data)


class Served:
    """A port in memory, as the side that offers it sees it."""

    def __init__(self, name: str, peer: Peer, *, paced: bool) -> None:
        self.name, self.peer, self.paced = name, peer, paced
        self.plugged = True
        self.transport: MemoryTransport | None = None

    def unplug(self) -> None:
        """Pull the cable: the host loses the port, and opening fails until `plug`."""
        self.plugged = False
        if self.transport is not None:
            self.transport.unplug()

    def plug(self) -> None:
        """Plug the cable in again."""
        self.plugged = True


_served: dict[str, Served] = {}


def serve(name: str, peer: Peer, *, paced: bool = True) -> Served:
    """Offer a peer as `memory://NAME`. Raises ValueError when the name is taken."""
    if name in _served:
        raise ValueError(f"memory://{name} is already served")
    _served[name] = served = Served(name, peer, paced=paced)
    return served


def withdraw(name: str) -> None:
    """End the port; a host on it loses it."""
    unplug(name)
    del _served[name]


def unplug(name: str) -> None:
    """As `Served.unplug`, by name."""
    _served[name].unplug()


def plug(name: str) -> None:
    """As `Served.plug`, by name."""
    _served[name].plug()


def connect(name: str, line: LineSettings, on_bytes: OnBytes, on_lost: OnLost) -> MemoryTransport:
    """Open `memory://NAME`; called by `open_transport`. Raises PortError."""
    served = _served.get(name)
    if served is None or not served.plugged:
        raise PortError(_at(name, text("port.none_such", "there is no such port")))
    if served.transport is not None:
        raise PortError(_at(name, text("port.busy", "the port is in use")))
    served.transport = MemoryTransport(served, line, on_bytes, on_lost)
    served.peer.attach(served.transport.send)
    return served.transport


def _at(name: str, why: str) -> str:
    return text("port.why", "port {port}: {why}", port=f"memory://{name}", why=why)
