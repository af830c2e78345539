"""The telemetry service: sends the journal's new entries to the broker, in order, for as long as it takes.

Promises:
- Each entry is published in order at QoS 1, and the cursor moves past it only after the broker's acknowledgement.
- A missing broker is retried without end, with back-off and jitter; going down and coming up are each logged once.
- Number and hash of the newest published entry are sent at most every `ANCHOR_S`, and after the last entry too.
- After a kill at most the unacknowledged tail (`WINDOW` messages) is sent twice; nothing is left out.
- A broker that dies loses messages that it had acknowledged but not yet passed on: after a lost connection the last
  `AGAIN` acknowledged entries are sent again.
- Nothing is received, and nothing but the cursor is written.
"""

import asyncio
import contextlib
import random
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import structlog

from pumpd.attempts import Attempts
from pumpd.journal import JournalError, JournalReader, Record
from pumpd.mqtt import WINDOW, BrokerError, Publisher, publishing
from pumpd.notify import notify
from pumpd.settings import MqttSettings, Settings
from pumpd.telemetry.cursor import Cursor, Position
from pumpd.telemetry.messages import SCHEMA, Message, Translator

POLL_S = 0.25
JOURNAL_RETRY_S = 1.0
GOODBYE_S = 2.0  # for the message that announces a clean end to the broker
AGAIN = WINDOW  # as many as can be in flight through a broker at once
ANCHOR_S = 60.0  # this much of the journal could be cut off without a trace elsewhere

_log = structlog.get_logger()


class Telemetry:
    def __init__(self, settings: Settings, mqtt: MqttSettings, cursor: Cursor, jitter: random.Random) -> None:
        self._settings, self._mqtt, self._cursor, self._attempts = settings, mqtt, cursor, Attempts(jitter)
        self._translator = Translator(settings.gateway, {pump.name: pump.simulated for pump in settings.pumps})
        self._boot = _machine_boot()
        self._away = ""  # why the broker cannot be reached; empty when it can
        self._again = 0  # acknowledged entries that may have died with the broker
        self._replaced = False  # the journal was replaced; the broker's alarms come from the previous one

    async def run(self) -> None:
        """Run until cancelled; then set the gateway's state to `disconnected`, if the broker can be reached."""
        while True:
            self._attempts.begin()
            try:
                await self._session()
            except BrokerError as error:
                self._again = AGAIN
                self._say_away(str(error))
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError from error  # cancelled at the moment the connection broke
            await self._attempts.pause()

    def _say_away(self, cause: str) -> None:
        """Log once for each cause, not for each attempt."""
        if cause != self._away:
            _log.error("broker_unavailable", broker=self._broker, error=cause)
            notify("STATUS=broker not reachable, catching up later")
        self._away = cause

    @property
    def _broker(self) -> str:
        return f"{self._mqtt.host}:{self._mqtt.port}"

    async def _session(self) -> None:
        """One connection, from the birth message to its end."""
        identity = uuid.uuid4().hex
        will = self._gateway_state("lost", identity)
        name = f"pumpd-{self._settings.gateway}-telemetry"
        async with publishing(self._mqtt, name, will, SCHEMA) as session:
            _log.info("broker_back" if self._away else "broker_connected", broker=self._broker, session=identity)
            self._away = ""
            notify(f"STATUS=publishing to {self._broker}")
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(session.lost())
                    await session.publish(self._gateway_state("ready", identity))
                    await session.publish(self._translator.description(version("pumpd"), self._pumps()))
                    await self._publish_journal(session)
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            except asyncio.CancelledError:
                with contextlib.suppress(BrokerError, TimeoutError):
                    await asyncio.wait_for(session.publish(self._gateway_state("disconnected", identity)), GOODBYE_S)
                raise

    async def _publish_journal(self, session: Publisher) -> None:
        """Up to `WINDOW` messages are in flight at once; an entry counts when its last message is acknowledged."""
        waiting: deque[tuple[asyncio.Task[None], Record | None]] = deque()
        anchored, anchor_due = Position(), 0.0
        try:
            async with contextlib.aclosing(self._entries()) as entries:
                async for entry in entries:
                    if self._replaced:
                        for message in self._translator.no_alarms():
                            await session.publish(message)
                        self._replaced = False
                    if entry is None:  # no more entries for now
                        await self._acknowledged(waiting, leave=0)
                        now, newest = asyncio.get_running_loop().time(), self._cursor.position
                        if newest not in (anchored, Position()) and now >= anchor_due:
                            await session.publish(self._translator.anchor(newest.id, newest.hash, _wall_time()))
                            anchored, anchor_due = newest, now + ANCHOR_S
                        continue
                    messages = self._translator.messages(entry)
                    for message in messages:
                        await self._acknowledged(waiting, leave=WINDOW - 1)
                        task = asyncio.create_task(session.publish(message))
                        waiting.append((task, entry if message is messages[-1] else None))
        finally:
            for task, _ in waiting:
                task.cancel()
            await asyncio.gather(*(task for task, _ in waiting), return_exceptions=True)

    async def _acknowledged(self, waiting: deque[tuple[asyncio.Task[None], Record | None]], leave: int) -> None:
        while len(waiting) > leave:
            task, entry = waiting[0]
            await task
            waiting.popleft()
            if entry is not None:
                self._cursor.advance(entry)

    async def _entries(self) -> AsyncGenerator[Record | None, None]:
        """The entries after the cursor, without end; None whenever there are no more at present."""
        missing = False
        while True:
            try:
                with contextlib.closing(JournalReader(self._settings.journal_path)) as reader:
                    last = self._resume(reader)
                    if missing:
                        _log.info("journal_back", journal=str(self._settings.journal_path))
                    missing = False
                    while True:
                        entries = reader.after(last)
                        for entry in entries:
                            yield entry
                            last = entry.id
                        if not entries:
                            yield None
                            await asyncio.sleep(POLL_S)
            except JournalError as error:
                if not missing:
                    _log.warning("journal_unavailable", error=str(error))
                missing = True
                yield None
                await asyncio.sleep(JOURNAL_RETRY_S)

    def _resume(self, reader: JournalReader) -> int:
        """The id to continue from: the cursor's, or 0 when the journal was replaced."""
        position = self._cursor.position
        if position.id:
            found = reader.after(position.id - 1, limit=1)
            if not found or (found[0].id == position.id and found[0].hash != position.hash):
                _log.error("journal_replaced", journal=str(self._settings.journal_path), published_up_to=position.id)
                self._cursor.start_over()
                self._replaced = True
        again, self._again = self._again, 0
        return max(0, self._cursor.position.id - again)

    def _gateway_state(self, state: str, session: str) -> Message:
        return self._translator.gateway_state(state, self._boot, session, _wall_time())

    def _pumps(self) -> list[dict[str, str | bool]]:
        return [
            {"name": pump.name, "driver": pump.driver, "model": pump.model, "simulated": pump.simulated}
            for pump in self._settings.pumps
        ]


def _wall_time() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _machine_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"
