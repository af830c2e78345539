"""One connection to the board: what it may keep the server waiting for, and which one ends when there are too many.

The web server itself has a limit for an idle connection only. Promises:
- A TLS handshake, a request header, and the time between two requests end after `WAIT_S`, however slowly bytes come.
  So does a body that nobody reads; the one that is read, of a sign-in, has a limit of its own (`entrance.py`).
- A client that does not read its answer is dropped after `UNREAD_S`.
- A new connection is always taken. Beyond `MOST`, one without a request is closed for it: of the address that has the
  most, the one that has been idle longest. So one address takes no connection from the others.
"""

import asyncio
import asyncio.constants
import itertools
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

WAIT_S = 10.0
UNREAD_S = 30.0
UNREAD_BYTES = 64 * 1024
MOST = 400

_waits = itertools.count(1)  # not the time: two that begin at once have an order too

# uvicorn passes no limit for the handshake on to asyncio, whose own is a minute.
asyncio.constants.SSL_HANDSHAKE_TIMEOUT = WAIT_S


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with these limits."""

    transport: asyncio.Transport | None  # type: ignore[assignment]  # None until the handshake is done
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None until the first request

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.quiet_since = 0  # a number that grows with each beginning of a wait
        self._waiting: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def busy(self) -> bool:
        """Whether a request is in progress."""
        return self.cycle is not None and not self.cycle.response_complete

    def drop(self) -> None:
        """End it now, and drop whatever still waits to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it too
        assert self.transport is not None  # just set
        self.transport.set_write_buffer_limits(UNREAD_BYTES)
        self._wait_for_a_request()
        make_room([each for each in self.connections if isinstance(each, Connection)])

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._waiting)
        _cancel(self._unread)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.busy:
            _cancel(self._waiting)

    def on_response_complete(self) -> None:
        self._wait_for_a_request()
        super().on_response_complete()  # takes the next request, if it has already arrived
        if self.busy:
            _cancel(self._waiting)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.drop)

    def resume_writing(self) -> None:
        _cancel(self._unread)
        super().resume_writing()

    def _wait_for_a_request(self) -> None:
        _cancel(self._waiting)
        self.quiet_since = next(_waits)
        self._waiting = self.loop.call_later(WAIT_S, self.drop)


def make_room(connections: list[Connection]) -> None:
    """End the connection that matters least, if there are more than `MOST`."""
    if len(connections) <= MOST:
        return
    held = Counter(each.address for each in connections)
    idle = [each for each in connections if not each.busy] or connections
    min(idle, key=lambda each: (-held[each.address], each.quiet_since)).drop()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
