"""Sends the journal's new entries to the ward's stream, in order, for as long as it takes.

Promises:
- The cursor moves past an entry only after the stream has acknowledged its batch. On disk it is up to `STATUS_S`
  behind: what is sent again has the same identity, and is stored once.
- At most `WINDOW` batches are in memory; the journal is the only buffer.
- A missing cluster is retried without end, with back-off and jitter, one node after the other; going away and coming
  back are each logged once.
- It does not touch telemetry to the MQTT broker: each has its own cursor and its own connection.
"""

import asyncio
import random
from collections import deque
from itertools import count

import structlog

from pumpd.attempts import Attempts
from pumpd.journal import JournalError, JournalReader, Record
from pumpd.settings import Settings
from pumpd.settings_brokers import FleetSettings
from pumpd.telemetry.cursor import Position
from pumpd.telemetry.fleet.cursor import FleetCursor
from pumpd.telemetry.fleet.health import health
from pumpd.telemetry.fleet.messages import BATCH, fitting, status, subject, urgent
from pumpd.telemetry.fleet.stream import Stream, StreamError, connected
from pumpd.telemetry.follow import POLL_S, follow
from pumpd.telemetry.machine import machine
from pumpd.telemetry.messages import Translator

WINDOW = 8  # batches in flight
STATUS_S = 10.0

_log = structlog.get_logger()

_Waiting = deque[tuple[asyncio.Task[None], Record]]  # what is not acknowledged yet, each with its last entry


class Fleet:
    def __init__(self, settings: Settings, fleet: FleetSettings, cursor: FleetCursor, jitter: random.Random) -> None:
        self._settings, self._fleet, self._cursor, self._attempts = settings, fleet, cursor, Attempts(jitter)
        self._simulated = {pump.name: pump.simulated for pump in settings.pumps}
        self._hosts = [fleet.host, *fleet.others]
        jitter.shuffle(self._hosts)  # so that gateways spread over the nodes
        self.connected, self.connections = False, 0
        self._machine = machine(cursor.place)
        self._away = ""  # why the stream cannot be reached; empty when it can

    async def run(self) -> None:
        """Run until cancelled."""
        for number in count():
            self._attempts.begin()
            host = self._hosts[number % len(self._hosts)]
            try:
                await self._session(host)
            except StreamError as error:
                self.connected = False
                if (cause := str(error)) != self._away:
                    _log.error("fleet_unavailable", node=f"{host}:{self._fleet.port}", error=cause)
                self._away = cause
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError from error  # cancelled at the moment the connection broke
            await self._attempts.pause()

    async def _session(self, host: str) -> None:
        """One connection, to its end."""
        async with connected(self._fleet, self._settings.gateway, host) as stream:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(stream.lost())
                    group.create_task(self._publish_status(stream))
                    await self._publish_journal(stream)
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None

    async def _publish_status(self, stream: Stream) -> None:
        where = subject(self._settings.gateway, "status")
        while True:
            fields = await asyncio.to_thread(health, self._settings)
            payload = status(
                self._settings.gateway, self._cursor.journal, self._cursor.position.id, self._machine, fields
            )
            await stream.publish(where, payload, f"{self._settings.gateway}/status/{self._machine}/{fields['ts']}")
            self._good()
            self._cursor.save(self._cursor.position)
            await asyncio.sleep(STATUS_S)

    def _good(self) -> None:
        """The stream acknowledged: a connection alone does not show that it stores anything."""
        if self._away:
            _log.info("fleet_back")
        self._away = ""
        if not self.connected:
            self.connected, self.connections = True, self.connections + 1

    async def _publish_journal(self, stream: Stream) -> None:
        waiting: _Waiting = deque()

        async def send(reader: JournalReader) -> None:
            try:
                await self._send(reader, stream, waiting)
            except JournalError:
                await self._acknowledged(waiting, leave=0)  # before another journal comes, with other numbers
                raise

        try:
            await follow(self._settings.journal_path, self._cursor, send)
        finally:
            for task, _ in waiting:
                task.cancel()
            await asyncio.gather(*(task for task, _ in waiting), return_exceptions=True)

    async def _send(self, reader: JournalReader, stream: Stream, waiting: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        last, since = self._cursor.position.id, loop.time()
        translator = Translator(self._settings.gateway, self._simulated, reader.start_of)
        while True:
            entries = reader.after(last, BATCH)
            now = loop.time()
            if not entries:
                since = now
            if entries and (len(entries) == BATCH or urgent(entries) or now - since >= self._fleet.every_s):
                each = fitting(stream.fits, self._settings.gateway, self._cursor.journal, last, entries, translator)
                await self._acknowledged(waiting, leave=WINDOW - 1)
                waiting.append(
                    (asyncio.create_task(stream.publish(each.subject, each.payload, each.identity)), each.last)
                )
                last, since = each.last.id, now if each.last is entries[-1] else since
            if len(entries) < BATCH:
                await self._acknowledged(waiting, leave=0)
                await asyncio.sleep(POLL_S)

    async def _acknowledged(self, waiting: _Waiting, leave: int) -> None:
        while len(waiting) > leave:
            task, last = waiting[0]
            await task
            waiting.popleft()
            self._cursor.advance(Position(last.id, last.hash))
            self._good()
