"""One watch on control and one reader of the journal, shared by all viewers.

Promises:
- A viewer that reads slowly misses older states, never the newest, and holds up nobody else.
- A tablet has at most `MOST_VIEWERS` viewers; one more ends the oldest, which may be a connection that is long dead.
- While control does not answer, viewers hear why and get no beat, so that the values on a screen grow old.
- When a part of this ends, viewers hear it, and `run` raises: the process ends and starts again.
- The journal is read in a thread: a disk that hangs holds up the history, and neither the state nor a stop.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import structlog

from pumpd.bedside.history import ALARM_KINDS, MOST_ALARMS, History
from pumpd.bedside.link import Control, NoControlError
from pumpd.bedside.parts import PartEndedError, together
from pumpd.bedside.translated import translated
from pumpd.journal import JournalError, JournalReader
from pumpd.texts import messages_in, text

log = structlog.get_logger("pumpd.bedside")

T = TypeVar("T")

WATCH_AGAIN_S = 0.5
READ_EVERY_S = 0.5
READ_ENDS_WITHIN_S = 1.0
REOPEN_AFTER_S = 2.0
ENTRIES_AT_ONCE = 500
FURTHEST_BACK = 200_000  # entries
BEAT_S = 2.0
MOST_VIEWERS = 4  # a tablet shows one page; the others belong to lost connections that are not closed yet
NOT_YET = text("link.not_yet", "The gateway has not answered yet.")
UNPAIRED = text("link.unpaired", "This tablet is no longer paired with this gateway.")
FAILED = text(
    "link.display_failed",
    "The gateway's display has failed and is starting again. The infusion continues as before. If this does not go "
    "away, go to the pump.",
)


class Feed:
    def __init__(self, control: Control, journal_path: Path) -> None:
        self.state: dict[str, Any] = {}
        self.away: str = NOT_YET
        self.history = History()
        self._control, self._journal_path = control, journal_path
        self._said_of: dict[str, Any] = {}
        self._in: dict[str, dict[str, str]] = {}  # by language, what `_said_of` says
        self._change = 0
        self._changed = asyncio.Condition()
        self._viewers: dict[str, list[object]] = {}  # by tablet, oldest first
        self._closing = self._failed = False
        self._reading: asyncio.Future[Any] | None = None  # the last read of the journal

    def tablet(self, key_id: str) -> dict[str, Any] | None:
        """Name, roles and person of a paired tablet, from the last state. None for one that is not paired."""
        found = self.state.get("tablets", {}).get(key_id)
        return None if found is None else {"id": key_id, **found}

    async def run(self) -> None:
        """Follow control and the journal until cancelled. Raises PartEndedError when either of them ends."""
        try:
            await together(watch=self._watch(), journal=self._read())
        except PartEndedError as error:
            log.exception("feed_failed", part=error.part)
            self._failed = True
            await self._announce()
            raise

    async def close(self) -> None:
        """Let every viewer end, after it was sent the latest news."""
        self._closing = True
        await self._announce()

    async def _announce(self) -> None:
        async with self._changed:
            self._change += 1
            self._changed.notify_all()

    async def _watch(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._control.watch()) as states:
                    async for state in states:
                        if self.away:
                            log.info("control_answers")
                        self.state, self.away = state, ""
                        await self._announce()
            except NoControlError as error:
                if not self.away:
                    log.error("control_away", why=str(error))  # noqa: TRY400  # a traceback adds nothing
                self.away = error.why
                await self._announce()
            await asyncio.sleep(WATCH_AGAIN_S)

    async def _read(self) -> None:
        while True:
            try:
                await self._follow_journal()
            except JournalError as error:
                log.warning("journal_unavailable", error=str(error))
            await asyncio.sleep(REOPEN_AFTER_S)

    async def _follow_journal(self) -> None:
        opening = self._in_thread(JournalReader, self._journal_path)
        try:
            reader = await asyncio.shield(opening)
            if not self.history.last_id:
                await asyncio.shield(self._in_thread(self._begin, reader))
            while True:
                read = self._in_thread(reader.after, self.history.last_id, ENTRIES_AT_ONCE)
                if entries := await asyncio.shield(read):
                    self.history.take(entries)
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(READ_EVERY_S)
        finally:
            last = self._reading or opening
            # Cancelled during a read: SQLite does not survive a close before its end.
            await asyncio.wait([last], timeout=READ_ENDS_WITHIN_S)
            if last.done():
                _close(opening)
            else:
                last.add_done_callback(lambda _: _close(opening))

    def _in_thread(self, read: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        call = asyncio.get_running_loop().run_in_executor(None, lambda: read(*arguments))
        self._reading = call
        return call

    def _begin(self, reader: JournalReader) -> None:
        """Start at the last infusion on any pump, and look up older alarms one kind at a time."""
        newest = reader.last(1)
        if not newest:
            return
        last = newest[-1].id
        begun = {entry.pump: entry.id for entry in reader.last(100, "began")}
        start = min((number for number in begun.values() if last - number < FURTHEST_BACK), default=last + 1)
        alarms = [entry for kind in ALARM_KINDS for entry in reader.last(MOST_ALARMS, kind) if entry.id < start]
        self.history.take(sorted(alarms, key=lambda entry: entry.id))
        self.history.last_id = start - 1

    @contextlib.contextmanager
    def _viewing(self, tablet: str) -> Iterator[Callable[[], bool]]:
        """A place for one more viewer of this tablet. Yields a function that tells whether it still has the place."""
        place, places = object(), self._viewers.setdefault(tablet, [])
        places.append(place)
        del places[:-MOST_VIEWERS]
        try:
            yield lambda: place in places
        finally:
            if place in places:
                places.remove(place)
                if not places:
                    del self._viewers[tablet]

    async def events(self, tablet: str, after: int, language: str = "") -> AsyncGenerator[str, None]:
        """The server-sent events for one viewer, in its language, until it disconnects, too many newer ones have come,
        or the server ends.
        """
        with self._viewing(tablet) as still_viewing:
            async with contextlib.aclosing(self._events(tablet, after, language)) as events:
                async for event in events:
                    yield event
                    if not still_viewing():
                        return

    async def _events(self, tablet: str, after: int, language: str) -> AsyncGenerator[str, None]:
        yield "retry: 1000\n\n"
        loop = asyncio.get_running_loop()
        seen, change, beat = after if after <= self.history.last_id else 0, -1, 0.0

        def news() -> bool:
            return change != self._change

        while True:
            number, who = self.history.last_id, self.tablet(tablet)
            if self.state and who is None:  # before anything else: a revoked tablet reads nothing
                yield _event("unpaired", number, _told(UNPAIRED, language))
                return
            for part in self.history.events(seen):
                yield _event("history", number, part)
            seen = number
            if news():
                change = self._change
                away = FAILED if self._failed else self.away
                if away:
                    yield _event("away", number, _told(away, language))
                elif who is not None:
                    yield self._state_event(number, who, language)
            if self._closing:
                return
            if not self._failed and not self.away and loop.time() - beat >= BEAT_S:
                beat = loop.time()
                yield _event("beat", number, {"ts": self.state.get("ts")})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S), self._changed:
                    await self._changed.wait_for(news)

    def _state_event(self, number: int, who: dict[str, Any], language: str) -> str:
        common = {key: value for key, value in self.state.items() if key not in ("tablets", "messages")}
        own = {"person": who["person"], "tablet": _tablet(who), "said": self._said(language)}
        return _event("state", number, common | own)

    def _said(self, language: str) -> dict[str, str]:
        """The texts of the state in that language, made once for all its viewers."""
        if self._said_of is not self.state:
            self._said_of, self._in = self.state, {}
        if language not in self._in:
            self._in[language] = translated(self.state.get("messages", {}), language)
        return self._in[language]


def _close(opening: "asyncio.Future[JournalReader]") -> None:
    """Close the reader, if it was opened at all."""
    if opening.done() and not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _tablet(who: dict[str, Any]) -> dict[str, Any]:
    return {key: who[key] for key in ("id", "name", "roles")}


def _told(what: str, language: str) -> dict[str, Any]:
    return {"text": what, "said": translated(messages_in(what), language)}


def _event(name: str, number: int, data: Any) -> str:
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
