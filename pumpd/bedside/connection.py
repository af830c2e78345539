"""One connection of a client: what it may keep the server waiting for, and for how long.

Promises:
- A connection that does not complete a request header within `request_s` ends, however slowly its bytes come.
- Requests that a client sends faster than they are answered wait in the client's buffers, not here.
- Answers that the client does not read take at most `UNREAD_BYTES` here, and `SENDING_BYTES` in the kernel. After
  `unread_s` the connection ends, and everything waiting for it is dropped.
"""

import asyncio
from collections.abc import Callable

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from pumpd.settings import BedsideLimits

UNREAD_BYTES = 32 * 1024
SENDING_BYTES = 64 * 1024
RECEIVING_BYTES = 16 * 1024  # Linux doubles it; it also bounds how much one read brings into the process
UNPROCESSED_BYTES = 16 * 1024


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with limits. It exists from the moment the connection is accepted, before its handshake."""

    transport: asyncio.Transport | None  # type: ignore[assignment]  # None until the handshake is done
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None until the first request

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: BedsideLimits,
        address: str,
        ended: Callable[["Connection"], None],
    ) -> None:
        super().__init__(config, state, {})
        self.address = address
        self.quiet_since = self.loop.time()
        self.handshake: asyncio.Task[None] | None = None
        self._limits, self._ended = limits, ended
        self._request: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is in progress."""
        return self.cycle is not None and not self.cycle.response_complete

    def drop(self) -> None:
        """End it now, and drop whatever still waits to be sent."""
        if self.transport is not None:
            self.transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()

    def close(self) -> None:
        """End it after the answer that is in progress, or now."""
        if self.busy and self.cycle is not None:
            self.cycle.keep_alive = False
        else:
            self.drop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it too
        assert self.transport is not None  # just set
        self.transport.set_write_buffer_limits(UNREAD_BYTES)
        self.transport.set_read_buffer_limits(UNPROCESSED_BYTES)  # type: ignore[attr-defined]  # of TLS transports
        self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timers()
        self._ended(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.busy:
            self._request_arrived()

    def on_response_complete(self) -> None:
        self._wait_for_a_request()
        super().on_response_complete()  # takes the next request, if it has already arrived
        if self.busy:
            self._request_arrived()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.unread_s, self.drop)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def _wait_for_a_request(self) -> None:
        self._request_arrived()
        self.quiet_since = self.loop.time()
        self._request = self.loop.call_later(self._limits.request_s, self.drop)

    def _request_arrived(self) -> None:
        if self._request is not None:
            self._request.cancel()

    def _cancel_timers(self) -> None:
        for timer in (self._request, self._unread):
            if timer is not None:
                timer.cancel()
