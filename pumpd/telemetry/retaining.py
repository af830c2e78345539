"""Keeps what the broker retains true: what is true is there, and nothing else of this gateway.

Promises:
- On each connection everything that is true is retained again, and then every `RESTATE_S`.
- What is not true any more is emptied within `CHECK_S`, also where nothing has happened: a state in which flow may
  occur becomes unknown when its readings are old. So a subscriber that is connected learns it as well.
- What another name of this gateway had retained is emptied once, where the broker allows it.
- A broker that does not allow the topics of Home Assistant ends one connection by it, and the next is without them:
  telemetry itself does not depend on an option.
"""

from datetime import UTC, datetime
from importlib.metadata import version

import structlog

from pumpd import loop_time
from pumpd.journal import JournalReader
from pumpd.mqtt import Publisher
from pumpd.settings import Settings
from pumpd.settings_brokers import MqttSettings
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.home_assistant import HomeAssistant, is_own_device
from pumpd.telemetry.messages import Message, Translator
from pumpd.telemetry.outgoing import Outgoing
from pumpd.telemetry.standing import once_alarmed, reported, standing

RESTATE_S = 6 * 3600.0  # long before a state without flow expires
CHECK_S = 30.0

_log = structlog.get_logger()


class Retaining:
    def __init__(self, settings: Settings, mqtt: MqttSettings, translator: Translator, cursor: Cursor) -> None:
        self._gateway, self._pumps = settings.gateway, [pump.name for pump in settings.pumps]
        self._translator, self._cursor = translator, cursor
        prefix = mqtt.home_assistant
        self._home = HomeAssistant(prefix, settings, translator, version("pumpd")) if prefix else None
        self._devices: dict[str, bytes] = {}  # as described on this connection
        self._describing = self._without_devices = False
        self._check_s = self._restate_s = 0.0

    def begin(self) -> None:
        """There is a new connection."""
        self.restate()
        self._without_devices, self._describing = self._describing, False
        if self._without_devices:
            _log.warning(
                "devices_not_described",
                to_do="the last connection ended when this gateway was described to Home Assistant; if this comes "
                "again, allow its topics in the broker's ACL (config/mosquitto/pumpd.acl), or remove "
                "mqtt.home_assistant",
            )

    def restate(self) -> None:
        """Everything is to be retained again."""
        self._check_s = self._restate_s = 0.0
        self._devices = {}

    async def check(self, reader: JournalReader, session: Publisher, outgoing: Outgoing) -> None:
        """Retain what is true, and empty what is not. Raises BrokerError, JournalError and CursorError."""
        now_s = loop_time.now_s()
        if now_s < self._check_s:
            return
        self._check_s = now_s + CHECK_S
        true = standing(reader, self._translator, self._pumps, datetime.now(UTC))
        devices = self._home.devices(reported(reader, self._pumps)) if self._home else []
        own = {*self._translator.always_retained, *(each.topic for each in (*true, *devices))}
        stale = self._cursor.retained - own
        if not self._cursor.complete:
            pumps = once_alarmed(reader)
            every = {*self._translator.alarm_topics(pumps), *self._translator.pump_topics(pumps)}
            stale |= every - own
        if now_s >= self._restate_s:
            self._restate_s = now_s + RESTATE_S
            for message in true:
                await outgoing.send(message)
        of_devices = {topic for topic in stale if is_own_device(topic, self._gateway)}
        others = {topic for topic in stale - of_devices if not topic.startswith(f"{self._translator.root}/")}
        await self._empty(session, outgoing, stale - of_devices - others)
        self._cursor.completed()
        if others:  # of an earlier name of this gateway. Tried once, because a broker may end the connection for it
            _log.warning("retained_under_another_name", topics=sorted(others)[:5], count=len(others))
            for topic in others:
                self._cursor.forget(topic)
            await self._empty(session, outgoing, others)
        await self._describe(session, outgoing, devices, of_devices)

    async def _describe(self, session: Publisher, outgoing: Outgoing, devices: list[Message], gone: set[str]) -> None:
        """Remove devices that are gone, and describe those that are new or have changed: in this order, so that a new
        one can have the entity ids of one that is gone.
        """
        changed = [each for each in devices if self._devices.get(each.topic) != each.payload]
        if self._without_devices or not (changed or gone):
            return
        self._describing = True  # until the broker has taken them
        await self._empty(session, outgoing, gone)
        for each in changed:
            if session.fits(each):
                await outgoing.send(each)
            else:
                _log.warning("device_not_described", topic=each.topic, why="the broker takes no packet of this size")
        await session.settled()
        self._describing = False
        self._devices |= {each.topic: each.payload for each in changed}

    async def _empty(self, session: Publisher, outgoing: Outgoing, topics: set[str]) -> None:
        if not topics:
            return
        for topic in sorted(topics):
            await outgoing.send(Message(topic, b"", retain=True))
        await session.settled()
        for topic in topics:
            self._cursor.forget(topic)
