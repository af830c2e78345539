"""Stop: from the request on the operator socket to the last byte of the stop frame on the wire, for each family.

A real control process, and a real pseudo-terminal at the speed of the family's line; polling once a second, and without
a pause. The wire's own limit is its worst case: the longest poll with its answer, then the stop frame. Also measured:
what pumpd added to the time the wire needed in each try. Setting up a running infusion takes seconds, so stopping one
is tried only a few times. One family is also stopped by the command `pumpd stop`, a process of its own. Families
that are only monitored take no stop.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.control_process import ROOT, control_process
from benchmarks.families import FIRST, Bed, controlled, named
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size

TRIES = 120
RUNNING_TRIES = 4
COMMAND_TRIES = 50
COMMAND_S = 0.5  # on an idle machine
HEARD_WITHIN_S = 0.002
POLLED_S = 2.2  # before the first stop: at least two polls
# Time for the previous stop to be answered. A stop requested earlier would join it and send nothing of its own.
LEAST_GAP_S = 0.09
POLLS_PER_STOP = 6  # on a slow line, the gap is the time of this many polls
STOP = json.dumps({"op": "stop", "pump": "bed1", "by": "bench"}).encode() + b"\n"


async def _try(process, served, phase_s):
    """One stop at a random phase: seconds to its last byte, seconds that pumpd added to the wire's, and its frame."""
    await asyncio.sleep(phase_s)
    count = len(served.frames)
    asked = time.monotonic()
    process._writer.write(STOP)
    frame = await served.next_stop(count)
    assert json.loads(await process._reader.readline())["ok"]
    place = served.frames.index(frame)
    asked_before = [number for number in range(place) if served.frames[number].answered]
    least, sent = asked, frame.data
    if asked_before:
        before = served.frames[asked_before[-1]]
        # A poll sent before pumpd can have received the stop counts as the wire's, a later one as pumpd's.
        if before.begun <= asked + HEARD_WITHIN_S and before.answered > asked:
            least = before.answered
            sent = b"".join(
                each.data for each in served.frames[asked_before[-1] + 1 : place + 1]
            )  # with acknowledgements
    least += len(sent) * served.byte_s
    return frame.ended - asked, frame.ended - least, frame


async def _idle(name, idle_poll_s, size):
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        beds = [Bed(name, str(folder / "pump"))]
        async with line(name, folder / "pump") as served, control_process(folder, beds, idle_poll_s) as process:
            await process.ready()
            await asyncio.sleep(size.of(POLLED_S, 1.2))
            poll_s = served.longest_poll_s()
            gap_s = max(LEAST_GAP_S, POLLS_PER_STOP * poll_s)
            done = [await _try(process, served, chance.uniform(gap_s, gap_s + 0.12)) for _ in range(size.of(TRIES, 2))]
            return _times(done, poll_s, served)


async def _command(name, tries):
    """Stops by `pumpd stop`: from the exec of the command to the last byte of the stop frame."""
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        beds = [Bed(name, str(folder / "pump"))]
        async with line(name, folder / "pump") as served, control_process(folder, beds) as process:
            await process.ready()
            await asyncio.sleep(POLLED_S)
            await _stop_command(folder, served)  # the first may compile
            return [await _stop_command(folder, served) for _ in range(tries)]


async def _stop_command(folder, served):
    count, asked = len(served.frames), time.monotonic()
    command = ("-m", "pumpd", "stop", "--config", str(folder / "pumpd.toml"))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=subprocess.DEVNULL)
    frame = await served.next_stop(count)
    assert await process.wait() == 0
    return frame.ended - asked


async def _running(name, tries):
    """Stops of running infusions: ordered, confirmed by a paired key, flowing."""
    chance = random.Random(7)
    done = []
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        nurse = Nurse(folder)
        beds = [Bed(name, str(folder / "pump"))]
        async with line(name, folder / "pump") as served, control_process(folder, beds) as process:
            await process.ready()
            for _ in range(tries):
                await nurse.infuse(process, name, served.pump)
                done.append(await _try(process, served, chance.uniform(0.0, 1.0)))
                await process.pump(lambda pump: pump["infusion"]["state"] == "stopped")
            return _times(done, served.longest_poll_s(), served)


def _times(done, poll_s, served):
    """Seconds that each stop took, seconds that pumpd added, and the wire's own worst case."""
    return [one[0] for one in done], [one[1] for one in done], poll_s + len(done[-1][2].data) * served.byte_s


def _result(name, taken, added, limit_s):
    p99 = percentile(taken, 99)
    return Result(
        name,
        p99 * 1e3,
        (1.3 * limit_s + 0.003) * 1e3,
        "ms",
        details={
            "tries": len(taken),
            "p50_ms": round(percentile(taken, 50) * 1e3, 2),
            "worst_ms": round(max(taken) * 1e3, 2),
            "wire_limit_ms": round(limit_s * 1e3, 2),
            "p99_over_wire_limit": round(p99 / limit_s, 3),
            "added_p50_ms": round(percentile(added, 50) * 1e3, 2),
            "added_p99_ms": round(percentile(added, 99) * 1e3, 2),
        },
    )


def _command_result(name, size):
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        taken = runner.run(_command(name, size.of(COMMAND_TRIES, 1)))
    return Result(
        f"`pumpd stop` p99, {name}, command to frame",
        percentile(taken, 99),
        COMMAND_S,
        "s",
        details={"tries": len(taken), "p50_s": round(percentile(taken, 50), 3), "worst_s": round(max(taken), 3)},
    )


def measure(names: Iterable[str], size: Size = Size.WHOLE) -> Iterator[Result]:
    """Polling once a second is tried for one family only: without a pause is the harder case."""
    for name in controlled(names):
        works = [(f"stop worst, {name}, infusion running", partial(_running, name, size.of(RUNNING_TRIES, 1)))]
        if name == FIRST or size is Size.WHOLE:
            works.insert(0, (f"stop p99, {name}, polling without a pause", partial(_idle, name, 0.005, size)))
        if name == FIRST:
            works.insert(0, (f"stop p99, {name}, polling at 1 Hz", partial(_idle, name, 1.0, size)))
        for title, work in works:
            with asyncio.Runner(loop_factory=exact_loop) as runner:
                yield _result(title, *runner.run(work()))
        if name == FIRST:
            yield _command_result(name, size)


if __name__ == "__main__":
    alone(measure, named)
