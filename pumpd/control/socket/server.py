"""The control socket: AF_UNIX, one JSON request a line, one JSON answer a line.

Requests of one connection are answered in order; connections do not wait for each other.
"""

import asyncio
import contextlib
import os
import socket
import struct
from pathlib import Path

import structlog
from pydantic import ValidationError

from pumpd.control.socket.dispatch import Dispatch
from pumpd.messages.requests import LONGEST_LINE, REQUEST, Answer, Request

log = structlog.get_logger("pumpd.control")

_CREDENTIALS = struct.Struct("3i")


class SocketInUseError(OSError):
    """Another control process answers on this socket. Nothing was started."""


class ControlServer:
    def __init__(self, dispatch: Dispatch, path: Path) -> None:
        self._dispatch, self._path = dispatch, path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Raises SocketInUseError when another control process does, OSError when the path is not to be had."""
        if self._path.is_socket():
            await self._refuse_second()
            self._path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST_LINE)
        self._path.chmod(0o660)

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        peer, operator = _peer(writer)
        try:
            while line := await reader.readline():
                answer, request = await self._answer(line, peer, operator=operator)
                writer.write(answer.model_dump_json().encode() + b"\n")
                await writer.drain()
                if answer.ok and (stream := self._dispatch.stream(request)):
                    await stream(reader, writer)
                    break
        except ValueError:  # a line longer than any request
            answer = self._dispatch.malformed(peer, (f"request: longer than {LONGEST_LINE} bytes",))
            writer.write(answer.model_dump_json().encode() + b"\n")
        except ConnectionError:
            pass  # the client went away; what it asked for was done
        except asyncio.CancelledError:
            writer.transport.abort()  # the daemon is closing, and waits for nobody who does not read
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, peer: str, *, operator: bool) -> tuple[Answer, Request | None]:
        try:
            request = REQUEST.validate_json(line)
        except ValidationError as error:
            problems = tuple(
                f"{'.'.join(str(part) for part in item['loc']) or 'request'}: {item['msg']}"
                for item in error.errors(include_url=False, include_context=False, include_input=False)
            )
            return self._dispatch.malformed(peer, problems), None
        try:
            return await self._dispatch.answer(request, peer, operator=operator), request
        except Exception as error:  # the socket must go on answering: stop goes through here
            log.exception("request_failed", op=request.op)
            return Answer(ok=False, reasons=(f"pumpd failed on this request: {error!r}",)), request


def _peer(writer: asyncio.StreamWriter) -> tuple[str, bool]:
    """Who is at the other end, as the kernel says, and whether it is root or the user that this process runs as."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _group = _CREDENTIALS.unpack(raw)
    who = f"uid {user}, pid {process}" if process else f"uid {user or os.getuid()}"
    return who, user in (0, os.getuid())
