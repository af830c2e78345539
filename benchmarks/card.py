"""What control writes to the card: bytes and transactions an hour, idle and during an infusion, on one pump.

The kernel counts the bytes that the process caused to be written (`write_bytes` in /proc/PID/io): the journal, its
write-ahead log and the anchor. A file system adds its own. The folder must be on a disk; `/dev/shm` counts nothing.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size

SECONDS = 120
SETTLED_S = 10
IDLE_MB, RUNNING_MB = 5.0, 100.0  # an hour


def _written(process) -> int:
    for text in Path(f"/proc/{process.popen.pid}/io").read_text().splitlines():
        if text.startswith("write_bytes: "):
            return int(text.split()[1])
    raise LookupError("the kernel counts no bytes")


def _entries(folder) -> int:
    with closing(sqlite3.connect(folder / "state" / "journal.sqlite3")) as db:
        return db.execute("SELECT coalesce(max(id), 0) FROM records").fetchone()[0]


async def _hour(folder, process, seconds) -> tuple[float, float]:
    """Megabytes and entries an hour."""
    before, entries = _written(process), _entries(folder)
    await asyncio.sleep(seconds)
    scale = 3600 / seconds
    return (_written(process) - before) / 1e6 * scale, (_entries(folder) - entries) * scale


async def _measure(seconds, settled_s):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nurse = Nurse(folder)
        async with (
            line(FIRST, folder / "pump"),
            control_process(folder, [Bed(FIRST, str(folder / "pump"))]) as process,
        ):
            await process.ready()
            await asyncio.sleep(settled_s)
            idle = await _hour(folder, process, seconds)
            await nurse.infuse(process, FIRST)
            running = await _hour(folder, process, seconds)
            return idle, running


def measure(size: Size = Size.WHOLE) -> list[Result]:
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        idle, running = runner.run(_measure(size.of(SECONDS, 1), size.of(SETTLED_S, 1)))
    return [
        Result(f"card, {what}", megabytes, bound, "MB/h", details={"entries_an_hour": round(entries)})
        for what, (megabytes, entries), bound in (("idle", idle, IDLE_MB), ("infusing", running, RUNNING_MB))
    ]


if __name__ == "__main__":
    alone(measure)
