"""Load: CPU of the control process that polls 16 idle pumps of a family twice a second, in percent of one core.

The control process is a real one, with a pseudo-terminal for each pump, polled every 0.5 s. `pumpsim serve`, another
process, simulates the pumps at the line's speed. Growth from 1 pump to 32 is measured for one family. User and system
time of all threads count, as the scheduler counts them.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.control_process import control_process
from benchmarks.families import FIRST, MOST, Bed, named, own_mark
from benchmarks.result import Result, alone
from benchmarks.size import Size

SECONDS = 4.0
SETTLED_S = 1.0
PUMPS = 16
GROWTH = (1, 2, 4, 8, 16, 32)
POLL_EACH_S = 0.5
BOUND_PERCENT = 25.0


@contextlib.contextmanager
def _simulated(beds, folder):
    bench = folder / "bench.toml"
    entries = []
    for bed in beds:
        options = "".join(f'options.{key} = "{value}"\n' for key, value in own_mark(bed.family, bed.number)[1].items())
        entries.append(f'[[pump]]\nname = "{bed.name}"\nfamily = "{bed.family}"\npty = "{bed.port}"\n{options}')
    bench.write_text("\n".join(entries), encoding="utf-8")
    simulator = subprocess.Popen(
        [sys.executable, "-m", "pumpd_simulators", "serve", str(bench)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in beds:
            assert simulator.stdout.readline().startswith(b"ready")
        yield
    finally:
        simulator.terminate()
        simulator.communicate(timeout=10)


async def _percent(beds, folder, seconds):
    async with control_process(folder, beds, POLL_EACH_S) as process:
        await process.ready()
        await asyncio.sleep(SETTLED_S)
        begun, cpu = time.perf_counter(), process.cpu_s()
        await asyncio.sleep(seconds)
        return (process.cpu_s() - cpu) / (time.perf_counter() - begun) * 100


def _load(name, count, seconds):
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        beds = [Bed(name, str(folder / f"bed{number}"), f"bed{number}", number) for number in range(1, count + 1)]
        with _simulated(beds, folder):
            return asyncio.run(_percent(beds, folder, seconds))


def measure(names: Iterable[str], size: Size = Size.WHOLE) -> list[Result]:
    results = []
    for name in names:
        pumps = min(size.of(PUMPS, 2), MOST.get(name, PUMPS))
        counts = GROWTH if name == FIRST and size is Size.WHOLE else (pumps,)
        seen = {count: _load(name, count, size.of(SECONDS, 0.6)) for count in counts}
        percent = seen[pumps]
        details = {
            "ms_per_poll": round(percent / 100 / pumps * POLL_EACH_S * 1e3, 3),
            "percent_by_pumps": {str(count): round(each, 2) for count, each in seen.items()},
            "percent_per_pump": {str(count): round(each / count, 3) for count, each in seen.items()},
        }
        results.append(Result(f"CPU of {pumps} pumps at 2 Hz, {name}", percent, BOUND_PERCENT, "%", details=details))
    return results


if __name__ == "__main__":
    alone(measure, named)
