"""Restart: the control process is killed during an infusion; time from the next exec to its first poll and stop.

The journal is as long as after a hundred hours of flow on one pump. Both instants are on the wire of the simulated
pump: the last byte of the first stop frame, and of the first answer to a poll.
"""

import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd.journal import Entry, Journal
from pumpd_simulators.device import Operation

TRIES = 5
ENTRIES = 100_000
BOUND_S = 2.0  # of the 10 s that PWR-05 allows


def _fill(path, entries):
    body = {"state": "running", "pump_state": "infusing", "rate_ml_h": "52.5", "frames": ["02083052415438cb03" * 12]}
    with closing(Journal(path, "boot-0")) as journal:
        for _ in range(entries // 1000):
            journal.append([Entry("reading", body, "bed1", "before")] * 1000)


async def _once(folder, entries):
    beds = [Bed(FIRST, str(folder / "pump"))]
    nurse = Nurse(folder)
    _fill(folder / "state" / "journal.sqlite3", entries)
    async with line(FIRST, folder / "pump") as served:
        async with control_process(folder, beds) as process:
            await process.ready()
            await nurse.infuse(process, FIRST)
            process.popen.kill()
        before, begun = len(served.frames), time.monotonic()
        async with control_process(folder, beds) as process:
            stop = await served.next_stop(before)
            polls = [one.answered for one in served.frames[before:] if one.doing is Operation.READ and one.answered]
            pump = await process.pump(lambda pump: pump["pump_state"] and pump["infusion"])
            assert pump["infusion"]["state"] in ("stopping", "tripped", "uncertain"), pump
            return min(polls) - begun, stop.ended - begun


async def _measure(tries, entries):
    seen = []
    for _ in range(tries):
        with tempfile.TemporaryDirectory() as folder:
            seen.append(await _once(Path(folder), entries))
    return seen


def measure(size: Size = Size.WHOLE) -> list[Result]:
    tries, entries = size.of(TRIES, 1), size.of(ENTRIES, 1000)
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        seen = runner.run(_measure(tries, entries))
    details = {"tries": tries, "journal_entries": entries}
    results = []
    for name, times in zip(("first reading", "stop on the wire"), zip(*seen, strict=True), strict=True):
        ordered = sorted(times)
        more = details | {"median_s": round(ordered[tries // 2], 3), "best_s": round(ordered[0], 3)}
        results.append(Result(f"restart, exec to {name}, worst of {tries}", ordered[-1], BOUND_S, "s", details=more))
    return results


if __name__ == "__main__":
    alone(measure)
