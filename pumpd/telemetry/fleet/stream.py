"""One connection to a NATS JetStream; the only file that imports nats.

Promises:
- Nothing is subscribed to but this connection's own acknowledgements, so no message that a stream sends reaches it.
- `publish` returns when the stream has stored the message: on a cluster, when most of its nodes have.
- A connection is used once. A lost connection ends everything in it at once; nothing is re-sent by the library.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from pumpd.broker_tls import tls_context
from pumpd.settings_brokers import FleetSettings

CONNECT_TIMEOUT_S = 5
ACKNOWLEDGE_TIMEOUT_S = 10.0
HEADERS = 512  # bytes of a message's headers, which the node counts as well; ours are shorter
IDENTITY = "Nats-Msg-Id"  # by which the stream recognises a message that it has stored already


class StreamError(Exception):
    """The stream cannot be reached, refused, or went away. Unacknowledged messages may or may not be stored."""


class Stream:
    """Get one from `connected`."""

    def __init__(self, client: Client, ended: asyncio.Future[None]) -> None:
        self._stream = JetStreamContext(client, timeout=ACKNOWLEDGE_TIMEOUT_S)
        self._ended = ended
        self._largest = client.max_payload - HEADERS

    async def lost(self) -> None:
        """Wait until the connection ends, then raise StreamError."""
        await asyncio.shield(self._ended)

    def fits(self, payload: bytes) -> bool:
        """Whether the node takes a message of this size."""
        return len(payload) <= self._largest

    async def publish(self, subject: str, payload: bytes, identity: str) -> None:
        """Raises StreamError."""
        try:
            await self._stream.publish(subject, payload, headers={IDENTITY: identity})
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise StreamError(f"not stored: {explained(error)}") from error


@contextlib.asynccontextmanager
async def connected(settings: FleetSettings, gateway: str, host: str) -> AsyncIterator[Stream]:
    """Connect to one node. Raises StreamError."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    causes: list[Exception] = []

    async def note(error: Exception) -> None:  # also what a node forbids: it does not answer the message itself
        causes.append(error)
        await closed()

    async def closed() -> None:
        if not ended.done():
            ended.set_exception(StreamError("connection lost" + (f": {explained(causes[-1])}" if causes else "")))

    client = Client()
    try:
        secret = settings.password_file.read_text("utf-8").strip() if settings.password_file else None
        await client.connect(
            [f"nats://{_address(host)}:{settings.port}"],
            name=f"pumpd-{gateway}",
            tls=tls_context(settings) if settings.tls else None,
            user=settings.username,
            password=secret,
            inbox_prefix=f"_INBOX.{gateway}",  # the node's rules let a gateway hear its own acknowledgements only
            allow_reconnect=False,
            max_reconnect_attempts=1,  # nats-py tries the first connection without end otherwise
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT_S,
            ping_interval=settings.keepalive_s,
            error_cb=note,
            closed_cb=closed,
        )
    except (nats.errors.Error, OSError, ValueError) as error:
        with contextlib.suppress(Exception):
            await client.close()
        _seen(ended)
        raise StreamError(explained(causes[-1] if causes else error)) from error
    try:
        yield Stream(client, ended)
    finally:
        with contextlib.suppress(nats.errors.Error, OSError):
            await client.close()
        _seen(ended)


def _seen(ended: asyncio.Future[None]) -> None:
    """Otherwise asyncio would complain that nobody asked for the outcome."""
    if ended.done():
        ended.exception()


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def explained(error: BaseException) -> str:
    """What the library's error means, in words."""
    match error:
        case nats.js.errors.NoStreamResponseError():
            return (
                "the node has no stream for this; does the ward's ingest run, and is this gateway allowed to publish?"
            )
        case nats.js.errors.APIError():
            return error.description or f"error {error.err_code}"
        case TimeoutError():
            return "no acknowledgement in time"
        case OSError() if error.errno:
            return os.strerror(error.errno)
        case _:
            return str(error) or type(error).__name__
