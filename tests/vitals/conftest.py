"""A vitals socket that remembers what it was given, and the vitals process against a real broker."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pumpd.messages.requests import REQUEST, Answer, VitalSigns
from pumpd.process import end
from pumpd.settings_brokers import MonitorBrokerSettings
from pumpd.vitals.link import ControlLink
from pumpd.vitals.service import Vitals
from tests.mosquitto import Broker, broker

__all__ = ["broker"]

TOPIC = "monitors/bed-1/vitals"


class VitalsSocket:
    """Takes what comes; `mute`: without an answer."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines, self.mute, self.connections = path, [], False, 0
        self.server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self.server = await asyncio.start_unix_server(self._serve, self.path)

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            for writer in self._open:
                writer.transport.abort()
            await self.server.wait_closed()
            self.path.unlink(missing_ok=True)
            await asyncio.sleep(0.01)
            self.server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self.lines.append(line)
                if not self.mute:
                    writer.write(Answer(ok=True).model_dump_json().encode() + b"\n")
        self._open.discard(writer)
        writer.close()

    @property
    def requests(self) -> list[VitalSigns]:
        return [REQUEST.validate_json(line) for line in self.lines]

    @property
    def spo2(self) -> list[int | None]:
        return [each.spo2_percent for each in self.requests]


@pytest.fixture
async def vitals_socket(tmp_path: Path) -> AsyncIterator[VitalsSocket]:
    socket = VitalsSocket(tmp_path / "vitals.sock")
    await socket.open()
    yield socket
    await socket.close()


@contextlib.asynccontextmanager
async def vitals_process(broker: Broker, socket: VitalsSocket, **more) -> AsyncIterator[Vitals]:
    """The vitals process, in this one."""
    link = ControlLink(socket.path)
    settings = MonitorBrokerSettings.model_validate({"host": "127.0.0.1", "port": broker.port, "tls": False} | more)
    here = Vitals("bed-3", settings, {"bed1": TOPIC}, link, random.Random(1))
    tasks = [asyncio.create_task(here.listen()), asyncio.create_task(here.hand_over())]
    try:
        yield here
    finally:
        failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            await end(task)
        await link.close()
        assert not failed, failed
