"""The monitor's connection to its broker: connects again when it breaks, and loses what it measured meanwhile."""

import asyncio
import contextlib
import ssl
from collections import deque
from pathlib import Path

import aiomqtt

AGAIN_S = 1.0
MOST_WAITING = 200_000  # a flood must fit


class BrokerLine:
    """Publishes at QoS 0, in order: as a monitor does, it does not know what arrives."""

    def __init__(
        self,
        host: str,
        port: int,
        topic: str,
        *,
        ca_file: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """With a `ca_file` over TLS. Raises OSError for files that cannot be read."""
        self._host, self._port, self._topic = host, port, topic
        self._tls = None
        if ca_file is not None:
            self._tls = ssl.create_default_context(cafile=str(ca_file))
            if cert is not None:
                self._tls.load_cert_chain(cert, key)
        self._waiting: deque[tuple[bytes, bool]] = deque(maxlen=MOST_WAITING)
        self._more = asyncio.Event()
        self.connected = asyncio.Event()

    def publish(self, message: bytes, retain: bool) -> None:  # noqa: FBT001 - called by position
        if self.connected.is_set():
            self._waiting.append((message, retain))
            self._more.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._connection()
            self.connected.clear()
            self._waiting.clear()
            await asyncio.sleep(AGAIN_S)

    async def _connection(self) -> None:
        version = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client(self._host, self._port, protocol=version, tls_context=self._tls) as client:
            self.connected.set()
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    message, retain = self._waiting.popleft()
                    await client.publish(self._topic, message, qos=0, retain=retain)
