"""One connection to the broker, MQTT 5; the only file that imports aiomqtt.

Promises:
- Nothing is subscribed to: no message that a broker sends reaches pumpd (RUN-18).
- `publish` returns when the broker has accepted the message. A refusal (an ACL, a quota) raises: the message never
  counts as published, although aiomqtt alone would count it.
- A session is used once. A lost connection ends everything in it at once; nothing is re-sent by the library.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from pumpd.settings import MqttSettings
from pumpd.telemetry.messages import SCHEMA, Message

WINDOW = 20  # messages in flight at once; paho queues beyond this
CONNECT_TIMEOUT_S = 5.0
ACKNOWLEDGE_TIMEOUT_S = 60.0  # for a broker that is alive but does not answer; keep-alive finds a dead one sooner


class BrokerError(Exception):
    """The broker cannot be reached, refused, or disconnected. Unacknowledged messages may or may not have arrived."""


class _Client(aiomqtt.Client):
    """aiomqtt drops the reason code of an acknowledgement; this keeps the first refusal."""

    refusal: str | None = None

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        if reason_code.is_failure and self.refusal is None:
            self.refusal = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

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


class Session:
    """A live connection. Get one from `connect`."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    async def publish(self, message: Message) -> None:
        try:
            await self._client.publish(
                message.topic,
                message.payload,
                qos=1,
                retain=message.retain,
                properties=_properties(message, PacketTypes.PUBLISH),
                timeout=ACKNOWLEDGE_TIMEOUT_S,
            )
        except aiomqtt.MqttError as error:
            raise BrokerError(f"publish failed: {error}") from error
        if self._client.refusal:
            raise BrokerError(f"the broker refused a publish to {message.topic}: {self._client.refusal}")

    async def lost(self) -> None:
        """Wait until the connection ends, then raise BrokerError. Nothing else ever arrives here."""
        try:
            async for _ in self._client.messages:
                pass
        except aiomqtt.MqttError as error:
            raise BrokerError(f"connection lost: {error.__cause__ or error}") from error
        raise BrokerError("connection lost")


@contextlib.asynccontextmanager
async def connect(settings: MqttSettings, identifier: str, will: Message) -> AsyncIterator[Session]:
    """A fresh connection each time. Raises BrokerError, also for unusable certificates and password files."""
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
            tls_context=_tls(settings) if settings.tls else None,
            max_inflight_messages=WINDOW,
            will=aiomqtt.Will(
                will.topic, will.payload, qos=1, retain=True, properties=_properties(will, PacketTypes.WILLMESSAGE)
            ),
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
        yield Session(client)
    finally:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            await asyncio.wait_for(client.__aexit__(None, None, None), CONNECT_TIMEOUT_S)
        client.mark_seen()


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if settings.client_cert:
        context.load_cert_chain(settings.client_cert, settings.client_key)
    return context


def _properties(message: Message, packet: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types for it
    properties.ContentType = "application/json"
    properties.UserProperty = ("schema", SCHEMA)
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    return properties
