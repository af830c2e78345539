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
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control_process import ROOT, control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd.journal import JournalReader
from tests.mosquitto import Broker

TURN_MS = 50.0
TURNS = 200
EVERY_S = 0.02
FLOODED_S = 2.0  # until a flood is under way
# On a gateway control has ten times the weight of any other service for the processor (CPUWeight= of its unit). This is
# as near as a process can come to it without a unit: the kernel's weight of 10 is a ninth of that of 0.
LOWER = ("nice", "-n", "10")
STOP_S = 1.0
STOPS = 20


async def _turns(control, turns):
    """Milliseconds from question to answer."""
    found = []
    for _ in range(turns):
        begun = time.perf_counter()
        await control.ask(op="status")
        found.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(EVERY_S)
    return sorted(found)


async def _stops(control, served, stops):
    """Seconds from the request to the last byte of the stop frame on the wire. The first ends the infusion."""
    found = []
    for _ in range(stops):
        count, asked = len(served.frames), time.monotonic()
        answer = asyncio.create_task(control.ask(op="stop", pump="bed1", by="bench"))
        found.append((await served.next_stop(count)).ended - asked)
        assert (await answer)["ok"]
        await asyncio.sleep(0.3)
    return found


@contextlib.contextmanager
def _telemetry(folder, port):
    config = folder / "telemetry.toml"
    section = f'\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n'
    config.write_text((folder / "pumpd.toml").read_text(encoding="utf-8") + section, encoding="utf-8")
    command = [*LOWER, sys.executable, "-m", "pumpd.telemetry", "--config", str(config)]
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
async def _flooding(what, where):
    command = [*LOWER, sys.executable, "-m", "benchmarks.flooding", what, str(where)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=quiet, stderr=quiet)
    try:
        await asyncio.sleep(FLOODED_S)
        yield
        assert process.returncode is None, f"the flood of the {what} ended"
    finally:
        process.kill()
        await process.wait()


def _broker_flooded(here):
    return _flooding("broker", here.broker.port)


def _disk_flooded(here):
    return _flooding("disk", here.folder)


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


async def _measured(turns, tries):
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
                        calm = await _turns(control, turns)
                        async with state(here):
                            found[name] = calm, await _turns(control, turns)
                    async with _all(here):
                        stops = await _stops(control, served, tries)
                with contextlib.closing(JournalReader(folder / "state" / "journal.sqlite3")) as reader:
                    at = [entry.mono_ns for entry in reader.all() if entry.kind == "reading"]
        finally:
            broker.end()
        gaps = [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(at)]
        return found, max(gaps), stops


def _p99(turns):
    return turns[int(len(turns) * 0.99)]


def measure(size: Size = Size.WHOLE) -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        found, gap_s, stops = runner.run(_measured(size.of(TURNS, 5), size.of(STOPS, 2)))
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
    return [
        *results,
        Result("longest gap between two readings", gap_s, 1.5, "s"),
        Result("stop, broker and disk flooded, worst", max(stops), STOP_S, "s", details={"tries": len(stops)}),
    ]


if __name__ == "__main__":
    alone(measure)
