"""Connections that wait for the turn of their handshake: only sockets, so that a flood of them costs next to nothing.

Promises:
- Every connection is taken. An address has at most `MOST_EACH` waiting, and all together `MOST`; beyond that the oldest
  one is closed, of the address with the most; last those of addresses at which a paired tablet has proved its key. So
  a host with many addresses (IPv6) pushes no tablet out.
- Handshakes begin in turns (`turns.py`).
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from pumpd.bedside.turns import Hosts, Turns

MOST_EACH = 20  # a second's turns
MOST = 200


class Entrance:
    def __init__(self, turns: Turns, hosts: Hosts, begin: Callable[[socket.socket, str], None]) -> None:
        """`begin` starts the handshake of a connection from an address."""
        self._turns, self._hosts, self._begin = turns, hosts, begin
        self._waiting: dict[str, deque[socket.socket]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    def enter(self, client: socket.socket, address: str) -> None:
        if address not in self._waiting:
            self._waiting[address] = deque()
            self._tasks[address] = asyncio.create_task(self._let_in(address), name="entrance")
        self._waiting[address].append(client)
        self._count += 1
        if len(self._waiting[address]) > MOST_EACH:
            self._drop(address)
        elif self._count > MOST:
            waiting = (each for each in self._waiting if self._waiting[each])
            self._drop(max(waiting, key=lambda each: (not self._hosts.known(each), len(self._waiting[each]))))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for address in self._waiting:
            while self._waiting[address]:
                self._drop(address)

    async def _let_in(self, address: str) -> None:
        """Give the connections of one address their turns."""
        waiting = self._waiting[address]
        while waiting:
            await self._turns.turn(address)
            if waiting:  # else it was closed meanwhile
                self._count -= 1
                self._begin(waiting.popleft(), address)
        del self._waiting[address], self._tasks[address]

    def _drop(self, address: str) -> None:
        if self._waiting[address]:
            self._waiting[address].popleft().close()
            self._count -= 1
