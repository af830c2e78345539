"""The board, made once for all who watch, when the store has changed and at least every few seconds."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import structlog

from pumpd_ward.board.beds import board
from pumpd_ward.store.writing import CHANNEL

SOONEST_S = 0.25  # between two boards
LATEST_S = 2.0  # ages grow although nothing comes
RETRY_S = 1.0

_log = structlog.get_logger()


class Live:
    """`newest` is the board as JSON; empty while the store is away."""

    def __init__(self, dsn: str, silent_s: int) -> None:
        self._dsn, self._silent_s = dsn, silent_s
        self.newest = ""
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Run until cancelled. A store that is away is retried without end."""
        away = ""
        while True:
            try:
                await self._session()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                if str(error) != away:
                    _log.error("board_waits_for_store", error=str(error))
                away = str(error)
                await self._show("")
            await asyncio.sleep(RETRY_S)

    async def _session(self) -> None:
        store = await asyncpg.connect(self._dsn, timeout=10, command_timeout=10)
        happened = asyncio.Event()
        try:
            await store.add_listener(CHANNEL, lambda *_: happened.set())
            while True:
                happened.clear()
                await self._show(json.dumps(await board(store, self._silent_s)))
                await asyncio.sleep(SOONEST_S)
                try:
                    await asyncio.wait_for(happened.wait(), LATEST_S - SOONEST_S)
                except TimeoutError:
                    continue
        finally:
            store.terminate()

    async def _show(self, text: str) -> None:
        async with self._changed:
            self.newest = text
            self._changed.notify_all()

    async def follow(self) -> AsyncIterator[str]:
        """Each board as it is made, the present one first. Who is slow misses some, never the newest."""
        while True:
            shown = self.newest
            yield shown
            async with self._changed:
                await self._changed.wait_for(lambda: self.newest is not shown)  # noqa: B023 - used before it changes
