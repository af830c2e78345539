"""One of control's sockets: AF_UNIX, one JSON request a line, one JSON answer a line.

Promises:
- Requests of one connection are answered in order; connections do not wait for each other.
- A flood or a broken request costs a bounded amount of work, and descriptors stay free for the next client.
- What can be read as a stop is a stop, whatever else is wrong with it (`unclear_stop`).
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from pumpd import known_texts
from pumpd.accepting import connections, places
from pumpd.control.socket.clients import MOST, UNREAD_BYTES, BoundedWriter, Client, Clients, Peer
from pumpd.control.socket.dispatch import Dispatch
from pumpd.control.socket.doors import Caller, Door
from pumpd.control.socket.pace import Pace, may_be_stop
from pumpd.host.files import mode_of
from pumpd.messages.requests import LONGEST_LINE, REQUEST, Answer, Request, unclear_stop
from pumpd.settings import Settings
from pumpd.texts import text
from pumpd.validation import FEW, problems, repeated

log = structlog.get_logger("pumpd.control")

BACKLOG = 128
OTHER_DESCRIPTORS = 32  # of control: the journal, the library, reads of the dose history
DESCRIPTORS_A_PUMP = 4  # its port, its deadman, and what is open for a moment while these are opened
MOST_FIELDS = 1000  # names in a line; the largest request has fewer than a hundred


class SocketInUseError(OSError):
    """Another control process answers on this socket. Nothing was started."""


class ControlServer:
    def __init__(self, dispatch: Dispatch, door: Door, path: Path, most: int = MOST) -> None:
        """`most`: how many clients there may be at once."""
        self._dispatch, self._door, self._path = dispatch, door, path
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connecting: set[asyncio.Task[Any]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._group = -1
        self._pace = Pace()
        self.clients = Clients(most)

    async def open(self) -> None:
        """Listen. Raises SocketInUseError when another control process does, OSError when the path cannot be used."""
        if self._path.is_socket():
            await self._refuse_second()
            self._path.unlink()
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(str(self._path))
        except OSError as error:
            self._listener.close()
            if error.errno == errno.EADDRINUSE:  # something that is no socket
                raise OSError(f"control socket {self._path}: something else is in its place; remove it") from error
            raise OSError(f"control socket {self._path} cannot be made: {os.strerror(error.errno or 0)}") from error
        self._path.chmod(mode_of("operator socket"))
        self._group = self._path.stat().st_gid
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)
        self._accepting = asyncio.create_task(self._accept(self._listener), name=f"accept on the {self._door}")

    async def _refuse_second(self) -> None:
        try:
            _, writer = await asyncio.open_unix_connection(self._path)
        except (ConnectionRefusedError, FileNotFoundError):
            return  # left behind by a process that died
        writer.close()
        raise SocketInUseError(f"control socket {self._path} is in use: another pumpd control process is running")

    async def close(self) -> None:
        if self._listener is None or self._accepting is None:
            return
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._listener.close()
        for task in (*self._connecting, *self._connections):
            task.cancel()
        await asyncio.gather(*self._connecting, *self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        async for client, _ in connections(listener, self.clients.drop_one):
            reader = asyncio.StreamReader(LONGEST_LINE)
            made = partial(asyncio.StreamReaderProtocol, reader, self._serve)
            connecting = loop.create_task(loop.connect_accepted_socket(made, client), name="client")
            self._connecting.add(connecting)
            connecting.add_done_callback(self._connecting.discard)

    async def _serve(self, reader: asyncio.StreamReader, opened: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        peer = Peer.of(opened.get_extra_info("socket"))
        caller = Caller(self._door, peer.user(self._group), str(peer))
        client = Client(peer.uid, opened.transport)
        protocol = opened.transport.get_protocol()
        writer = BoundedWriter(opened.transport, protocol, reader, asyncio.get_running_loop())
        opened.transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self.clients.enter(client)
        try:
            await self._converse(reader, writer, client, caller)
        except ConnectionError:
            pass  # the client is gone; its request was carried out
        except asyncio.CancelledError:
            writer.transport.abort()  # control is ending, and does not wait for clients that do not read
        finally:
            client.busy = False
            with contextlib.suppress(asyncio.CancelledError):
                await writer.end()
            self.clients.leave(client)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: BoundedWriter, client: Client, caller: Caller
    ) -> None:
        while line := await _line(reader):
            self.clients.heard(client)
            if not may_be_stop(line):
                await self._pace.turn()
            answer, request = await self._answer(line, caller)
            writer.write(answer.model_dump_json().encode() + b"\n")
            await writer.drain()
            if len(line) > LONGEST_LINE:
                return  # what follows is the rest of it
            if answer.ok and (stream := self._dispatch.stream(request)):
                await stream(reader, writer)
                return
            client.busy = False
            await asyncio.sleep(0)  # a client that sends without a pause must not keep the pumps waiting

    async def _answer(self, line: bytes, caller: Caller) -> tuple[Answer, Request | None]:
        request: Request
        try:
            if why := _too_much(line):
                raise ValueError(why)
            request = REQUEST.validate_json(line)
            if why := repeated(line, "request"):
                raise ValueError(why)
        except ValueError as error:
            stop = unclear_stop(line)
            if stop is None:
                wrong = problems(error, "request", FEW) if isinstance(error, ValidationError) else (str(error),)
                return self._dispatch.malformed(caller, wrong), None
            request = stop
        try:
            return await self._dispatch.answer(request, caller), request
        except Exception as error:  # the socket must keep answering: a stop comes through here
            log.exception("request_failed", op=request.op)
            return Answer(
                ok=False,
                reasons=(text("request.pumpd_failed", "pumpd failed on this request: {why}", why=repr(error)),),
            ), request


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line, or the beginning of one that is longer than `LONGEST_LINE`; empty when the client is gone."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        return await reader.read(LONGEST_LINE + 1)


def _too_much(line: bytes) -> str:
    """Why a line is too much work to read; empty if it is not."""
    if len(line) > LONGEST_LINE:
        return text("request.too_long", "request: longer than {bytes} bytes", bytes=LONGEST_LINE)
    return (
        text("request.too_many_names", "request: more than {names} names", names=MOST_FIELDS)
        if line.count(b":") > MOST_FIELDS
        else ""
    )


@contextlib.asynccontextmanager
async def doors(dispatch: Dispatch, settings: Settings) -> AsyncIterator[None]:
    """All sockets, open; that for vital signs only where they are configured. Raises SocketInUseError, OSError."""
    REQUEST.rebuild()  # 0.1 s that no stop has to wait for
    known_texts.load()
    paths = {Door.OPERATOR: settings.socket_path, Door.TABLET: settings.tablet_socket_path}
    if settings.vitals is not None:
        paths[Door.VITALS] = settings.vitals_socket_path
    reserve = OTHER_DESCRIPTORS + DESCRIPTORS_A_PUMP * len(settings.pumps)
    most = max(1, places(MOST * len(paths), 1, reserve) // len(paths))
    async with contextlib.AsyncExitStack() as stack:
        for door, path in paths.items():
            server = ControlServer(dispatch, door, path, most)
            stack.push_async_callback(server.close)
            await server.open()
        yield
