"""The connection to control: one request per connection, so that none waits for another; and the streams.

When control does not answer, the error text addresses the nurse: what it means for the pump, and what to do.
"""

import asyncio
import contextlib
import errno
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from pumpd.messages.no_answer import UNWATCHED, not_connected
from pumpd.messages.requests import LONGEST_LINE, Answer, TraceRequest, WatchRequest
from pumpd.texts import capital, listed, text

ANSWER_WITHIN_S = 5.0
FULL_FOR_S = 3.0  # how long to try again while control has too many connections waiting
_AGAIN_S = 0.02
LONGEST_STATE = 4 * 1024 * 1024
GO = text("link.go", "Go to the pump: stop it there, clamp the line.")
AWAY = text(
    "link.away",
    "The gateway's control process ended, or it closed the connection. {unwatched}. {go}",
    unwatched=capital(UNWATCHED),
    go=GO,
)
SILENT = text(
    "link.silent",
    "The gateway's control process did not answer within {seconds} s. It may still carry out the request; what the "
    "pump does is not known here. {go}",
    seconds=f"{ANSWER_WITHIN_S:g}",
    go=GO,
)
STRANGE = text(
    "link.strange",
    "The gateway's control process answered in a way that this server does not understand; they may be of different "
    "versions. Whether it carried out the request is not known. {go}",
    go=GO,
)


class NoControlError(ConnectionError):
    """Control does not answer on its socket. `why` is for the nurse: why, what that means, and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Control(Protocol):
    """What bedside needs from control."""

    async def ask(self, message: BaseModel) -> Answer:
        """Raises NoControlError."""
        ...

    def watch(self) -> AsyncGenerator[dict[str, Any], None]:
        """The live state, without end. Raises NoControlError, also when control is silent for `ANSWER_WITHIN_S`."""
        ...

    def trace(self, pump: str) -> AsyncGenerator[dict[str, Any], None]:
        """The packets of a pump's line, without end. Raises NoControlError."""
        ...


class ControlLink:
    def __init__(self, path: Path, lock: Path | None = None) -> None:
        """`lock`: the file that control holds while it runs, which shows that it is starting."""
        self._path, self._lock = path, lock

    async def ask(self, message: BaseModel) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), self._asked(message, LONGEST_LINE * 16) as reader:
                return _answer(await reader.readline())
        except (OSError, ValueError) as error:
            raise _no_control(error) from error

    async def watch(self) -> AsyncGenerator[dict[str, Any], None]:
        async for line in self._stream(WatchRequest(), ANSWER_WITHIN_S):  # control sends it each second
            yield line

    async def trace(self, pump: str) -> AsyncGenerator[dict[str, Any], None]:
        async for line in self._stream(TraceRequest(pump=pump)):
            yield line

    async def _stream(self, message: BaseModel, silent_s: float | None = None) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async with self._asked(message, LONGEST_STATE) as reader:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    answer = _answer(await reader.readline())
                if not answer.ok:
                    raise NoControlError(listed(answer.reasons))
                while True:
                    async with asyncio.timeout(silent_s):
                        line = await reader.readline()
                    if not line:
                        break
                    yield json.loads(line)
        except (OSError, ValueError) as error:
            raise _no_control(error) from error
        raise NoControlError(AWAY)

    @contextlib.asynccontextmanager
    async def _asked(self, message: BaseModel, limit: int) -> AsyncGenerator[asyncio.StreamReader, None]:
        try:
            reader, writer = await self._connected(limit)
        except OSError as error:
            raise NoControlError(
                text(
                    "link.control_away",
                    "{why} Nothing was sent. {go}",
                    why=str(not_connected(self._path, error, self._lock)),
                    go=GO,
                )
            ) from error
        try:
            writer.write(message.model_dump_json().encode() + b"\n")
            yield reader
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connected(self, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Try again while control's queue is full. Raises OSError.

        asyncio takes a full queue for a connection; such a one has no peer, and what is written to it is lost.
        """
        end = asyncio.get_running_loop().time() + FULL_FOR_S
        while True:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=limit)
            if writer.get_extra_info("peername") is not None:
                return reader, writer
            writer.transport.abort()
            if asyncio.get_running_loop().time() >= end:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            await asyncio.sleep(_AGAIN_S)


def _answer(line: bytes) -> Answer:
    """Raises NoControlError for a connection that control closed, ValueError for what is not an answer."""
    if not line:
        raise NoControlError(AWAY)
    return Answer.model_validate_json(line)


def _no_control(error: Exception) -> NoControlError:
    match error:
        case NoControlError():
            return error
        case TimeoutError():
            return NoControlError(SILENT)
        case OSError():
            return NoControlError(AWAY)
        case _:
            return NoControlError(STRANGE)
