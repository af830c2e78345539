"""A bedside monitor for the testbed: what the process that receives vital signs would send to control."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pumpd.control.socket.doors import Caller, Door, User
from pumpd.messages.requests import Answer
from tests.control.testbed import Testbed, open_testbed

RECEIVER = Caller(Door.VITALS, User.MEMBER, "uid 991, pid 1")

# A site's limits, for tests.
VITALS: dict[str, Any] = {
    "spo2_percent": {"critical_low": 85, "warn_low": 92},
    "heart_rate_bpm": {"critical_low": 40, "warn_low": 50, "warn_high": 120, "critical_high": 140},
    "systolic_mmhg": {"warn_high": 160, "critical_high": 180},
    "diastolic_mmhg": {"warn_high": 100, "critical_high": 110},
}


@dataclass
class Monitor:
    """Sends the stream each second and blood pressure every ten minutes, until told otherwise."""

    here: Testbed
    pump: str = "bed1"
    patient: str | None = None
    stream: dict[str, int] = field(default_factory=lambda: {"spo2_percent": 97, "heart_rate_bpm": 72})
    cuff: dict[str, int] = field(default_factory=lambda: {"systolic_mmhg": 124, "diastolic_mmhg": 78})
    streaming: bool = True
    cuff_every_s: float | None = 600

    async def send(self, age_s: float = 0, **signs: Any) -> Answer:
        fields = {"op": "vital_signs", "pump": self.pump, "source": "m-1", "age_s": age_s, "patient": self.patient}
        return await self.here.ask_as(RECEIVER, **(fields | signs))

    async def run(self) -> None:
        loop, next_cuff_s = asyncio.get_running_loop(), 0.0
        while True:
            if self.streaming:
                await self.send(**self.stream)
            if self.cuff_every_s is not None and loop.time() >= next_cuff_s:
                next_cuff_s = loop.time() + self.cuff_every_s
                await self.send(**self.cuff)
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def watched(folder: Path, **options: Any) -> AsyncIterator[tuple[Testbed, Monitor]]:
    """A testbed whose gateway is configured for vital signs, with a patient at bed1 and a monitor that sends."""
    top = {"vitals": VITALS, **options.pop("top", {})}
    async with open_testbed(folder, top=top, **options) as here:
        await here.ask(op="associate", pump="bed1", patient="token-1", by="nurse-1")
        monitor = Monitor(here)
        sending = asyncio.create_task(monitor.run())
        try:
            await asyncio.sleep(2)
            yield here, monitor
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
