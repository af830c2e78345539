"""Stop while the reply before it is lost, late or garbled, and while eight pumps infuse (STP-11).

A real control process, and real pseudo-terminals at the speed of each family's line. From the write of the request on
the operator socket to the last byte of the stop frame on the wire. The bound is 1.5 times the longest healthy poll with
its answer on the wire, then the stop frame, and 5 ms for two processes. Each stop is sent while the spoilt answer is
awaited: a little later, at a random phase.
"""

import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.control_process import control_process
from benchmarks.families import FIRST, Bed, controlled, named
from benchmarks.infusing import Nurse
from benchmarks.line import Spoilt, exact_loop, line
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size

TRIES = 10
POLLED_S = 2.2
CALM_S = 1.0  # until the late answer, and the pause after it, are over
PATIENCE, SLACK_S = 1.5, 0.005
PUMPS = 8


def _stop(bed=1):
    return json.dumps({"op": "stop", "pump": f"bed{bed}", "by": "bench"}).encode() + b"\n"


async def _try(process, served, how, phase_s, bed=1):
    """Seconds from the request to the last byte of the stop frame, and the frame's own time on the line."""
    if how is not None:
        served.spoil(how)
        await served.struck.wait()
    await asyncio.sleep(phase_s)
    count, asked = len(served.frames), time.monotonic()
    process._writer.write(_stop(bed))
    frame = await served.next_stop(count)
    assert json.loads(await process._reader.readline())["ok"]
    return frame.ended - asked, len(frame.data) * served.byte_s


async def _spoilt(name, how, size):
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        beds = [Bed(name, str(folder / "pump"))]
        async with line(name, folder / "pump") as served, control_process(folder, beds, 0.005) as process:
            await process.ready()
            await asyncio.sleep(size.of(POLLED_S, 1.2))
            done = []
            for _ in range(size.of(TRIES, 1)):
                await process.ready()
                await asyncio.sleep(CALM_S)
                done.append(await _try(process, served, how, chance.uniform(0, served.longest_poll_s())))
            return done, served.longest_poll_s()


async def _while_infusing(name, how, count):
    """So many pumps infuse, and each is stopped in turn."""
    chance, done = random.Random(7), []
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        nurse = Nurse(folder)
        numbers = range(1, count + 1)
        beds = [Bed(name, str(folder / f"pump{number}"), f"bed{number}", number) for number in numbers]
        served = [await stack.enter_async_context(line(name, folder / f"pump{number}", number)) for number in numbers]
        process = await stack.enter_async_context(control_process(folder, beds))
        await process.ready()
        for number in numbers:
            await nurse.infuse(process, name, served[number - 1].pump, number)
        await asyncio.sleep(POLLED_S)
        for number in numbers:
            one = served[number - 1]
            done.append(await _try(process, one, how, chance.uniform(0, one.longest_poll_s()), number))
        return done, max(one.longest_poll_s() for one in served)


def _result(name, done, healthy_s):
    taken = [one[0] for one in done]
    bound_s = PATIENCE * healthy_s + max(one[1] for one in done) + SLACK_S
    return Result(
        name,
        max(taken) * 1e3,
        bound_s * 1e3,
        "ms",
        details={
            "tries_ms": [round(each * 1e3, 1) for each in taken],
            "p50_ms": round(percentile(taken, 50) * 1e3, 2),
            "healthy_answer_ms": round(healthy_s * 1e3, 2),
        },
    )


def measure(names: Iterable[str], size: Size = Size.WHOLE) -> Iterator[Result]:
    spoilt, pumps = size.of(list(Spoilt), [Spoilt.LOST]), size.of(PUMPS, 2)
    for name in controlled(names):
        works = [
            (f"stop worst, {name}, the reply before it {how.value}", partial(_spoilt, name, how, size))
            for how in spoilt
        ]
        if name == FIRST:
            works += [
                (f"stop worst, {name}, {pumps} pumps infuse", partial(_while_infusing, name, None, pumps)),
                (
                    f"stop worst, {name}, {pumps} infuse and the reply is lost",
                    partial(_while_infusing, name, Spoilt.LOST, pumps),
                ),
            ]
        for title, work in works:
            with asyncio.Runner(loop_factory=exact_loop) as runner:
                yield _result(title, *runner.run(work()))


if __name__ == "__main__":
    alone(measure, named)
