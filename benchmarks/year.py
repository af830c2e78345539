"""A busy year in a journal: 10 million entries with a correct chain, written in bulk, and what control still needs.

`python -m benchmarks.year FILE [ENTRIES]` writes such a journal. One infusion of the testbed is the pattern: all its
entries, for 120 patients at eight pumps, one infusion after the other through the year, the last of them ended a day
before now. Bytes of the line are left out. It takes about 20 minutes and 6 GB.
"""

import asyncio
import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

import structlog

from pumpd.journal import Journal, Record
from pumpd.journal.records import GENESIS, canonical
from pumpd.journal.schema import indexes
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.control.testbed import open_testbed

ENTRIES = 10_000_000
PATIENTS, PUMPS = 120, 8
AT_ONCE = 50_000  # entries a transaction
_PATIENT, _SESSION = "token-1", "s" * 32


async def _infusion(folder: Path) -> list[Record]:
    async with open_testbed(folder, group=256) as here:
        await here.start()
        await asyncio.sleep(2380)
        await here.until("completed", within_s=60)
        await asyncio.sleep(10)
        await here.gateway.journal.append([])  # what is grouped is written
        return here.entries()


def pattern() -> list[Record]:
    """The entries of one whole infusion, as control writes them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    try:
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(_infusion(Path(folder)))
    finally:
        structlog.reset_defaults()


def _rows(entries: list[Record], total: int, now: datetime) -> Iterator[tuple[object, ...]]:
    """Numbers, times and hashes as the journal would have them."""
    session = next(entry.session for entry in entries if entry.session)
    bodies = []
    for entry in entries:
        fields = entry.fields
        fields.pop("frames", None)
        bodies.append(canonical(fields).replace(session, _SESSION).replace(_PATIENT, "{patient}"))
    infusions = total // len(entries)
    apart = timedelta(days=364) / max(1, infusions)
    first_ns = entries[0].mono_ns
    number, previous = count(1), GENESIS
    for infusion in range(infusions):
        at = now - timedelta(days=1) - apart * (infusions - infusion)
        this, patient = f"{infusion:032x}", f"token-{infusion % PATIENTS}"
        pump = f"bed{infusion % PUMPS + 1}"
        for entry, body in zip(entries, bodies, strict=True):
            ts = (at + timedelta(microseconds=(entry.mono_ns - first_ns) // 1000)).isoformat(timespec="milliseconds")
            fields = (
                ts,
                entry.mono_ns,
                "b" * 16,
                pump if entry.pump else "",
                this if entry.session else "",
                entry.written_kind,
                body.replace(_SESSION, this).replace("{patient}", patient),
            )
            own = next(number)
            previous = hashlib.sha256("\x1f".join((previous, str(own), *map(str, fields))).encode()).hexdigest()
            yield (own, *fields, previous)


def write(path: Path, total: int = ENTRIES, now: datetime | None = None) -> int:
    """Write the journal; returns how many entries it has. The indexes are made afterwards, which is quicker."""
    Journal(path, "year").close()
    rows, written = _rows(pattern(), total, now or datetime.now(UTC)), 0
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-200000")
        for name in dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'")):
            db.execute(f"DROP INDEX {name}")
        while some := list(islice(rows, AT_ONCE)):
            db.execute("BEGIN")
            db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", some)
            db.execute("COMMIT")
            written += len(some)
        for statement in indexes({}):
            db.execute(statement)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return written


if __name__ == "__main__":
    begun = time.monotonic()
    made = write(Path(sys.argv[1]), int((sys.argv[2:] or [ENTRIES])[0]))
    print(json.dumps({"entries": made, "seconds": round(time.monotonic() - begun)}))
