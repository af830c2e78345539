"""A real mosquitto on a free loopback port, a journal to publish, and a subscriber that remembers what it received."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pumpd.process import end
from pumpd.settings import Settings
from pumpd.settings_brokers import MqttSettings
from tests.mosquitto import Broker, broker
from tests.patience import PATIENCE_S
from tests.to_publish import journal, reading, settings_of, state_dir

__all__ = ["Broker", "broker", "journal", "reading", "state_dir"]


def gateway_settings(state_dir: Path, mqtt: MqttSettings | None) -> Settings:
    return settings_of(state_dir, "bed-3", mqtt=mqtt)


@pytest.fixture
def settings(state_dir: Path, broker: Broker) -> Settings:
    return gateway_settings(state_dir, MqttSettings(host="127.0.0.1", port=broker.port, tls=False))


class Subscriber:
    """A persistent subscriber to everything, which reconnects at once after a broken connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[Any] = []
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self.port,
                    identifier="subscriber",
                    timeout=PATIENCE_S,
                    protocol=aiomqtt.ProtocolVersion.V5,
                    clean_start=False,
                    properties=properties,
                ) as client:
                    await client.subscribe("pumpd/#", qos=1)
                    self.subscribed.set()
                    async for message in client.messages:
                        self.messages.append(message)
            await asyncio.sleep(0.02)

    def payloads(self, topic_end: str) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in self.messages if str(m.topic).endswith(topic_end) and m.payload]


@pytest.fixture
async def subscriber(broker: Broker) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    task = asyncio.create_task(subscriber.run())
    await subscriber.subscribed.wait()
    yield subscriber
    await end(task)
