"""A tablet's stop while another host holds all that it can: from the request to the stop frame's last byte on the wire.

Real control and bedside processes, and real pseudo-terminals at the speed of the New Era line. The attacker is a
process of its own at 127.0.0.1; the tablet is at 127.0.0.2, and opens a new connection for each stop, with its
handshake, as a page that lost its connection does. So the machine's two cores also carry the attacker's work. The
first row is measured in calm, in the same run: a busy machine shows in it too.
"""

import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks import attacks
from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from benchmarks.tablet_stop import BOUND_MS, GAP_S, _bedside, _free_port, _trusting, beside
from pumpd.bedside.certificates import make

TRIES = 20
TABLET = "127.0.0.2"
NOTHING = "nothing"
FEW = ("slow_header", "stops")
LOST_S = 9.0
TIMES = 10.0
GROWN_MB = 20.0


def _rss_mb(pid):
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return int(text.split()[1]) * 1024 / 1e6
    raise LookupError


def _attacked(name, port):
    return beside("benchmarks.attacks", name, port, "bed1") if name != NOTHING else contextlib.nullcontext()


async def _stop(context, port, served):
    """Seconds from the request to the stop frame; `LOST_S` if it did not come."""
    transport = httpx.AsyncHTTPTransport(verify=context, local_address=TABLET)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://127.0.0.1:{port}", timeout=LOST_S) as tablet:
        count, asked = len(served.frames), time.monotonic()
        answering = asyncio.create_task(tablet.post("/api/stop?pump=bed2"))
        framed = asyncio.create_task(served.next_stop(count))
        await asyncio.wait((answering, framed), return_when=asyncio.FIRST_EXCEPTION, timeout=LOST_S)
        for task in (answering, framed):
            task.cancel()
        answer, frame = await asyncio.gather(answering, framed, return_exceptions=True)
    if isinstance(frame, BaseException) or isinstance(answer, BaseException):
        return LOST_S
    assert answer.json()["ok"], answer.text
    return frame.ended - asked


def _on_disk_kb(folder):
    return sum(path.stat().st_size for path in (folder / "state").glob("journal*")) / 1e3


async def _attack(name, folder, port, served, pid, tries):
    """Stops during one attack: seconds of each, and what bedside and the journal used meanwhile."""
    chance, context, taken = random.Random(7), _trusting(folder), []
    before, peak, journal = _rss_mb(pid), 0.0, _on_disk_kb(folder)
    async with _attacked(name, port):
        for _ in range(tries):
            await asyncio.sleep(chance.uniform(GAP_S, 2 * GAP_S))
            taken.append(await _stop(context, port, served))
            peak = max(peak, _rss_mb(pid))
    return taken, {
        "tries": tries,
        "p50_ms": round(percentile(taken, 50) * 1e3, 1),
        "p99_ms": round(percentile(taken, 99) * 1e3, 1),
        "worst_ms": round(max(taken) * 1e3, 1),
        "bedside_mb": [round(before, 1), round(peak, 1), round(_rss_mb(pid), 1)],
        "journal_kb": round(_on_disk_kb(folder) - journal),
        "load": round(os.getloadavg()[0], 1),
    }


async def _measured(names, tries):
    with tempfile.TemporaryDirectory() as given:
        folder, port = Path(given), _free_port()
        make(folder / "state" / "tls", "bench", ["localhost", "127.0.0.1"])
        beds = [Bed(FIRST, str(folder / f"bed{number}"), f"bed{number}", number) for number in (1, 2)]
        async with (
            line(FIRST, folder / "bed1"),
            line(FIRST, folder / "bed2", 2) as served,
            control_process(folder, beds) as process,
            _bedside(folder, port) as bedside,
        ):
            await process.ready()
            seen = {}
            for name in names:
                seen[name] = await _attack(name, folder, port, served, bedside.pid, tries)
                print(f"  {name}: {seen[name][1]}", file=sys.stderr, flush=True)
            return seen


def measure(size: Size = Size.WHOLE, names: Sequence[str] = ()) -> list[Result]:
    names = (NOTHING, *(names or size.of((*attacks.ALL, "everything"), FEW)))
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        seen = runner.run(_measured(names, size.of(TRIES, 2)))
    details = {name: each for name, (_, each) in seen.items()}
    attacked = [took for name, (taken, _) in seen.items() if name != NOTHING for took in taken]
    calm = percentile(seen[NOTHING][0], 99)
    grown = max(each["bedside_mb"][1] for each in details.values()) - details[NOTHING]["bedside_mb"][0]
    return [
        Result(
            "stop under attack p99, from another address",
            percentile(attacked, 99) * 1e3,
            BOUND_MS,
            "ms",
            details=details,
        ),
        Result("stop under attack p99, times that without", percentile(attacked, 99) / calm, TIMES, "times"),
        Result("bedside's memory under attack, growth", grown, GROWN_MB, "MB"),
    ]


if __name__ == "__main__":
    alone(lambda names, size: measure(size, names), attacks.named)
