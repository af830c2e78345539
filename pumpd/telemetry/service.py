"""The telemetry service: tells a broker what is true now and what happened, for as long as it takes.

Promises:
- On every connection all that is true is retained: every active alarm, every state, the description. What earlier runs
  retained and is not true any more is emptied.
- Each entry is published at QoS 1, the newest first, and the cursor moves only past what the broker has acknowledged.
- A missing broker is retried without end, with back-off and jitter; going down and coming up are each logged once.
- Number and hash of the newest published entry are sent at most every `ANCHOR_S`, and after the last entry too.
- A broker that dies loses messages that it had acknowledged. After a lost connection, what was acknowledged within the
  last `resend_s` seconds is sent again; after a kill or a power failure at least that.
- Nothing is received but this gateway's own `$state`, and nothing is written but the cursor and one lock.
"""

import asyncio
import contextlib
import random
import uuid
from collections import deque
from datetime import UTC, datetime
from importlib.metadata import version

import structlog

from pumpd import loop_time
from pumpd.attempts import Attempts
from pumpd.host.name_taken import NameTaken
from pumpd.journal import JournalReader
from pumpd.mqtt import BrokerError, Publisher, publishing
from pumpd.notify import notify
from pumpd.settings import Settings
from pumpd.settings_brokers import MqttSettings
from pumpd.telemetry.cursor import SAVE_S, Cursor, Position
from pumpd.telemetry.follow import POLL_S, follow
from pumpd.telemetry.machine import boot_id, machine
from pumpd.telemetry.messages import Message, Translator
from pumpd.telemetry.models import SCHEMA
from pumpd.telemetry.outgoing import Outgoing
from pumpd.telemetry.own_name import OwnName
from pumpd.telemetry.retaining import Retaining

GOODBYE_S = 2.0  # for the message that announces a clean end to the broker
ANCHOR_S = 60.0  # this much of the journal could be cut off without a trace elsewhere
MARK_S = 1.0

_log = structlog.get_logger()


class Telemetry:
    def __init__(
        self, settings: Settings, mqtt: MqttSettings, cursor: Cursor, jitter: random.Random, taken: NameTaken
    ) -> None:
        self._settings, self._mqtt, self._cursor, self._attempts = settings, mqtt, cursor, Attempts(jitter)
        self._simulated = {pump.name: pump.simulated for pump in settings.pumps}
        self._translator = Translator(settings.gateway, self._simulated)
        self._boot = boot_id()
        self._name = OwnName(settings.gateway, machine(cursor.place), taken)
        self.connected, self.connections = False, 0
        self._away = ""  # why the broker cannot be reached; empty when it can
        self._marks: deque[tuple[float, Position]] = deque([(0.0, cursor.position)])
        self._save_s = self._anchor_s = 0.0
        cursor.of(self._broker)
        self._retaining = Retaining(settings, mqtt, self._translator, cursor)
        self._anchored = Position()

    async def run(self) -> None:
        """Run until cancelled; then set the gateway's state to `disconnected`, if the broker can be reached."""
        try:
            while True:
                self._attempts.begin()
                try:
                    await self._session()
                except BrokerError as error:
                    self.connected = False
                    self._go_back()
                    self._say_away(str(error))
                    if (task := asyncio.current_task()) and task.cancelling():
                        raise asyncio.CancelledError from error  # cancelled at the moment the connection broke
                await self._attempts.pause()
        finally:
            self._name.end()

    def _go_back(self) -> None:
        """The broker may have lost what it acknowledged lately."""
        self._cursor.position = self._safe()
        self._marks = deque([(loop_time.now_s(), self._cursor.position)])

    def _safe(self) -> Position:
        """What was acknowledged so long ago that no broker loses it. It may have died before that was noticed."""
        while (
            len(self._marks) > 1
            and self._marks[1][0] <= loop_time.now_s() - self._mqtt.resend_s - self._mqtt.keepalive_s
        ):
            self._marks.popleft()
        return self._marks[0][1]

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
        name = f"pumpd-{self._settings.gateway}-telemetry-{self._name.machine}"
        required = self._mqtt.requires_subscriber
        async with publishing(self._mqtt, name, will, SCHEMA, requires_subscriber=required) as session:
            _log.info("broker_back" if self._away else "broker_connected", broker=self._broker, session=identity)
            self._away = ""
            self.connected, self.connections = True, self.connections + 1
            notify(f"STATUS=publishing to {self._broker}")
            outgoing = Outgoing(session, self._translator, self._cursor)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(session.lost())
                    group.create_task(session.refused())
                    self._retaining.begin()
                    await self._hear(session)
                    await self._announce(outgoing, identity)
                    group.create_task(self._announce_again(outgoing, identity))
                    await self._publish_journal(session, outgoing)
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            except asyncio.CancelledError:
                with contextlib.suppress(BrokerError, TimeoutError):
                    await asyncio.wait_for(self._goodbye(session, outgoing, identity), GOODBYE_S)
                raise

    async def _hear(self, session: Publisher) -> None:
        """Hear what others publish as this gateway's state. Not where the broker does not allow it."""
        try:
            await session.hear(self._translator.state_topic, self._name.heard)
        except BrokerError as error:
            if self._name.unheard != str(error):
                _log.warning("own_state_not_heard", error=str(error))
            self._name.unheard = str(error)

    async def _announce(self, outgoing: Outgoing, identity: str) -> None:
        await outgoing.send(self._gateway_state("ready", identity))
        await outgoing.send(self._translator.description(version("pumpd"), self._pumps()))
        self._name.said()
        self._retaining.restate()

    async def _announce_again(self, outgoing: Outgoing, identity: str) -> None:
        while True:
            await self._name.wrong()
            await self._announce(outgoing, identity)

    async def _goodbye(self, session: Publisher, outgoing: Outgoing, identity: str) -> None:
        await outgoing.send(self._gateway_state("disconnected", identity))
        await session.settled()

    async def _publish_journal(self, session: Publisher, outgoing: Outgoing) -> None:
        async def send(reader: JournalReader) -> None:
            if self._cursor.position.id < self._marks[0][1].id:  # the journal was replaced
                self._marks = deque([(loop_time.now_s(), self._cursor.position)])
            self._translator.reads(reader.start_of)
            newest = _newest(reader)  # before what is true is read: what comes later is sent as new
            outgoing.begin(self._cursor.position.id, newest)
            while True:
                await self._retaining.check(reader, session, outgoing)
                busy = await outgoing.turn(reader)
                await self._account(reader, session, outgoing)
                await asyncio.sleep(0 if busy else POLL_S)

        await follow(self._settings.journal_path, self._cursor, send)

    async def _account(self, reader: JournalReader, session: Publisher, outgoing: Outgoing) -> None:
        """Move the cursor, and publish the anchor when everything is published."""
        if outgoing.all_sent and loop_time.now_s() >= self._anchor_s and outgoing.position != self._anchored.id:
            await session.settled()
        now_s, reached = loop_time.now_s(), outgoing.position
        if reached > self._cursor.position.id and (last := reader.at_most(reached)) is not None:
            self._cursor.advance(Position(last.id, last.hash))
        position = self._cursor.position
        if now_s >= self._marks[-1][0] + MARK_S and position != self._marks[-1][1]:
            self._marks.append((now_s, position))
        if now_s >= self._save_s:
            self._save_s = now_s + SAVE_S
            self._cursor.save(self._safe())
        if outgoing.all_sent and now_s >= self._anchor_s and position not in (self._anchored, Position()):
            await outgoing.send(self._translator.anchor(position.id, position.hash, _wall_time()))
            _log.info("anchor", anchor=f"{position.id}:{position.hash}")  # the system's log may be kept elsewhere
            self._anchored, self._anchor_s = position, now_s + ANCHOR_S

    def _gateway_state(self, state: str, session: str) -> Message:
        return self._translator.gateway_state(state, self._boot, session, self._name.machine, _wall_time())

    def _pumps(self) -> list[dict[str, str | bool]]:
        return [
            {"name": pump.name, "driver": pump.driver, "model": pump.model, "simulated": pump.simulated}
            for pump in self._settings.pumps
        ]


def _newest(reader: JournalReader) -> int:
    return next((entry.id for entry in reader.last(1)), 0)


def _wall_time() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
