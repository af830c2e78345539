"""One connection to a broker, MQTT 5; the only file that imports aiomqtt.

Promises:
- A connection either publishes or listens. Nothing is subscribed to by a publisher, so no message that a broker sends
  reaches it; a listener publishes nothing (RUN-18).
- `publish` returns when the broker has accepted the message. A refusal (an ACL, a quota) raises: the message never
  counts as published, although aiomqtt alone would count it.
- A listener hears what is published while it is connected, on exactly the topics that it names. A broker keeps nothing
  for it, and a message is handed over as it comes: nothing is queued here.
- A connection is used once. A lost connection ends everything in it at once; nothing is re-sent by the library.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import aiomqtt
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from pumpd.broker_tls import tls_context
from pumpd.settings import BrokerSettings

WINDOW = 20  # messages in flight at once; paho queues beyond this
CONNECT_TIMEOUT_S = 5.0
ACKNOWLEDGE_TIMEOUT_S = 60.0  # for a broker that is alive but does not answer; keep-alive finds a dead one sooner
LONGEST_HEARD = 4096  # bytes of a packet that a broker may send to a listener

Heard = Callable[[str, bytes, bool], None]
"""Called with topic, payload, and whether the broker had stored the message before this connection."""


class BrokerError(Exception):
    """The broker cannot be reached, refused, or disconnected. Unacknowledged messages may or may not have arrived."""


class Message(Protocol):
    """What is published, at QoS 1. `expiry_s` None: the broker keeps it until it is replaced."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retain(self) -> bool: ...
    @property
    def expiry_s(self) -> int | None: ...


class _Client(aiomqtt.Client):
    """aiomqtt drops the reason code of an acknowledgement; this keeps the first refusal. It queues what it hears; this
    hands it over.
    """

    refusal: str | None = None
    heard: Heard | None = None

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        if reason_code.is_failure and self.refusal is None:
            self.refusal = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: MQTTMessage) -> None:  # noqa: ARG002 - from aiomqtt
        if self.heard is not None:
            self.heard(message.topic, bytes(message.payload), message.retain)

    def mark_seen(self) -> None:
        """Mark the outcome as known; otherwise asyncio would complain that it was never retrieved."""
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()

    def abandon(self) -> None:
        """Clean up after a connect that failed half-way, because aiomqtt leaves its socket open."""
        if (sock := self._client.socket()) is not None:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        if self._misc_task is not None:
            self._misc_task.cancel()
        self.mark_seen()


class Connection:
    """A live connection."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    async def lost(self) -> None:
        """Wait until the connection ends, then raise BrokerError."""
        try:
            async for _ in self._client.messages:  # never one: see `_Client._on_message`
                pass
        except aiomqtt.MqttError as error:
            raise BrokerError(f"connection lost: {error.__cause__ or error}") from error
        raise BrokerError("connection lost")


class Publisher(Connection):
    """Get one from `publishing`."""

    def __init__(self, client: _Client, schema: str) -> None:
        super().__init__(client)
        self._schema = schema

    async def publish(self, message: Message) -> None:
        try:
            await self._client.publish(
                message.topic,
                message.payload,
                qos=1,
                retain=message.retain,
                properties=_properties(message, self._schema, PacketTypes.PUBLISH),
                timeout=ACKNOWLEDGE_TIMEOUT_S,
            )
        except aiomqtt.MqttError as error:
            raise BrokerError(f"publish failed: {error}") from error
        if self._client.refusal:
            raise BrokerError(f"the broker refused a publish to {message.topic}: {self._client.refusal}")


@contextlib.asynccontextmanager
async def publishing(settings: BrokerSettings, identifier: str, will: Message, schema: str) -> AsyncIterator[Publisher]:
    """A fresh connection each time. `schema` is named with each message. Raises BrokerError, also for unusable
    certificates and password files.
    """
    last = aiomqtt.Will(
        will.topic, will.payload, qos=1, retain=True, properties=_properties(will, schema, PacketTypes.WILLMESSAGE)
    )
    async with _connected(settings, identifier, will=last) as client:
        yield Publisher(client, schema)


@contextlib.asynccontextmanager
async def listening(
    settings: BrokerSettings, identifier: str, topics: Sequence[str], heard: Heard
) -> AsyncIterator[Connection]:
    """A fresh connection each time, on which `heard` is called for each message. Raises BrokerError, also for a topic
    that the broker refuses, unusable certificates and password files.

    QoS 0: a message that comes late because it was repeated is of no use.
    """
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types for it
    limits.MaximumPacketSize = LONGEST_HEARD
    limits.SessionExpiryInterval = 0
    async with _connected(settings, identifier, properties=limits) as client:
        client.heard = heard
        options = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        try:
            answers = await client.subscribe([(topic, options) for topic in topics], timeout=CONNECT_TIMEOUT_S)
        except aiomqtt.MqttError as error:
            raise BrokerError(f"subscribe failed: {error}") from error
        for topic, answer in zip(topics, answers, strict=True):
            if isinstance(answer, ReasonCode) and answer.is_failure:
                raise BrokerError(f"the broker refused a subscription to {topic}: {answer}")
        yield Connection(client)


@contextlib.asynccontextmanager
async def _connected(settings: BrokerSettings, identifier: str, **more: Any) -> AsyncIterator[_Client]:
    try:
        client = _Client(
            settings.host,
            settings.port,
            identifier=identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            username=settings.username,
            password=settings.password_file.read_text("utf-8").strip() if settings.password_file else None,
            keepalive=settings.keepalive_s,
            timeout=CONNECT_TIMEOUT_S,
            tls_context=tls_context(settings) if settings.tls else None,
            max_inflight_messages=WINDOW,
            **more,
        )
    except (OSError, UnicodeDecodeError, ssl.SSLError) as error:
        raise BrokerError(f"credentials cannot be read: {error}") from error
    client.pending_calls_threshold = WINDOW
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as error:
        client.abandon()
        raise BrokerError(f"no connection to {settings.host}:{settings.port}: {error}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            await asyncio.wait_for(client.__aexit__(None, None, None), CONNECT_TIMEOUT_S)
        client.mark_seen()


def _properties(message: Message, schema: str, packet: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types for it
    properties.ContentType = "application/json"
    properties.UserProperty = ("schema", schema)
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    return properties
