"""A whole gateway, infusing: memory, CPU and writes of control, bedside and telemetry, as the kernel counts them.

Real processes: control with a pump on a pseudo-terminal, bedside with one tablet that watches, telemetry with a
mosquitto. Memory is the resident size of each process after everything was used once: an order, a signature, a page, a
stream. PSS, in which memory that processes share counts once, is in the details. Writes are what went to files, and
what was charged to the disk.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.control_process import ROOT, control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.tablet_stop import _bedside, _free_port, _pair, _trusting, _watched
from pumpd.bedside.certificates import make
from tests.mosquitto import MOSQUITTO

MEMORY_MB = 120.0
CPU_PERCENT = 6.0
WATCHED_S = 30.0


def _memory_mb(pid):
    """Resident and proportional size, in units of 10^6 bytes."""
    found = {}
    for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value, *_ = row.split()
        found[name.rstrip(":")] = int(value) * 1024 / 1e6
    return found["Rss"], found["Pss"]


def _cpu_s(pid):
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _written(pid):
    rows = dict(row.split(": ") for row in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(rows["wchar"]), int(rows["write_bytes"])


@contextlib.contextmanager
def _telemetry(folder, port):
    """Telemetry, and the broker that it publishes to."""
    broker = folder / "mosquitto.conf"
    broker.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
    config = folder / "telemetry.toml"
    section = f'\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n'
    config.write_text((folder / "pumpd.toml").read_text(encoding="utf-8") + section, encoding="utf-8")
    commands = ([MOSQUITTO, "-c", str(broker)], [sys.executable, "-m", "pumpd.telemetry", "--config", str(config)])
    processes = [subprocess.Popen(each, cwd=ROOT, stderr=subprocess.DEVNULL) for each in commands]
    try:
        yield processes[1].pid
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)


async def _measured():
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        nurse, port = Nurse(folder), _free_port()
        make(folder / "state" / "tls", "bench", ["localhost", "127.0.0.1"])
        _pair(folder, 1)
        async with (
            line(FIRST, folder / "bed1") as served,
            control_process(folder, [Bed(FIRST, str(folder / "bed1"))]) as control,
            _bedside(folder, port) as bedside,
        ):
            await control.ready()
            with _telemetry(folder, _free_port()) as telemetry:
                pids = {"control": control.popen.pid, "bedside": bedside.pid, "telemetry": telemetry}
                idle = await _watch(pids)
                with _watched(folder, port, 1):
                    async with httpx.AsyncClient(
                        verify=_trusting(folder), base_url=f"https://localhost:{port}"
                    ) as page:
                        assert (await page.get(f"https://localhost:{port}/")).status_code == 200
                    await nurse.infuse(control, FIRST, served.pump)
                    return idle, await _watch(pids)


async def _watch(pids):
    """By process: resident MB, PSS in MB, CPU in percent of a core, MB an hour to files, MB an hour to the disk."""
    before = {name: (_cpu_s(pid), *_written(pid)) for name, pid in pids.items()}
    begun = time.monotonic()
    await asyncio.sleep(WATCHED_S)
    took = time.monotonic() - begun
    found = {}
    for name, pid in pids.items():
        cpu, chars, disk = (after - was for after, was in zip((_cpu_s(pid), *_written(pid)), before[name], strict=True))
        found[name] = (*_memory_mb(pid), 100 * cpu / took, chars * 3600 / took / 1e6, disk * 3600 / took / 1e6)
    return found


def measure() -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        idle, running = runner.run(_measured())
    titles = ("rss_mb", "pss_mb", "cpu_percent", "written_mb_h", "disk_mb_h")
    details = {
        f"{state} {name}": dict(zip(titles, (round(value, 2) for value in values), strict=True))
        for state, found in (("idle", idle), ("running", running))
        for name, values in found.items()
    }
    total = [sum(values[column] for values in running.values()) for column in range(3)]
    return [
        Result("gateway, resident memory of three processes", total[0], MEMORY_MB, "MB", details=details),
        Result("gateway, memory with what they share counted once", total[1], MEMORY_MB, "MB"),
        Result("gateway, CPU of a core, one pump infusing", total[2], CPU_PERCENT, "%"),
    ]


if __name__ == "__main__":
    alone(measure)
