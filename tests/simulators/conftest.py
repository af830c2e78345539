"""A simulated New Era pump on the test's own loop, and a host on its line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pumpd_drivers.new_era.codec import Request
from pumpd_simulators.bench import SimulatedPump, simulate
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.new_era.options import NewEraOptions
from pumpd_simulators.plant import Plant, PlantSettings


class Host:
    """Sends packets and receives bytes. `basic` and `safe` return the reply's text, its framing checked and removed."""

    def __init__(self, pump: SimulatedPump) -> None:
        self.pump = pump
        self.heard: list[bytes] = []
        pump.attach(self.heard.append)

    def raw(self, data: bytes) -> bytes:
        self.heard.clear()
        self.pump.feed(data)
        return b"".join(self.heard)

    def basic(self, text: str) -> str:
        answer = self.raw(text.encode() + b"\r")
        assert (answer[:1], answer[-1:]) == (b"\x02", b"\x03"), answer
        return answer[1:-1].decode()

    def safe(self, text: str) -> str:
        answer = self.raw(Request(text, safe=True).to_bytes())
        assert (answer[:1], answer[1:2], answer[-1:]) == (b"\x02", bytes([len(answer) - 1]), b"\x03"), answer
        return answer[2:-3].decode()

    def setup(self, *lines: str) -> None:
        """Acknowledge power-up, then require that each command is accepted."""
        self.basic("")
        for line in lines:
            assert "?" not in self.basic(line), line


class Benches:
    def __init__(self) -> None:
        self.pumps: list[SimulatedPump] = []

    def __call__(self, *, ideal: bool = True, **options: Any) -> Host:
        known = {*NewEraOptions.model_fields, *NewEraOptions.aliases}
        chosen = {name: options.pop(name) for name in list(options) if name in known}
        if ideal:
            options.setdefault("plant", PlantSettings.ideal())
        pump = simulate("new-era", options=chosen, **options)
        self.pumps.append(pump)
        return Host(pump)


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Host]]:
    benches = Benches()
    yield benches
    for pump in benches.pumps:
        pump.shut()
    await asyncio.sleep(0)


@pytest.fixture
async def plant() -> AsyncIterator[Callable[..., Plant]]:
    plants: list[Plant] = []

    def make(settings: PlantSettings | None = None, speed: float = 1.0) -> Plant:
        plants.append(Plant(LoopClock(speed), settings or PlantSettings.ideal()))
        return plants[-1]

    yield make
    for made in plants:
        made.shut()


class FakeClock:
    """Time that a test sets; timers never fire by themselves."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def call_at(self, when: float, callback: Callable[[], None]) -> "FakeClock":
        return self

    def cancel(self) -> None:
        pass
