"""Control's turn while the broker and the disk are slow, dead or flooded: RUN-16.

Real processes: control with a pump on a pseudo-terminal that infuses, telemetry, mosquitto. A turn is a question on the
operator socket and its answer: it goes through the event loop that polls the pump and renews the lease. Each state of
broker and disk is measured between two calm ones, and given as it is and over the calm.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from benchmarks.control_process import ROOT, control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from pumpd.journal import JournalReader
from tests.mosquitto import Broker

TURN_MS = 50.0
TURNS = 100
EVERY_S = 0.02


async def _turns(control):
    """Milliseconds from question to answer."""
    found = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        await control.ask(op="status")
        found.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(EVERY_S)
    return sorted(found)


@contextlib.contextmanager
def _telemetry(folder, port):
    config = folder / "telemetry.toml"
    section = f'\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n'
    config.write_text((folder / "pumpd.toml").read_text(encoding="utf-8") + section, encoding="utf-8")
    command = [sys.executable, "-m", "pumpd.telemetry", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class _Here:
    broker: Broker
    folder: Path


@contextlib.asynccontextmanager
async def _broker_dead(here):
    here.broker.end(signal.SIGKILL)
    yield
    here.broker.start()


@contextlib.asynccontextmanager
async def _broker_frozen(here):
    here.broker.process.send_signal(signal.SIGSTOP)
    yield
    here.broker.process.send_signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def _broker_flooded(here):
    """On the topic that telemetry hears, and on others."""

    ended = asyncio.Event()  # in Python 3.11 a cancellation of aiomqtt's waits can get lost

    async def flood():
        async with aiomqtt.Client("127.0.0.1", here.broker.port) as client:
            while not ended.is_set():
                for topic in ("$state", "events"):
                    await client.publish(f"pumpd/v1/bench/{topic}", b"x" * 2000, qos=0)
                await asyncio.sleep(0)

    task = asyncio.create_task(flood())
    yield
    ended.set()
    await task


@contextlib.asynccontextmanager
async def _disk_flooded(here):
    """Another thread writes and forces it to the disk that the journal is on."""
    ended = threading.Event()

    def write():
        block = os.urandom(1 << 20)
        with (here.folder / "flood").open("wb") as file:
            while not ended.is_set():
                file.seek(0)
                for _ in range(16):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())

    thread = threading.Thread(target=write)
    thread.start()
    yield
    ended.set()
    await asyncio.to_thread(thread.join)


@contextlib.asynccontextmanager
async def _all(here):
    async with _broker_flooded(here), _disk_flooded(here):
        yield


STATES = {
    "broker dead": _broker_dead,
    "broker frozen": _broker_frozen,
    "broker flooded": _broker_flooded,
    "disk flooded": _disk_flooded,
    "broker and disk flooded": _all,
}


async def _measured():
    with tempfile.TemporaryDirectory(dir=os.environ.get("PUMPD_BENCH_DISK")) as given:
        folder = Path(given)
        (folder / "broker").mkdir()
        broker = Broker(folder / "broker")
        broker.start()
        nurse, found, here = Nurse(folder), {}, _Here(broker, folder)
        try:
            async with (
                line(FIRST, folder / "bed1") as served,
                control_process(folder, [Bed(FIRST, str(folder / "bed1"))]) as control,
            ):
                await control.ready()
                with _telemetry(folder, broker.port):
                    await nurse.infuse(control, FIRST, served.pump)
                    await asyncio.sleep(2)
                    for name, state in STATES.items():
                        calm = await _turns(control)
                        async with state(here):
                            found[name] = calm, await _turns(control)
                with contextlib.closing(JournalReader(folder / "state" / "journal.sqlite3")) as reader:
                    at = [entry.mono_ns for entry in reader.all() if entry.kind == "reading"]
        finally:
            broker.end()
        gaps = [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(at)]
        return found, max(gaps)


def _p99(turns):
    return turns[int(len(turns) * 0.99)]


def measure() -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        found, gap_s = runner.run(_measured())
    results = [
        Result(
            f"control's turn, {name}, p99",
            _p99(turns),
            TURN_MS,
            "ms",
            details={"calm_p99_ms": round(_p99(calm), 2), "p50_ms": round(turns[len(turns) // 2], 2)},
        )
        for name, (calm, turns) in found.items()
    ]
    return [*results, Result("longest gap between two readings", gap_s, 1.5, "s")]


if __name__ == "__main__":
    alone(measure)
