"""What one host without credentials can do to the tablets' server. Loopback only, and it ends by itself after a minute.

`python -m benchmarks.attacks NAME PORT PUMP` attacks the server on this port of 127.0.0.1 until it is ended. It says
`begun` once it holds what it can hold.
"""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Sequence

HOST = "127.0.0.1"
ENDS_S = 60.0
HELD = 400  # connections: twice as many as the server has places
FLOODING = 32  # connections that flood
AGAIN_S = 0.05  # before a connection that was closed is opened again

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname, _TLS.verify_mode = False, ssl.CERT_NONE


def _hello():
    """The first message of a TLS handshake."""
    sent = ssl.MemoryBIO()
    client = _TLS.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def _post(path, length):
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def _get(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


class Attack:
    """One host: `held` connections that are opened again whenever the server closes them."""

    def __init__(self, port, pump):
        self.port, self.pump = port, pump

    async def open(self, *, tls=True):
        name = {"ssl": _TLS, "server_hostname": "localhost"} if tls else {}
        return await asyncio.open_connection(HOST, self.port, local_addr=(HOST, 0), **name)

    async def held(self, one, *, tls=True):
        """One connection after the other, used by `one`."""
        while True:
            writer = None
            try:
                reader, writer = await self.open(tls=tls)
                await one(reader, writer)
            except (OSError, EOFError):
                pass
            finally:
                if writer is not None:
                    writer.transport.abort()
            await asyncio.sleep(AGAIN_S)

    # -- what a connection does ----------------------------------------------------------------------------------------

    async def silent(self, reader, _writer):
        await reader.read()

    async def half_handshake(self, _reader, writer):
        writer.write(_hello())
        await asyncio.sleep(ENDS_S)

    async def whole_handshake(self, _reader, _writer):
        """And at once the next one."""

    async def slow_header(self, reader, writer):
        writer.write(b"POST /api/pair HTTP/1.1\r\n")
        await self._dripping(reader, writer, b"X-A: b\r\n")

    async def large_header(self, reader, writer):
        writer.write(b"GET /api/about HTTP/1.1\r\nX-A: " + b"a" * 15_000)
        await self._dripping(reader, writer, b"a" * 1000)

    async def slow_body(self, reader, writer):
        writer.write(_post("/api/pair", 4000))
        await self._dripping(reader, writer, b" ")

    async def slow_stop(self, reader, writer):
        writer.write(_post("/api/stop", 900))
        await self._dripping(reader, writer, b" ")

    async def never_reads(self, _reader, writer):
        writer.transport.pause_reading()
        while True:
            writer.write(_get("/api/openapi.json"))
            await writer.drain()
            await asyncio.sleep(0.1)

    async def requests(self, reader, writer):
        await self._flooding(reader, writer, _get("/api/nonce"))

    async def malformed(self, reader, writer):
        fields = ",".join(f'"f{number}":1' for number in range(1300)).encode()
        await self._flooding(reader, writer, _post("/api/pair", len(fields) + 2) + b"{" + fields + b"}")

    async def stops(self, reader, writer):
        await self._flooding(reader, writer, _post(f"/api/stop?pump={self.pump}", 0))

    async def unknown_pumps(self, reader, writer):
        await self._flooding(reader, writer, _post("/api/stop?pump=" + "x" * 64, 0))

    async def pipelined(self, reader, writer):
        """Many requests at once; the answers are read."""
        writer.write(_get("/api/nonce") * 300)
        while await reader.read(65536):
            pass

    async def _dripping(self, reader, writer, drop):
        while not reader.at_eof():
            await asyncio.sleep(1)
            writer.write(drop)
            await writer.drain()

    async def _flooding(self, reader, writer, request):
        while True:
            writer.write(request)
            header = await reader.readuntil(b"\r\n\r\n")
            length = int(header.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)


PLAIN = ("silent", "half_handshake")
HOLDING = (*PLAIN, "slow_header", "large_header", "slow_body", "slow_stop", "never_reads")
FLOODS = ("whole_handshake", "requests", "malformed", "stops", "unknown_pumps", "pipelined")
ALL = HOLDING + FLOODS
EVERYTHING = "everything"


def named(given: Sequence[str]) -> Sequence[str]:
    """Those that were given; exits if there is no such attack."""
    if unknown := set(given) - {*ALL, EVERYTHING}:
        raise SystemExit(f"no such attack: {', '.join(sorted(unknown))}; known: {', '.join(ALL)}, {EVERYTHING}")
    return given


async def _attack(name, port, pump):
    names, share = (ALL, 4) if name == EVERYTHING else ([name], 1)
    attack = Attack(port, pump)
    tasks = [
        asyncio.create_task(attack.held(getattr(attack, each), tls=each not in PLAIN))
        for each in names
        for _ in range((HELD if each in HOLDING else FLOODING) // share)
    ]
    await asyncio.sleep(2.0)
    print("begun", flush=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDS_S):
            await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(_attack(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
