"""A tablet's stop while another host holds all that it can: from the request to the stop frame's last byte on the wire.

Real control and bedside processes, and real pseudo-terminals at the speed of the New Era line. The attacker is a
process of its own at 127.0.0.1; the tablet is at 127.0.0.2, and opens a new connection for each stop, with its
handshake, as a page that lost its connection does. So the machine's two cores also carry the attacker's work.
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks import attacks
from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import percentile
from benchmarks.tablet_stop import GAP_S, _bedside, _free_port, _trusting
from pumpd.bedside.certificates import make

TRIES = 30
TABLET = "127.0.0.2"


def _rss_mb(pid):
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return int(text.split()[1]) * 1024 / 1e6
    raise LookupError


@contextlib.contextmanager
def _attacked(name, port):
    command = [sys.executable, "-m", "benchmarks.attacks", name, str(port), "bed1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


async def _one(context, port, served):
    transport = httpx.AsyncHTTPTransport(verify=context, local_address=TABLET)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://127.0.0.1:{port}", timeout=9) as tablet:
        count, asked = len(served.frames), time.monotonic()
        answering = asyncio.create_task(tablet.post("/api/stop?pump=bed2"))
        frame_task = asyncio.create_task(served.next_stop(count))
        await asyncio.wait((answering, frame_task), return_when=asyncio.FIRST_EXCEPTION, timeout=9.5)
        for task in (answering, frame_task):
            if not task.done():
                task.cancel()
        answer, frame = await asyncio.gather(answering, frame_task, return_exceptions=True)
        if isinstance(frame, BaseException):
            return 10.0, repr(answer)
        return frame.ended - asked, "" if not isinstance(answer, BaseException) and answer.json()["ok"] else repr(
            answer
        )


async def _measured(names, tries):
    chance = random.Random(7)
    seen = {}
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        nurse, port = Nurse(folder), _free_port()
        make(folder / "state" / "tls", "bench", ["localhost", "127.0.0.1"])
        context = _trusting(folder)
        beds = [Bed(FIRST, str(folder / f"bed{number}"), f"bed{number}", number) for number in (1, 2)]
        async with (
            line(FIRST, folder / "bed1"),
            line(FIRST, folder / "bed2", 2) as served,
            control_process(folder, beds) as process,
            _bedside(folder, port) as bedside,
        ):
            await process.ready()
            for name in names:
                before = _rss_mb(bedside.pid)
                peak, taken, wrong = before, [], []
                rows = (folder / "state" / "journal.sqlite3").stat().st_size + (
                    folder / "state" / "journal.sqlite3-wal"
                ).stat().st_size
                began = time.monotonic()
                with _attacked(name, port) if name != "nothing" else contextlib.nullcontext():
                    for _ in range(tries):
                        await asyncio.sleep(chance.uniform(GAP_S, 2 * GAP_S))
                        took, why = await _one(context, port, served)
                        taken.append(took)
                        if why:
                            wrong.append(why)
                        peak = max(peak, _rss_mb(bedside.pid))
                lasted = time.monotonic() - began
                grown = (
                    (folder / "state" / "journal.sqlite3").stat().st_size
                    + (folder / "state" / "journal.sqlite3-wal").stat().st_size
                    - rows
                )
                await asyncio.sleep(1)
                print(
                    f"{name:16} p50 {percentile(taken, 50) * 1e3:7.1f} p99 {percentile(taken, 99) * 1e3:7.1f} ms  rss {before:.1f} {peak:.1f} {_rss_mb(bedside.pid):.1f} control {process.rss_mb():.1f} journal +{grown / 1e3:.0f} kB in {lasted:.0f} s load {os.getloadavg()[0]:.1f} {len(wrong)} wrong {wrong[:1]}",
                    flush=True,
                )
    return seen


if __name__ == "__main__":
    names = sys.argv[2:] or ["nothing", *attacks.ALL, "everything"]
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(_measured(names, int(sys.argv[1])))
