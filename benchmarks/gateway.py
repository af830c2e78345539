"""A whole gateway, infusing: memory, CPU and writes of control, bedside and telemetry, as the kernel counts them.

Real processes: control with a pump on a pseudo-terminal, bedside with one tablet that watches, telemetry with a
mosquitto. Memory is the resident size of each process after everything was used once: an order, a signature, a page, a
stream; and of all together, where a page of a file (Python, a library) that several have in memory counts once. Writes
are what went to files, and what was charged to the disk.
"""

import asyncio
import collections
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.control_process import ROOT, control_process, environment
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size
from benchmarks.tablet_stop import _bedside, _free_port, _pair, _trusting, _watched
from pumpd.bedside.certificates import make
from tests.mosquitto import MOSQUITTO

MEMORY_MB = 120.0
CPU_PERCENT = 6.0
WATCHED_S = 30.0


def _memory_mb(pid):
    """Resident memory in units of 10^6 bytes: its own, and by file what could be shared."""
    own, shared, file = 0, collections.Counter(), ""
    for row in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = row.split()
        if not name.endswith(":"):
            file = rest[4] if len(rest) > 4 else ""
        elif name == "Rss:":
            shared[file] += int(rest[0]) * 1024 / 1e6
        elif name == "Anonymous:":
            own += int(rest[0]) * 1024 / 1e6
            shared[file] -= int(rest[0]) * 1024 / 1e6
    return own, shared


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
    processes = [
        subprocess.Popen(each, cwd=ROOT, stderr=subprocess.DEVNULL, env=environment("telemetry")) for each in commands
    ]
    try:
        yield processes[1].pid
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)


async def _measured(watched_s):
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
                idle = await _watch(pids, watched_s)
                async with _watched(folder, port, 1):
                    async with httpx.AsyncClient(
                        verify=_trusting(folder), base_url=f"https://localhost:{port}"
                    ) as page:
                        assert (await page.get(f"https://localhost:{port}/")).status_code == 200
                    await control.ready()
                    await nurse.infuse(control, FIRST, served.pump)
                    return idle, await _watch(pids, watched_s)


async def _watch(pids, seconds):
    """Memory together in MB, and by process: resident MB, own MB, CPU in % of a core, MB/h to files and to the disk."""
    before = {name: (_cpu_s(pid), *_written(pid)) for name, pid in pids.items()}
    begun = time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - begun
    found, all_own, all_shared = {}, 0, collections.Counter()
    for name, pid in pids.items():
        cpu, chars, disk = (after - was for after, was in zip((_cpu_s(pid), *_written(pid)), before[name], strict=True))
        own, shared = _memory_mb(pid)
        all_own, all_shared = all_own + own, all_shared | shared  # of each file the most that one of them has
        by_hour = 3600 / took / 1e6
        found[name] = (own + shared.total(), own, 100 * cpu / took, chars * by_hour, disk * by_hour)
    return all_own + all_shared.total(), found


def measure(size: Size = Size.WHOLE) -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        (_, idle), (together, running) = runner.run(_measured(size.of(WATCHED_S, 1.0)))
    titles = ("rss_mb", "own_mb", "cpu_percent", "written_mb_h", "disk_mb_h")
    details = {
        f"{state} {name}": dict(zip(titles, (round(value, 2) for value in values), strict=True))
        for state, found in (("idle", idle), ("running", running))
        for name, values in found.items()
    }
    total = [sum(values[column] for values in running.values()) for column in range(3)]
    return [
        Result("gateway, sum of three resident sizes", total[0], MEMORY_MB, "MB", details=details),
        Result("gateway, memory of the three together", together, MEMORY_MB, "MB"),
        Result("gateway, CPU of a core, one pump infusing", total[2], CPU_PERCENT, "%"),
    ]


if __name__ == "__main__":
    alone(measure)
