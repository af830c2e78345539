"""The control process: time from exec to READY, and resident memory with one pump connected.

It is started several times. The median counts; the worst is shown. The first start does not count: it may compile.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.control_process import ROOT, control_process
from benchmarks.families import FIRST, Bed
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size

STARTS = 7
RSS_MB = 40.0
READY_S = 0.35
SETTLED_S = 1.0


async def _start():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beds = [Bed(FIRST, str(folder / "pump"))]
        async with line(FIRST, folder / "pump"), control_process(folder, beds) as process:
            await process.ready()
            await asyncio.sleep(SETTLED_S)
            return process.ready_s, process.rss_mb()


def _slowest_imports(count):
    """Milliseconds of the slowest imports, including what each of them imports."""
    output = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import pumpd.control.__main__, pumpd_drivers.new_era.driver"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stderr
    rows = [line.removeprefix("import time:").split("|") for line in output.splitlines() if "|" in line][1:]
    ranked = sorted(((int(total) / 1e3, module.strip()) for _, total, module in rows), reverse=True)
    return {module: round(ms, 1) for ms, module in ranked[:count]}


def measure(size: Size = Size.WHOLE) -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        seen = [runner.run(_start()) for _ in range(size.of(1 + STARTS, 1))][-STARTS:]
    ready, rss = [one[0] for one in seen], [one[1] for one in seen]
    imports = _slowest_imports(25)
    return [
        Result(
            "control process, exec to READY",
            statistics.median(ready),
            READY_S,
            "s",
            details={
                "best_s": round(min(ready), 3),
                "worst_s": round(max(ready), 3),
                "starts": len(seen),
                "imports_ms": imports,
            },
        ),
        Result(
            "control process, resident memory",
            statistics.median(rss),
            RSS_MB,
            "MB",
            details={"worst_mb": round(max(rss), 1)},
        ),
    ]


if __name__ == "__main__":
    alone(measure)
