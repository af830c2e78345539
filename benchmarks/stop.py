"""Stop: from the request on the control socket to the last byte of the stop frame on the wire.

A real control process, a real pseudo-terminal paced at 19200 baud, polling once a second and without a pause. The
wire's own limit is its worst case: a whole poll request, its answer, and the stop frame. Besides: what pumpd added to
what the wire needed in each try. A stop of a running infusion, which takes seconds to set up, is tried a few times.
"""

import asyncio
import json
import random
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_process import control_process
from benchmarks.line import BYTE_S, exact_loop, line
from benchmarks.result import Result, alone, percentile
from pumpd.control.keys import KeyStore
from pumpd.control.signature import pairable, sign
from pumpd.infusion.events import Binding, ConfirmAction
from tests.control.ward import ORDER

TRIES = 250
RUNNING_TRIES = 8
HEARD_WITHIN_S = 0.002
LEAST_GAP_S = (
    0.09  # the stop before is then answered; one asked for meanwhile would join it and send nothing of its own
)
STOP = json.dumps({"op": "stop", "pump": "bed1", "by": "bench"}).encode() + b"\n"


async def _try(process, served, phase_s):
    """One stop at a random phase: seconds to its last byte, seconds that pumpd added to the wire's, and its frame."""
    await asyncio.sleep(phase_s)
    count = len(served.frames)
    asked = time.monotonic()
    process._writer.write(STOP)
    frame = await served.next_stop(count)
    assert json.loads(await process._reader.readline())["ok"]
    before = served.frames[max(0, served.frames.index(frame) - 1)]
    # A poll that was on its way before pumpd can have heard of the stop is the wire's, a later one is pumpd's.
    in_flight = before is not frame and before.answered and before.begun <= asked + HEARD_WITHIN_S
    least = max(asked, before.answered if in_flight else asked) + len(frame.data) * BYTE_S
    return frame.ended - asked, frame.ended - least, frame


def _limit_s(served, stop):
    """The wire's own worst case: the longest poll that was seen, with its answer, and the stop frame."""
    polls = [frame for frame in served.frames if frame.answered and (b"RAT" in frame.data or b"DIS" in frame.data)]
    return (max(len(frame.data) + len(frame.answer) for frame in polls) + len(stop.data)) * BYTE_S


async def _idle(idle_poll_s, tries):
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with line(folder / "pump") as served, control_process(folder, folder / "pump", idle_poll_s) as process:
            await process.pump(lambda pump: not pump["problem"] and pump["pump_state"])
            done = [await _try(process, served, chance.uniform(LEAST_GAP_S, LEAST_GAP_S + 0.12)) for _ in range(tries)]
            return [one[0] for one in done], [one[1] for one in done], _limit_s(served, done[-1][2])


async def _running(tries):
    """Stops of infusions that run: ordered, confirmed by a paired key, flowing."""
    chance = random.Random(7)
    key = ec.generate_private_key(ec.SECP256R1())
    taken = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "state").mkdir()
        paired = KeyStore(folder / "state" / "paired-keys.json").add(pairable("bench", "confirm", key.public_key()))
        async with line(folder / "pump") as served, control_process(folder, folder / "pump") as process:
            await process.pump(lambda pump: not pump["problem"] and pump["pump_state"])
            for number in range(tries):
                assert (await process.ask(**ORDER))["ok"]
                await process.pump(lambda pump: pump["infusion"]["state"] == "ready")
                fields = (await process.ask(op="challenge", pump="bed1"))["result"]["binding"]
                binding = Binding(**{**fields, "action": ConfirmAction(fields["action"])})
                signed = {"key": paired.id, "signature": sign(key, binding), "request": f"r-{number}"}
                assert (await process.ask(op="confirm", pump="bed1", **signed, **fields))["ok"]
                await process.pump(lambda pump: pump["infusion"]["state"] == "running")
                taken.append(await _try(process, served, chance.uniform(0.0, 1.0)))
                await process.pump(lambda pump: pump["infusion"]["state"] == "stopped")
            return [one[0] for one in taken], [one[1] for one in taken], _limit_s(served, taken[-1][2])


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


def measure(tries: int = TRIES) -> list[Result]:
    results = []
    for name, work in (
        ("stop p99, polling at 1 Hz", _idle(1.0, tries)),
        ("stop p99, polling without a pause", _idle(0.005, tries)),
        ("stop worst, infusion running", _running(RUNNING_TRIES)),
    ):
        with asyncio.Runner(loop_factory=exact_loop) as runner:
            results.append(_result(name, *runner.run(work)))
    return results


if __name__ == "__main__":
    alone(measure)
