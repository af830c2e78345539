"""How many requests of one socket begin in one pass of the event loop, so that a pass stays short (STP-12).

A stop does not wait for this. All others begin in the order in which they came, one of each client at a time: a flood
by many clients waits for itself.
"""

import asyncio
from collections import deque

A_PASS = 4
LONGEST_STOP = 1024  # bytes of a line that is looked at for a stop; a longer one is read in its turn


def may_be_stop(line: bytes) -> bool:
    return len(line) <= LONGEST_STOP and b"stop" in line


class Pace:
    def __init__(self) -> None:
        self._begun = 0  # in this pass
        self._counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Returns when the next request may begin."""
        if self._begun < A_PASS and not self._waiting:
            self._begin()
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    def _begin(self) -> None:
        self._begun += 1
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next_pass)

    def _next_pass(self) -> None:
        self._counting, self._begun = False, 0
        while self._waiting and self._begun < A_PASS:
            first = self._waiting.popleft()
            if not first.done():  # its client is gone
                first.set_result(None)
                self._begin()
