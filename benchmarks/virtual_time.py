"""Virtual time: CPU seconds of one whole 40-minute infusion, every layer from codec to journal.

The tests' testbed (simulated pump, in-memory line at 19200 baud, driver, state machine, gateway, SQLite journal) on the
virtual loop. The journal groups 256 entries per transaction, as the writer does while the disk is busy. `--profile`
shows where the time goes.
"""

import asyncio
import collections
import contextlib
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

import structlog

from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd.journal import JournalReader
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.control.testbed import open_testbed

RUNS = 7
BOUND_S = 0.15
CLINICAL_S = 2400


async def _infusion(folder):
    async with open_testbed(folder, group=256) as here:
        await here.start()
        await asyncio.sleep(2380)
        await here.until("completed", within_s=60)
        return here.truth(), here.journal


def _run():
    """CPU seconds, delivered volume, journal entries. The kernel's share (the disk) counts."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        begun = time.process_time()
        delivered, journal = runner.run(_infusion(Path(folder)))
        took = time.process_time() - begun
        with contextlib.closing(JournalReader(journal)) as reader:
            return took, delivered, reader.last(1)[0].id


def measure(size: Size = Size.WHOLE) -> list[Result]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    try:
        seen = [_run() for _ in range(size.of(1 + RUNS, 1))][-RUNS:]  # the first one fills the caches
    finally:
        structlog.reset_defaults()
    best = min(cpu for cpu, _, _ in seen)
    details = {
        "best_of": len(seen),
        "worst_s": round(max(cpu for cpu, _, _ in seen), 3),
        "times_real_time": round(CLINICAL_S / best),
        "delivered_ml": round(seen[0][1], 3),
        "journal_entries": seen[0][2],
    }
    return [Result("virtual time, CPU of a 40-minute infusion", best, BOUND_S, "s", details=details)]


def _room(file):
    parts = Path(file).parts
    if "journal" in parts or "json" in parts or "sqlite" in file:
        return "journal"
    for package, depth in (("pumpd", 2), ("pumpd_drivers", 2), ("pumpd_simulators", 2)):
        if package in parts:
            at = len(parts) - 1 - parts[::-1].index(package)
            return "/".join(parts[at : at + depth]).removesuffix(".py")
    return "asyncio" if "asyncio" in parts else "testbed" if "tests" in parts else ""


def profile() -> None:
    """Where the time goes, by package; built-in functions count for their callers. Profiling doubles every time."""
    _run()
    profiler = cProfile.Profile()
    profiler.runcall(_run)
    stats = pstats.Stats(profiler)
    rooms = collections.Counter()
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        if file != "~":
            rooms[_room(file) or "other"] += own
        else:
            for (caller, _, _), (_, _, part, _) in callers.items():
                rooms[_room(caller) or "other"] += part
    total = sum(rooms.values())
    for room, seconds in rooms.most_common(20):
        print(f"{room:32} {seconds / total:6.1%}")
    stats.sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    if "--profile" in sys.argv:
        profile()
    else:
        alone(measure)
