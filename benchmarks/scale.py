"""A long journal beside an empty one: what control does must take the same time (PWR-16).

A control process is killed during an infusion. Measured are, from the next exec: READY, the first answer to a poll, and
the stop on the wire; then the first order, `status` and a patient's history. The ratio is long over empty.
`python -m benchmarks.scale FOLDER/state/journal.sqlite3` uses one that `benchmarks.year` wrote; without that it writes
a short one.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import year
from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd_simulators.device import Operation
from tests.control.testbed import ORDER

TRIES = 5
ENTRIES = 200_000
BOUND = 1.5
HISTORY, HISTORY_S = "history of a patient with 18 infusions", 0.5


async def _timed(process, **request):
    begun = time.monotonic()
    answer = await process.ask(**request)
    return answer, time.monotonic() - begun


async def _once(folder, number):
    beds = [Bed(FIRST, str(folder / "pump"))]
    nurse = Nurse(folder)
    nurse._infusions = number * 10
    async with line(FIRST, folder / "pump") as served:
        async with control_process(folder, beds) as process:
            await process.ready()
            await nurse.infuse(process, FIRST)
            process.popen.kill()
        before, begun = len(served.frames), time.monotonic()
        async with control_process(folder, beds) as process:
            stop = await served.next_stop(before)
            await process.ready()
            polls = [one.answered for one in served.frames[before:] if one.doing is Operation.READ and one.answered]
            await process.pump(lambda pump: pump["infusion"] and pump["infusion"]["state"] == "tripped")
            await process.ask(op="stop", reason="bench")
            await process.pump(lambda pump: pump["infusion"]["state"] == "stopped")
            patient = f"other-{number}"
            await process.ask(op="associate", pump="bed1", patient=patient)
            answer, order_s = await _timed(process, **{**ORDER, "patient": patient})
            assert answer["ok"], answer
            _, status_s = await _timed(process, op="status")
            history, history_s = await _timed(process, op="history", patient="token-7")
            assert history["ok"], history
            return {
                "exec to READY": process.ready_s,
                "exec to the first reading": min(polls) - begun,
                "exec to the stop on the wire": stop.ended - begun,
                "first order": order_s,
                "status": status_s,
                HISTORY: history_s,
            }


async def _measure(folder, tries):
    seen = [await _once(folder, number) for number in range(tries)]
    seen = seen[1:] or seen  # the first one warms the disk's cache
    return {name: sorted(one[name] for one in seen)[len(seen) // 2] for name in seen[0]}


@contextlib.contextmanager
def _long(journal: Path | None, entries: int) -> Iterator[Path]:
    """A folder whose state holds a long journal."""
    if journal is not None:
        yield journal.parent.parent
        return
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "state").mkdir()
        year.write(Path(name) / "state" / "journal.sqlite3", entries)
        yield Path(name)


def measure(size: Size = Size.WHOLE, journal: Path | None = None) -> list[Result]:
    tries = size.of(1 + TRIES, 1)
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        with tempfile.TemporaryDirectory() as name:
            empty = runner.run(_measure(Path(name), tries))
        with _long(journal, size.of(ENTRIES, 5000)) as folder:
            long = runner.run(_measure(folder, tries))
            written = (folder / "state" / "journal.sqlite3").stat().st_size
    details = {"tries": size.of(TRIES, 1), "journal_mb": round(written / 1e6)}
    history_s = long.pop(HISTORY)  # of a patient who has one there
    return [
        Result(f"long journal, {HISTORY}, median", history_s, HISTORY_S, "s", details=details),
        *_ratios(long, empty, details),
    ]


def _ratios(long: dict[str, float], empty: dict[str, float], details: dict[str, object]) -> list[Result]:
    return [
        Result(
            f"long journal over none, {name}, median",
            long[name] / empty[name],
            BOUND,
            "times",
            details=details | {"long_s": round(long[name], 3), "empty_s": round(empty[name], 3)},
        )
        for name in long
    ]


if __name__ == "__main__":
    alone(lambda files, size: measure(size, *map(Path, files[:1])), list)
