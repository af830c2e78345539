"""The connection to control: one request per connection, so that none waits for another; and the streams.

When control does not answer, the error text addresses the nurse: what it means for the pump, and what to do.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from pumpd.messages.requests import LONGEST_LINE, Answer, TraceRequest, WatchRequest

ANSWER_WITHIN_S = 5.0
LONGEST_STATE = 4 * 1024 * 1024
AWAY = (
    "The gateway's control process does not answer. A pump that was running stops by its own watchdog or at its "
    "programmed volume. Go to the pump: stop it there, clamp the line."
)


class NoControlError(ConnectionError):
    """Control does not answer on its socket."""


class Control(Protocol):
    """What bedside needs from control."""

    async def ask(self, message: BaseModel) -> Answer:
        """Raises NoControlError."""
        ...

    def watch(self) -> AsyncGenerator[dict[str, Any], None]:
        """The live state, for ever. Raises NoControlError, also when control is silent for `ANSWER_WITHIN_S`."""
        ...

    def trace(self, pump: str) -> AsyncGenerator[dict[str, Any], None]:
        """The packets of a pump's line, without end. Raises NoControlError."""
        ...


class ControlLink:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, message: BaseModel) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), self._asked(message, LONGEST_LINE * 16) as reader:
                return Answer.model_validate_json(await reader.readline())
        except (OSError, ValidationError, ValueError) as error:  # TimeoutError is an OSError
            raise NoControlError(AWAY) from error

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
                    answer = Answer.model_validate_json(await reader.readline())
                if not answer.ok:
                    raise NoControlError("; ".join(answer.reasons))
                while True:
                    async with asyncio.timeout(silent_s):
                        line = await reader.readline()
                    if not line:
                        break
                    yield json.loads(line)
        except (OSError, ValueError) as error:
            raise NoControlError(AWAY) from error
        raise NoControlError(AWAY)

    @contextlib.asynccontextmanager
    async def _asked(self, message: BaseModel, limit: int) -> AsyncGenerator[asyncio.StreamReader, None]:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=limit)
        try:
            writer.write(message.model_dump_json().encode() + b"\n")
            yield reader
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
