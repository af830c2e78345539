"""One connection to a broker, MQTT 5; the only file that imports aiomqtt.

Promises:
- A connection of a service hears only the topics that it names, each without a wildcard. A listener publishes nothing;
  a publisher names at most one topic, its own (RUN-18). Only a person's terminal hears more, and it publishes nothing.
- A message counts as published when the broker has accepted it. A refusal (an ACL, a quota) ends the connection, and so
  does "no matching subscribers" where the site requires one. aiomqtt alone would count both as published.
- At most `WINDOW` messages are in flight, fewer where the broker asks for fewer or the link is slow, and none is larger
  than the broker takes.
- A broker keeps nothing for what is heard, and a message is handed over as it comes: nothing is queued here.
- A connection is used once. A lost connection ends everything in it at once; nothing is re-sent by the library.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from pumpd.broker_tls import tls_context
from pumpd.settings_brokers import BrokerSettings
from pumpd.text import cause

WINDOW = 20  # messages in flight at once, at most
SLOW_S = 0.5  # to an acknowledgement; a longer queue would hold up what is new
CONNECT_TIMEOUT_S = 5.0
ACKNOWLEDGE_TIMEOUT_S = 60.0  # for a broker that is alive but does not answer; keep-alive finds a dead one sooner
LONGEST_HEARD = 4096  # bytes of a packet that a broker may send
LONGEST_SHOWN = 65_536  # the same, of what a person watches: a description of a gateway with many pumps
OVERHEAD = 9  # bytes of a PUBLISH beside topic, payload and properties, at most
NO_SUBSCRIBER = 0x10  # the reason of an acknowledgement (MQTT 5, 3.4.2.1): nobody gets the message

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


@dataclass(slots=True)
class Pace:
    """How many messages may be in flight, so that none waits longer than `SLOW_S` for those before it."""

    most: int
    now: int = 1

    def acknowledged(self, round_trip_s: float) -> None:
        if round_trip_s > SLOW_S:
            self.now = max(1, self.now // 2)
        elif round_trip_s < SLOW_S / 2:
            self.now = min(self.now + 1, self.most)


@dataclass(slots=True)
class _Sent:
    tag: int
    retain: bool
    at_s: float


class _Client(aiomqtt.Client):
    """aiomqtt drops the reason code of an acknowledgement; this keeps the first refusal. It queues what it hears; this
    hands it over. A task for each message would halve the rate; here an acknowledgement only removes its message.
    """

    heard: Heard | None = None
    limits: Properties | None = None  # of the broker
    requires_subscriber = False

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.in_flight: dict[int, _Sent] = {}
        self.acknowledged, self.refused = asyncio.Event(), asyncio.Event()
        self.refusal = ""
        self.pace = Pace(WINDOW)

    def send(self, topic: str, payload: bytes, retain: bool, properties: Any, tag: int) -> None:  # noqa: FBT001 - as paho
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise BrokerError(f"publish failed: {info.rc.name}")
        self.in_flight[info.mid] = _Sent(tag, retain, self._loop.time())

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        self.limits = properties
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:  # noqa: ARG002 - from aiomqtt
        sent = self.in_flight.get(mid)
        if sent is None:
            return
        nobody = self.requires_subscriber and reason_code.value == NO_SUBSCRIBER and not sent.retain
        if reason_code.is_failure or nobody:
            self.refusal = self.refusal or str(reason_code)  # and it stays in flight: it never counts as published
            self.refused.set()
        else:
            del self.in_flight[mid]
            self.pace.acknowledged(self._loop.time() - sent.at_s)
        self.acknowledged.set()

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
        self._properties: dict[int | None, _Packed] = {}
        limits = client.limits
        self.pace = client.pace
        self.pace.most = min(WINDOW, getattr(limits, "ReceiveMaximum", WINDOW))
        self._largest: int | None = getattr(limits, "MaximumPacketSize", None)

    @property
    def unacknowledged(self) -> Iterable[int]:
        """The tags of the messages in flight."""
        return (sent.tag for sent in self._client.in_flight.values())

    def fits(self, message: Message) -> bool:
        """Whether the broker takes a message of this size."""
        if self._largest is None:
            return True
        properties = self._packed(message.expiry_s).pack()
        return OVERHEAD + len(message.topic.encode()) + len(message.payload) + len(properties) <= self._largest

    async def room(self, in_flight: int) -> None:
        """Wait until at most so many messages are in flight. Raises BrokerError."""
        while len(self._client.in_flight) > in_flight:
            self._check_refusal()
            self._client.acknowledged.clear()
            await self._client.acknowledged.wait()
        self._check_refusal()

    async def send(self, message: Message, tag: int = 0) -> None:
        """Hand over when there is room; not yet acknowledged when this returns. Raises BrokerError."""
        await self.room(self.pace.now - 1)
        if not self.fits(message):
            raise BrokerError(f"the broker takes packets of {self._largest} bytes at most; {message.topic} is longer")
        self._client.send(message.topic, message.payload, message.retain, self._packed(message.expiry_s), tag)

    async def settled(self) -> None:
        """Wait until everything is acknowledged. Raises BrokerError."""
        await self.room(0)

    async def refused(self) -> None:
        """Wait until the broker refuses a message, or has acknowledged nothing for a long time; then raise
        BrokerError.
        """
        while True:
            self._check_refusal()
            oldest_s = min((sent.at_s for sent in self._client.in_flight.values()), default=_now())
            if _now() - oldest_s > ACKNOWLEDGE_TIMEOUT_S:
                raise BrokerError(f"the broker has acknowledged nothing for {ACKNOWLEDGE_TIMEOUT_S:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._client.refused.wait(), ACKNOWLEDGE_TIMEOUT_S / 10)

    async def hear(self, topic: str, heard: Heard) -> None:
        """From now on `heard` is called for each message on this topic, also for one that the broker stored.
        Raises BrokerError.
        """
        self._client.heard = heard
        await _subscribe(self._client, [topic], SubscribeOptions(qos=1, noLocal=True))

    def _check_refusal(self) -> None:
        if self._client.refusal:
            raise BrokerError(f"the broker refused a message: {self._client.refusal}")

    def _packed(self, expiry_s: int | None) -> "_Packed":
        found = self._properties.get(expiry_s)
        if found is None:
            found = self._properties[expiry_s] = _Packed(_properties(expiry_s, self._schema, PacketTypes.PUBLISH))
        return found


class _Packed:
    """Properties that many messages have. paho would encode them for each again."""

    def __init__(self, properties: Properties) -> None:
        self._bytes: bytes = properties.pack()  # type: ignore[no-untyped-call]  # paho has no types for it

    def pack(self) -> bytes:
        return self._bytes


@contextlib.asynccontextmanager
async def publishing(
    settings: BrokerSettings, identifier: str, will: Message, schema: str, *, requires_subscriber: bool = False
) -> AsyncIterator[Publisher]:
    """A fresh connection each time. `schema` is named with each message. Raises BrokerError, also for unusable
    certificates and password files.

    `requires_subscriber`: a message that nobody gets is not published, unless the broker retains it.
    """
    properties = _properties(will.expiry_s, schema, PacketTypes.WILLMESSAGE)
    last = aiomqtt.Will(will.topic, will.payload, qos=1, retain=True, properties=properties)
    async with _connected(settings, identifier, will=last, properties=_limits()) as client:
        client.requires_subscriber = requires_subscriber
        yield Publisher(client, schema)


@contextlib.asynccontextmanager
async def listening(
    settings: BrokerSettings, identifier: str, topics: Sequence[str], heard: Heard
) -> AsyncIterator[Connection]:
    """A fresh connection each time, on which `heard` is called for each message. Raises BrokerError, also for a topic
    that the broker refuses, unusable certificates and password files.

    QoS 0: a message that comes late because it was repeated is of no use.
    """
    async with _connected(settings, identifier, properties=_limits()) as client:
        client.heard = heard
        options = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        await _subscribe(client, topics, options)
        yield Connection(client)


@contextlib.asynccontextmanager
async def watching(
    settings: BrokerSettings, identifier: str, topics: Sequence[str], heard: Heard
) -> AsyncIterator[Connection]:
    """For a person's terminal: `heard` is called for every message below these topics, which may have wildcards, and
    for what the broker has stored of them. Raises BrokerError.
    """
    async with _connected(settings, identifier, properties=_limits(LONGEST_SHOWN)) as client:
        client.heard = heard
        await _subscribe(client, topics, SubscribeOptions(qos=0))
        yield Connection(client)


async def _subscribe(client: _Client, topics: Sequence[str], options: SubscribeOptions) -> None:
    try:
        answers = await client.subscribe([(topic, options) for topic in topics], timeout=CONNECT_TIMEOUT_S)
    except aiomqtt.MqttError as error:
        raise BrokerError(f"subscribe failed: {error}") from error
    for topic, answer in zip(topics, answers, strict=True):
        if isinstance(answer, ReasonCode) and answer.is_failure:
            raise BrokerError(f"the broker refused a subscription to {topic}: {answer}")


def _limits(longest: int = LONGEST_HEARD) -> Properties:
    """What a broker may send, and that it keeps nothing for a client that is gone."""
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types for it
    limits.MaximumPacketSize = longest
    limits.SessionExpiryInterval = 0
    return limits


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
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            max_inflight_messages=WINDOW,  # paho would queue beyond this; `Publisher` never sends more
            **more,
        )
    except (OSError, UnicodeDecodeError, ssl.SSLError) as error:
        raise BrokerError(f"credentials cannot be read: {cause(error)}") from error
    client.pending_calls_threshold = WINDOW
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as error:
        client.abandon()
        why = cause(error.__cause__ or error)
        raise BrokerError(f"no connection to {settings.host}:{settings.port}: {why}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            await asyncio.wait_for(client.__aexit__(None, None, None), CONNECT_TIMEOUT_S)
        client.mark_seen()


def _properties(expiry_s: int | None, schema: str, packet: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types for it
    properties.ContentType = "application/json"
    properties.UserProperty = ("schema", schema)
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    return properties


def _now() -> float:
    return asyncio.get_running_loop().time()
