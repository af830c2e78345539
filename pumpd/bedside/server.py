"""The HTTPS port: takes every connection, and closes the least important one when there are too many.

Promises:
- A new connection is always taken. When `connections` are open, an idle one is closed for it: the one that has been
  idle longest, from the address with the most connections. Requests other than stops never fill the port
  (`capacity.py`).
- Every wait for a client is limited: for the handshake, for a request, for its body, and until it reads the answer.
"""

import asyncio
import asyncio.sslproto
import contextlib
import socket
import ssl
from collections import Counter
from typing import Any

import structlog
from uvicorn import Config
from uvicorn.server import ServerState

from pumpd.bedside.connection import RECEIVING_BYTES, SENDING_BYTES, Connection
from pumpd.bedside.parts import together
from pumpd.settings import BedsideLimits

log = structlog.get_logger("pumpd.bedside")

BACKLOG = 256
END_WITHIN_S = 2.0
CLOSE_WITHIN_S = 2.0  # for the peer's part of the TLS close
ACCEPT_AGAIN_S = 0.1

# asyncio reserves this for each TLS connection. Its default of 256 KiB is 50 MB for 200 connections.
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024


class Server:
    def __init__(self, app: Any, context: ssl.SSLContext, limits: BedsideLimits) -> None:
        self._context, self._limits = context, limits
        self._config = Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            http="h11",
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=60,  # the connection's own limit is shorter and counts from the last answer
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._config.load()
        self._state = ServerState()
        self._listeners: list[socket.socket] = []
        self._connections: set[Connection] = set()

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            listener = socket.create_server(address, family=family, backlog=BACKLOG)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVING_BYTES)  # inherited by each connection
            listener.setblocking(False)
            self._listeners.append(listener)

    async def run(self) -> None:
        """Serve until cancelled."""
        await together(**{f"accept {number}": self._accept(each) for number, each in enumerate(self._listeners)})

    async def close(self) -> None:
        """Give requests in progress some time to end."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.close()
        if self._state.tasks:
            _, late = await asyncio.wait(self._state.tasks, timeout=END_WITHIN_S)
            for task in late:
                task.cancel()
        handshakes = [each.handshake for each in self._connections if each.handshake is not None]
        for connection in list(self._connections):
            connection.drop()
        await asyncio.gather(*self._state.tasks, *handshakes, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(listener)
            except OSError as error:  # no file descriptor is left, for example; open connections end in time
                log.warning("connection_not_accepted", error=str(error))
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            self._make_room()
            connection = Connection(self._config, self._state, self._limits, str(peer[0]), self._connections.discard)
            self._connections.add(connection)
            connection.handshake = loop.create_task(self._secure(client, connection), name="handshake")
            await asyncio.sleep(0)  # a flood of connections must let other tasks run

    async def _secure(self, client: socket.socket, connection: Connection) -> None:
        try:
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING_BYTES)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake_s,
                ssl_shutdown_timeout=CLOSE_WITHIN_S,
            )
        except OSError:  # it does not speak TLS 1.3, was too slow, or is gone
            self._connections.discard(connection)
        except BaseException:
            self._connections.discard(connection)
            client.close()
            raise
        finally:
            connection.handshake = None

    def _make_room(self) -> None:
        while len(self._connections) >= self._limits.connections:
            held = Counter(each.address for each in self._connections)
            idle = [each for each in self._connections if not each.busy] or self._connections
            least = min(idle, key=lambda each: (-held[each.address], each.quiet_since))
            self._connections.discard(least)
            least.drop()
