"""One of control's sockets: AF_UNIX, one JSON request a line, one JSON answer a line.

Requests of one connection are answered in order; connections do not wait for each other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from pydantic import ValidationError

from pumpd.control.socket.clients import UNREAD_BYTES, BoundedWriter, Client, Clients, Peer
from pumpd.control.socket.dispatch import Dispatch
from pumpd.control.socket.doors import Caller, Door
from pumpd.host.files import mode_of
from pumpd.messages.requests import LONGEST_LINE, REQUEST, Answer, Request
from pumpd.settings import Settings
from pumpd.validation import FEW, problems

log = structlog.get_logger("pumpd.control")


class SocketInUseError(OSError):
    """Another control process answers on this socket. Nothing was started."""


class ControlServer:
    def __init__(self, dispatch: Dispatch, door: Door, path: Path) -> None:
        self._dispatch, self._door, self._path = dispatch, door, path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._group = -1
        self.clients = Clients()

    async def open(self) -> None:
        """Listen. Raises SocketInUseError when another control process does, OSError when the path cannot be used."""
        if self._path.is_socket():
            await self._refuse_second()
            self._path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST_LINE)
        self._path.chmod(mode_of("operator socket"))
        self._group = self._path.stat().st_gid

    async def _refuse_second(self) -> None:
        try:
            _, writer = await asyncio.open_unix_connection(self._path)
        except (ConnectionRefusedError, FileNotFoundError):
            return  # left behind by a process that died
        writer.close()
        raise SocketInUseError(f"control socket {self._path} is in use: another pumpd control process is running")

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

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
        except ValueError:  # a line longer than any request
            answer = self._dispatch.malformed(caller, (f"request: longer than {LONGEST_LINE} bytes",))
            writer.write(answer.model_dump_json().encode() + b"\n")
        except ConnectionError:
            pass  # the client is gone; its request was carried out
        except asyncio.CancelledError:
            writer.transport.abort()  # control is ending, and does not wait for clients that do not read
        finally:
            self.clients.leave(client)
            opened.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await opened.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: BoundedWriter, client: Client, caller: Caller
    ) -> None:
        while line := await reader.readline():
            self.clients.heard(client)
            answer, request = await self._answer(line, caller)
            writer.write(answer.model_dump_json().encode() + b"\n")
            await writer.drain()
            if answer.ok and (stream := self._dispatch.stream(request)):
                await stream(reader, writer)
                return
            client.busy = False
            await asyncio.sleep(0)  # a client that sends without a pause must not keep the pumps waiting

    async def _answer(self, line: bytes, caller: Caller) -> tuple[Answer, Request | None]:
        try:
            request = REQUEST.validate_json(line)
        except ValidationError as error:
            return self._dispatch.malformed(caller, problems(error, "request", FEW)), None
        try:
            return await self._dispatch.answer(request, caller), request
        except Exception as error:  # the socket must keep answering: a stop comes through here
            log.exception("request_failed", op=request.op)
            return Answer(ok=False, reasons=(f"pumpd failed on this request: {error!r}",)), request


@contextlib.asynccontextmanager
async def doors(dispatch: Dispatch, settings: Settings) -> AsyncIterator[None]:
    """All sockets, open; that for vital signs only where they are configured. Raises SocketInUseError, OSError."""
    REQUEST.rebuild()  # 0.1 s that no stop has to wait for
    paths = {Door.OPERATOR: settings.socket_path, Door.TABLET: settings.tablet_socket_path}
    if settings.vitals is not None:
        paths[Door.VITALS] = settings.vitals_socket_path
    async with contextlib.AsyncExitStack() as stack:
        for door, path in paths.items():
            server = ControlServer(dispatch, door, path)
            stack.push_async_callback(server.close)
            await server.open()
        yield
