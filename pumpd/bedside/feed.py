"""The one watch on control and the one look into the journal, handed on to any number of viewers.

Promises:
- A viewer that reads slowly misses states in between, never the newest; it makes nobody wait.
- When control does not answer, viewers are told so, and no beat is sent: what is on a screen then grows old there.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import structlog

from pumpd.bedside.link import Control, NoControlError
from pumpd.bedside.plot import ALARM_KINDS, MOST_ALARMS, History
from pumpd.journal import JournalError, JournalReader

log = structlog.get_logger("pumpd.bedside")

AGAIN_S = 0.5
LOOK_EVERY_S = 0.5
CHUNK = 500
BEAT_S = 2.0
STALE_S = 3.0  # control sends a state each second


class Feed:
    def __init__(self, control: Control, journal_path: Path) -> None:
        self.state: dict[str, Any] = {}
        self.away = "The gateway has not answered yet."
        self.history = History()
        self._control, self._journal_path = control, journal_path
        self._turn = 0
        self._turned = asyncio.Condition()
        self._closing = False

    def tablet(self, key_id: str) -> dict[str, Any] | None:
        """A paired tablet as control last said: name, roles, person. None when it is not paired (any more)."""
        found = self.state.get("tablets", {}).get(key_id)
        return None if found is None else {"id": key_id, **found}

    async def run(self) -> None:
        """Until cancelled."""
        tasks = [asyncio.create_task(self._watch(), name="watch"), asyncio.create_task(self._read(), name="journal")]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Let every viewer end."""
        self._closing = True
        await self._tell()

    async def _tell(self) -> None:
        async with self._turned:
            self._turn += 1
            self._turned.notify_all()

    async def _watch(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._control.watch()) as states:
                    async for state in states:
                        if self.away:
                            log.info("control_answers")
                        self.state, self.away = state, ""
                        await self._tell()
            except NoControlError as error:
                if not self.away:
                    log.error("control_away", why=str(error))  # noqa: TRY400  # why is all there is to say
                self.away = str(error)
                await self._tell()
            await asyncio.sleep(AGAIN_S)

    async def _read(self) -> None:
        while True:
            try:
                await self._follow_journal()
            except JournalError as error:
                log.warning("journal_unavailable", error=str(error))
            await asyncio.sleep(2.0)

    async def _follow_journal(self) -> None:
        with contextlib.closing(JournalReader(self._journal_path)) as reader:
            if not self.history.last_id:
                self._begin(reader)
            while True:
                rows = reader.after(self.history.last_id, CHUNK)
                if rows:
                    self.history.take(rows)
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(LOOK_EVERY_S)

    def _begin(self, reader: JournalReader) -> None:
        """From where on the rows are read: the last infusion's beginning on any pump; older alarms are looked up."""
        newest = reader.last(1)
        if not newest:
            return
        last = newest[-1].id
        begun = {row.pump: row.id for row in reader.last(100, "began")}
        start = min((number for number in begun.values() if last - number < 200_000), default=last + 1)
        older = sorted((row for kind in ALARM_KINDS for row in reader.last(MOST_ALARMS, kind)), key=lambda row: row.id)
        self.history.take([row for row in older if row.id < start])
        self.history.last_id = start - 1

    async def events(self, tablet: str, after: int) -> AsyncGenerator[str, None]:
        """The server-sent events for one viewer, until it goes or the server ends."""
        yield "retry: 1000\n\n"
        loop = asyncio.get_running_loop()
        seen, turn, beat = after if after <= self.history.last_id else 0, -1, 0.0

        def more() -> bool:
            return turn != self._turn or self._closing

        while not self._closing:
            number = self.history.last_id
            for rows in self.history.events(seen):
                yield _event("rows", number, rows)
            seen = number
            if turn != self._turn:
                turn = self._turn
                who = self.tablet(tablet)
                if self.away:
                    yield _event("away", number, {"text": self.away})
                elif who is None:
                    yield _event("unpaired", number, {"text": "This tablet is not paired with this gateway any more."})
                    return
                else:
                    yield self._state_event(number, who)
            if not self.away and loop.time() - beat >= BEAT_S:
                beat = loop.time()
                yield _event("beat", number, {"ts": self.state.get("ts")})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S), self._turned:
                    await self._turned.wait_for(more)

    def _state_event(self, number: int, who: dict[str, Any]) -> str:
        common = {key: value for key, value in self.state.items() if key != "tablets"}
        return _event("state", number, common | {"person": who["person"], "tablet": _tablet(who)})


def _tablet(who: dict[str, Any]) -> dict[str, Any]:
    return {key: who[key] for key in ("id", "name", "roles")}


def _event(name: str, number: int, data: Any) -> str:
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
