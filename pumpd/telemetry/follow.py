"""Both sinks follow the journal by this: they wait for one that cannot be read, and notice one that was replaced."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from pumpd.journal import JournalError, JournalReader
from pumpd.telemetry.cursor import Cursor

POLL_S = 0.25  # between two looks for new entries
RETRY_S = 1.0

_log = structlog.get_logger()


async def follow(journal: Path, cursor: Cursor, send: Callable[[JournalReader], Awaitable[None]]) -> None:
    """Call `send` with the open journal, and again whenever it could not be read. Going away and coming back are logged
    once. A journal that is not the cursor's any more is sent from its start.

    `send` does not return. Raises what else it raises.
    """
    missing = False
    while True:
        try:
            with contextlib.closing(JournalReader(journal)) as reader:
                if _replaced(reader, cursor):
                    _log.error("journal_replaced", journal=str(journal), published_up_to=cursor.position.id)
                    cursor.start_over()
                if missing:
                    _log.info("journal_back", journal=str(journal))
                missing = False
                await send(reader)
        except JournalError as error:
            if not missing:
                _log.warning("journal_unavailable", error=str(error))
            missing = True
            await asyncio.sleep(RETRY_S)


def _replaced(reader: JournalReader, cursor: Cursor) -> bool:
    """Whether the cursor's entry is not in it. Retention may have removed that entry, and not all after it."""
    position = cursor.position
    if not position.id:
        reader.last(1)  # whether it can be read at all
        return False
    found = reader.after(position.id - 1, limit=1)
    return not found or (found[0].id == position.id and found[0].hash != position.hash)
