"""What one client, or two hundred, can take from the server: bounded in bytes and in time (STP-12)."""

import asyncio
import contextlib
import socket

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from pumpd.bedside.connection import UNREAD_BYTES, Connection
from pumpd.settings import BedsideLimits
from tests.bedside.test_process import BEFORE_THEY_END_S, HANGING, serving
from tests.patience import PATIENCE_S

LIMITS = BedsideLimits()


class Transport(asyncio.Transport):
    """A transport that says how much of it waits for a client that does not read."""

    def __init__(self):
        super().__init__()
        self.high = self.unread = self.most = 0
        self.ended_at = None
        self.protocol = None
        self.paused = False

    def set_write_buffer_limits(self, high=None, low=None):
        self.high = high

    def set_read_buffer_limits(self, high=None, low=None):
        pass

    def write(self, data):
        self.unread += len(data)
        self.most = max(self.most, self.unread)
        if self.unread > self.high and not self.paused:
            self.paused = True
            self.protocol.pause_writing()

    def reads(self):
        """The client reads everything."""
        self.unread = 0
        if self.paused:
            self.paused = False
            self.protocol.resume_writing()

    def abort(self):
        if self.ended_at is None:
            self.ended_at = asyncio.get_running_loop().time()
            self.protocol.connection_lost(None)

    close = abort

    def is_closing(self):
        return self.ended_at is not None

    def pause_reading(self):
        pass

    resume_reading = pause_reading


async def endless(scope, receive, send):
    """A live stream with a lot of news."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})
        await asyncio.sleep(0.1)


async def short(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def connected(app):
    state, ended = ServerState(), []
    config = Config(app, http="h11", ws="none", lifespan="off", log_config=None, timeout_keep_alive=60)
    connection = Connection(config, state, LIMITS, "192.0.2.9", ended.append)
    transport = Transport()
    transport.protocol = connection
    connection.connection_made(transport)
    try:
        yield connection, transport
    finally:
        transport.abort()
        assert ended == [connection]
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)


GET = b"GET /api/live HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.requirement("STP-12")
async def test_a_viewer_that_never_reads_is_dropped_after_10_s_and_keeps_48_kb_until_then():
    async with connected(endless) as (connection, transport):
        connection.data_received(GET)
        await asyncio.sleep(60)
        assert transport.most <= UNREAD_BYTES + 2 * 4200
        filled = UNREAD_BYTES / 4096 * 0.1
        assert transport.ended_at == pytest.approx(filled + LIMITS.unread_s, abs=0.3)


@pytest.mark.requirement("STP-12")
async def test_a_viewer_that_reads_now_and_then_stays():
    async with connected(endless) as (connection, transport):
        connection.data_received(GET)
        for _ in range(30):
            await asyncio.sleep(8)
            transport.reads()
        assert transport.ended_at is None


@pytest.mark.requirement("STP-12")
async def test_a_client_that_sends_requests_without_end_and_reads_no_answer_is_dropped():
    async with connected(short) as (connection, transport):
        for _ in range(100_000):
            if transport.ended_at is not None:
                break
            connection.data_received(GET)
            await asyncio.sleep(0.001)
        assert transport.ended_at is not None
        assert transport.most <= UNREAD_BYTES + 4200


@pytest.mark.requirement("STP-12")
@pytest.mark.parametrize(
    "sent", [b"", b"GET /api/about HTTP/1.1\r\n", b"x"], ids=["nothing", "half a header", "a letter"]
)
async def test_a_connection_without_a_whole_request_ends_after_5_s_however_slowly_its_bytes_come(sent):
    async with connected(short) as (connection, transport):
        for at in range(20):
            if sent[at : at + 1] and transport.ended_at is None:
                connection.data_received(sent[at : at + 1])
            await asyncio.sleep(1)
        assert transport.ended_at == LIMITS.request_s


@pytest.mark.requirement("STP-12")
async def test_a_connection_stays_open_from_one_request_to_the_next():
    async with connected(short) as (connection, transport):
        for _ in range(10):
            await asyncio.sleep(4)
            connection.data_received(GET)
        assert transport.ended_at is None
        await asyncio.sleep(6)
        assert transport.ended_at == 45


@contextlib.asynccontextmanager
async def held(served, count, *, tls=True, sending=b""):
    """So many connections that do nothing further."""
    context = served.context() if tls else None
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("localhost" if tls else "127.0.0.1", served.port, ssl=context)
        writer.write(sending)
        writers.append(writer)
    try:
        yield writers
    finally:
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.mark.realtime
@pytest.mark.requirement("STP-12", "STP-01")
async def test_a_stop_gets_through_whatever_else_holds_connections(tmp_path):
    async with serving(tmp_path, limits={"connections": 40, "requests": 20, **HANGING}) as served:
        half_a_stop = b"POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        half_a_pair = b"POST /api/pair HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        for tls, sending in ((False, b""), (True, b""), (True, b"GET"), (True, half_a_pair), (True, half_a_stop)):
            async with held(served, 50, tls=tls, sending=sending):
                async with served.client() as client:
                    answer = await client.post("/api/stop?pump=bed1", timeout=BEFORE_THEY_END_S)
                assert answer.status_code == 200, answer.text
            await asyncio.sleep(0.1)


@pytest.mark.realtime
@pytest.mark.requirement("STP-12")
async def test_idle_connections_and_handshakes_end_and_so_does_a_client_that_reads_nothing(tmp_path):
    limits = {"handshake_s": 0.5, "request_s": 0.5, "unread_s": 0.5}
    async with serving(tmp_path, limits=limits) as served:
        silent = socket.create_connection(("127.0.0.1", served.port))
        reader, writer = await asyncio.open_connection("localhost", served.port, ssl=served.context())
        with contextlib.closing(silent), contextlib.closing(writer):
            silent.settimeout(PATIENCE_S)
            with contextlib.suppress(OSError):  # reset, or an orderly end
                assert await asyncio.to_thread(silent.recv, 1) == b""
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(OSError):
                    assert await reader.read() == b""
        await asyncio.to_thread(_asks_and_never_reads, served)


def _asks_and_never_reads(served):
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", served.port))
        with served.context().wrap_socket(plain, server_hostname="localhost") as client:
            client.settimeout(PATIENCE_S)
            with pytest.raises(OSError, match=r"reset|pipe|EOF|closed"):
                _send_for_ever(client)


def _send_for_ever(client):
    while True:
        client.send(b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.realtime
async def test_an_answer_carries_the_date_and_no_name_of_the_server(tmp_path):
    async with serving(tmp_path) as served, served.client() as client:
        answer = await client.get("/api/about")
        assert answer.headers["date"].endswith("GMT")
        assert "server" not in answer.headers
