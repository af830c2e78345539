"""The HTTPS port: takes every connection, and closes the least important one when there are too many.

Promises:
- A new connection is always taken. When `connections` are open, an idle one is closed for it: the one that has been
  idle longest, from the address with the most connections; last those of addresses at which a paired tablet has proved
  its key. Requests other than stops never fill the port (`capacity.py`).
- Handshakes begin in turns (`entrance.py`), so that a flood of them takes neither the processor nor another's turn.
- Every wait for a client is limited: for the handshake, for a request, for its body, and until it reads the answer.
"""

import asyncio
import asyncio.sslproto
import contextlib
import logging
import socket
import ssl
from collections import Counter
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from pumpd.accepting import connections, places
from pumpd.bedside.connection import RECEIVING_BYTES, SENDING_BYTES, Connection
from pumpd.bedside.entrance import MOST as WAITING
from pumpd.bedside.entrance import Entrance
from pumpd.bedside.parts import together
from pumpd.bedside.turns import HANDSHAKES_A_S, HANDSHAKES_AT_ONCE, Hosts, Turns
from pumpd.settings import BedsideLimits

BACKLOG = 1024  # while this process is kept from accepting for a moment
END_WITHIN_S = 2.0
CLOSE_WITHIN_S = 2.0  # for the peer's part of the TLS close
DESCRIPTORS_EACH = 2  # of a connection with a request: its socket, and control's or that of a file
OTHER_DESCRIPTORS = 64 + WAITING

# asyncio reserves this for each TLS connection. Its default of 256 KiB is 50 MB for 200 connections.
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024


class Server:
    def __init__(self, app: Any, context: ssl.SSLContext, limits: BedsideLimits, hosts: Hosts) -> None:
        self._context, self._limits, self._hosts = context, limits, hosts
        self._entrance = Entrance(Turns(hosts, HANDSHAKES_A_S, HANDSHAKES_AT_ONCE), hosts, self._begin)
        self._most = places(limits.connections, DESCRIPTORS_EACH, OTHER_DESCRIPTORS)
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
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every request that is malformed
        self._state = ServerState()
        self._listeners: list[socket.socket] = []
        self._connections: set[Connection] = set()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

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
        await self._entrance.close()
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
        async for client, address in connections(listener, self._drop_one):
            self._entrance.enter(client, address)

    def _begin(self, client: socket.socket, address: str) -> None:
        while len(self._connections) >= self._most:
            self._drop_one()
        connection = Connection(self._config, self._state, self._limits, address, self._connections.discard)
        self._connections.add(connection)
        connection.handshake = asyncio.create_task(self._secure(client, connection), name="handshake")

    async def _secure(self, client: socket.socket, connection: Connection) -> None:
        within_s = self._limits.handshake_s
        try:
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING_BYTES)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._context,
                ssl_handshake_timeout=within_s,
                ssl_shutdown_timeout=CLOSE_WITHIN_S,
            )
        except OSError:  # it does not speak TLS 1.3, was too slow, or is gone
            self._connections.discard(connection)
            client.close()
        except BaseException:
            self._connections.discard(connection)
            client.close()
            raise
        finally:
            connection.handshake = None

    def _drop_one(self) -> None:
        """Close the connection that matters least."""
        held = Counter(each.address for each in self._connections)
        idle = [each for each in self._connections if not each.busy] or self._connections
        if idle:
            least = min(idle, key=lambda each: (self._hosts.known(each.address), -held[each.address], each.quiet_since))
            self._connections.discard(least)
            least.drop()
