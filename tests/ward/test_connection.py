"""What one client can take from the board's server: bounded in time, and never from the others."""

import asyncio
import asyncio.constants
import contextlib

import httpx
import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from pumpd_ward.board import connection as limits
from pumpd_ward.board import places
from pumpd_ward.board.connection import Connection
from pumpd_ward.board.places import Places
from tests.bedside.test_server import GET, Transport, endless, short


class Here(Transport):
    """A transport whose other end has an address."""

    def __init__(self, address):
        super().__init__()
        self.address = address

    def get_extra_info(self, name, default=None):
        return (self.address, 4711) if name == "peername" else default


class Server:
    def __init__(self, app):
        self.state = ServerState()
        self.config = Config(app, http=Connection, ws="none", lifespan="off", log_config=None, timeout_keep_alive=60)

    def connect(self, address="192.0.2.9"):
        made, transport = Connection(self.config, self.state, {}), Here(address)
        transport.protocol = made
        made.connection_made(transport)
        return made, transport


@contextlib.asynccontextmanager
async def server(app):
    here = Server(app)
    try:
        yield here
    finally:
        for each in list(here.state.connections):
            each.transport.abort()
        for task in list(here.state.tasks):
            task.cancel()
        await asyncio.gather(*here.state.tasks, return_exceptions=True)


ANSWERED_WITH_A_BODY = b"POST /api/me HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        (b"", b""),
        (b"GET /api/me HTTP/1.1\r\n", b"x: y\r\n"),
        (b"x", b"x"),
        (GET, b""),
        (GET, b"G"),
        (ANSWERED_WITH_A_BODY, b"x"),
    ],
    ids=["nothing", "half a header", "a letter", "nothing after a request", "half a request after one", "a body"],
)
async def test_a_connection_without_a_whole_request_ends_however_slowly_its_bytes_come(sent, then):
    async with server(short) as here:
        made, transport = here.connect()
        if sent:
            made.data_received(sent)
        for _ in range(60):
            await asyncio.sleep(1)
            if transport.ended_at is None and then:
                made.data_received(then)
        assert transport.ended_at == pytest.approx(limits.WAIT_S, abs=1.1)


async def test_a_client_that_asks_again_and_again_and_one_that_follows_stay():
    async with server(short) as here, server(endless) as live:
        asking, following = here.connect(), live.connect()
        following[0].data_received(GET)
        for _ in range(40):
            asking[0].data_received(GET)
            await asyncio.sleep(8)
            following[1].reads()
        assert asking[1].ended_at is following[1].ended_at is None


async def test_a_client_that_does_not_read_is_dropped():
    async with server(endless) as here:
        made, transport = here.connect()
        made.data_received(GET)
        await asyncio.sleep(120)
        assert transport.most <= limits.UNREAD_BYTES + 2 * 4200
        assert transport.ended_at == pytest.approx(limits.UNREAD_BYTES / 4096 * 0.1 + limits.UNREAD_S, abs=0.5)


async def test_one_address_takes_no_connection_from_another():
    """Neither an idle one nor one with a request, and nobody is turned away."""
    async with server(endless) as here:
        idle, busy = here.connect("192.0.2.1"), here.connect("192.0.2.2")
        busy[0].data_received(GET)
        flood = [here.connect("198.51.100.1") for _ in range(2 * limits.MOST)]
        assert idle[1].ended_at is busy[1].ended_at is None
        assert len(here.state.connections) == limits.MOST
        assert flood[0][1].ended_at is not None
        assert flood[-1][1].ended_at is None
        late = here.connect("192.0.2.3")
        assert late[1].ended_at is None


def test_a_handshake_has_a_limit():
    assert asyncio.constants.SSL_HANDSHAKE_TIMEOUT == limits.WAIT_S  # asyncio takes it from there


async def test_one_address_takes_no_place_for_a_request_from_another(monkeypatch):
    monkeypatch.setattr(places, "MOST", 8)
    monkeypatch.setattr(places, "MOST_EACH", 6)
    going = asyncio.Event()

    async def waits(scope, receive, send):
        if scope["path"] == "/wait":
            await going.wait()
        await short(scope, receive, send)

    app = Places(waits)

    async def ask(address, path):
        way = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=way, base_url="http://x") as asking:
            return (await asking.get(path)).status_code

    flood = [asyncio.create_task(ask("198.51.100.1", "/wait")) for _ in range(20)]
    await asyncio.sleep(1)
    assert await ask("192.0.2.1", "/") == 200
    assert await ask("198.51.100.1", "/") == 503
    going.set()
    assert sorted(await asyncio.gather(*flood)) == [200] * 6 + [503] * 14
    assert await ask("198.51.100.1", "/") == 200
