"""The connection to control's vitals socket. Control takes vital signs there, and nothing else."""

import asyncio
import contextlib
from pathlib import Path

from pydantic import ValidationError

from pumpd.messages.requests import LONGEST_LINE, Answer, VitalSigns

ANSWER_WITHIN_S = 2.0


class NoControlError(ConnectionError):
    """Control does not answer on its socket. Whether it has taken what was sent is unknown."""


class ControlLink:
    """One connection for as long as it lasts; the next request after that opens another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def tell(self, signs: VitalSigns) -> Answer:
        """Raises NoControlError."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if self._streams is None:
                    self._streams = await asyncio.open_unix_connection(self._path, limit=LONGEST_LINE)
                reader, writer = self._streams
                writer.write(signs.model_dump_json(exclude_none=True).encode() + b"\n")
                await writer.drain()
                return Answer.model_validate_json(await reader.readline())
        except (OSError, ValidationError, ValueError) as error:  # TimeoutError is an OSError
            await self.close()
            raise NoControlError(f"{self._path}: {str(error) or 'no answer'}") from error

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
