"""The journal: from handing over an entry to knowing that it is on disk, divided by a bare insert of the same entry.

Both alternate on the same disk: pumpd's writer (a thread, the hash chain, canonical JSON), and SQLite alone with the
same durability (write-ahead log, `synchronous=FULL`). The ratio shows what pumpd adds to the disk's own time. An intent
also waits for the anchor beside the journal, a second write to the disk after the first (PWR-15); a reading does not.
"""

import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from pumpd.journal import Entry
from pumpd.journal.writer import ThreadWriter

APPENDS = 1000
BOUNDS = {50: 1.5, 99: 2.0}
KINDS = {"intent_start": "an intent and its anchor", "reading": "a reading"}
INTENT = {"digest": "8c" * 32, "vtbi_ml": "35", "confirmed_by": "nurse-1 (0a1b2c3d4e5f)"}
ROW = ("2026-11-26T11:00:00.000+00:00", 10**12, "b" * 16, "bed1", "s" * 16, "intent_start", str(INTENT), "f" * 64)


async def _appends(folder, count):
    writer = ThreadWriter(folder / "journal.sqlite3", "b" * 16)
    await writer.opened()
    ours, bare = {kind: [] for kind in KINDS}, []
    with closing(sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h)")
        for _ in range(count):
            for kind, times in ours.items():
                begun = time.perf_counter()
                await writer.append([Entry(kind, INTENT, "bed1", "s" * 16, 10**12)])
                times.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            db.execute("INSERT INTO records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", ROW)
            bare.append(time.perf_counter() - begun)
    await writer.close()
    return ours, bare


def measure(size: Size = Size.WHOLE) -> list[Result]:
    count = size.of(APPENDS, 20)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        ours, bare = runner.run(_appends(Path(folder), count))
    results = []
    for kind, what in KINDS.items():
        for percent, bound in BOUNDS.items():
            mine, its = percentile(ours[kind], percent), percentile(bare, percent)
            details = {"appends": count, "ms": round(mine * 1e3, 3), "bare_ms": round(its * 1e3, 3)}
            results.append(
                Result(f"journal, {what} over a bare insert, p{percent}", mine / its, bound, "times", details=details)
            )
    return results


if __name__ == "__main__":
    alone(measure)
