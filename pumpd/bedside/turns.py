"""Who goes first when more is asked of the server than it does: no address keeps another one waiting (STP-12).

Promises:
- Handshakes and requests begin at a limited rate, however many arrive, so that the processor always has time left.
- Where several wait, an address at which a paired tablet has proved its key goes first, then the one whose last turn
  was longest ago. So a host that floods waits for itself: everyone else waits for one turn of it at most. An address
  that is new counts from its arrival; inventing addresses puts nobody ahead of those that were here before.
- What is remembered is bounded.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

V = TypeVar("V")

HANDSHAKES_A_S, HANDSHAKES_AT_ONCE = 20.0, 20  # about 2 ms of the processor each; a browser opens six
REQUESTS_A_S, REQUESTS_AT_ONCE = 50.0, 30  # about 2 ms each, with control's part; a tablet sends two a second
MOST_KEPT = 1000  # addresses


@dataclass(slots=True)
class Hosts:
    """The addresses at which a paired tablet has proved its key since the server began."""

    _proved: dict[str, None] = field(default_factory=dict)

    def proved(self, address: str) -> None:
        _keep(self._proved, address, None)

    def known(self, address: str) -> bool:
        return address in self._proved


class Turns:
    def __init__(self, hosts: Hosts, per_s: float, at_once: int) -> None:
        """So many turns per second in the long run; after a pause, `at_once` may begin together."""
        self._hosts, self._every_s, self._most = hosts, 1 / per_s, at_once
        self._left, self._counted_s = float(at_once), 0.0
        self._last_s: dict[str, float] = {}  # by address: its last turn, or its arrival
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, address: str) -> None:
        """Returns when it is this address's turn."""
        now = asyncio.get_running_loop().time()
        if not self._waiting and self._free(now):
            self._begin(address, now)
            return
        if address not in self._last_s:
            _keep(self._last_s, address, now)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(mine)
        self._wake_later(now)
        try:
            await mine
        finally:
            self._leave(address, mine)

    def _free(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._counted_s) / self._every_s)
        self._counted_s = now
        return self._left >= 1 - 1e-6  # what rounding takes away is no reason to wait

    def _begin(self, address: str, now: float) -> None:
        self._left -= 1
        _keep(self._last_s, address, now)

    def _wake_later(self, now: float) -> None:
        if self._timer is None:
            left_s = max(0.0, 1 - self._left) * self._every_s
            self._timer = asyncio.get_running_loop().call_at(now + left_s, self._give)

    def _give(self) -> None:
        self._timer, now = None, asyncio.get_running_loop().time()
        while self._waiting and self._free(now):
            address = min(self._waiting, key=self._place)
            first = self._waiting[address][0]
            self._leave(address, first)
            if not first.done():  # cancelled a moment ago
                first.set_result(None)
                self._begin(address, now)
        if self._waiting:
            self._wake_later(now)

    def _place(self, address: str) -> tuple[bool, float]:
        return not self._hosts.known(address), self._last_s.get(address, 0.0)

    def _leave(self, address: str, turn: asyncio.Future[None]) -> None:
        theirs = self._waiting.get(address, deque())
        if turn in theirs:
            theirs.remove(turn)
        if not theirs:
            self._waiting.pop(address, None)


def _keep(kept: dict[str, V], address: str, value: V) -> None:
    """Remember this as the newest, and forget the oldest when there are too many."""
    kept.pop(address, None)
    while len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]
    kept[address] = value
