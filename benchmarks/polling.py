"""Polling: exchanges per second of driver and link, as a share of what each family's line allows.

The driver reads without a pause on a real pseudo-terminal; `pumpsim`, another process, gives bytes the line's time. The
ceiling is the bytes that went both ways, including acknowledgements, at the line's baud rate and bits per byte: what a
pump without any delay would allow. No sheet requires a pause between two exchanges, except that of the B. Braun rack.
It is a network without a speed and may be asked every 500 ms; that is its ceiling.

Also measured: the share that a minimal client reaches, which writes the same bytes in a loop of select and read. What
it misses is due to the machine and the simulator. And without the line: the CPU time of an exchange.
"""

import asyncio
import os
import select
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterable
from pathlib import Path

from benchmarks.families import named
from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd.pump import Done, family
from pumpd_simulators.family import family as simulated

SECONDS = 4.0
BARE_S = 1.5  # a Fresenius rack sends an enquiry each second, and ends the session when three are unanswered
BOUND = 0.9
WHY = {
    "harvard": "an exchange takes 3 ms at 115200 baud, a tenth of it for processes that wake each other; "
    "`share_of_a_bare_client` in the details is what system calls alone reach"
}
RACK_PER_S = 2.0  # space-bcc: the specification's minimum between two polls is 500 ms


async def _poll(name, port, seconds):
    """The measurements, and one poll as the wire saw it: each request, and how many bytes came back."""
    driver = await family(name).connect(str(port), {})
    try:
        assert isinstance(await driver.identify(), Done)
        packets = []
        driver.taps.append(lambda way, data, _: packets.append((way, data)))
        assert isinstance(await driver.read(), Done)
        driver.taps.clear()
        counts, reads = driver.link.statistics, 0
        answered, carried = counts.answered, counts.bytes_in + counts.bytes_out
        begun, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < seconds:
            assert isinstance(await driver.read(), Done)
            reads += 1
        passed, cpu = time.perf_counter() - begun, time.process_time() - cpu
        answered = counts.answered - answered
        carried = counts.bytes_in + counts.bytes_out - carried
        line = driver.link.line
        return {
            "share": line.time_for(carried) / passed,
            "line": f"{line.baudrate} {line.bytesize}{line.parity}{line.stopbits}",
            "exchanges_per_poll": round(answered / reads, 2),
            "bytes_per_exchange": round(carried / answered, 1),
            "exchanges_per_s": round(answered / passed, 1),
            "allowed_per_s": round(answered / line.time_for(carried), 1),
            "cpu_us_per_exchange": round(cpu / answered * 1e6, 1),
        }, _script(packets, line)
    finally:
        await driver.close()


def _script(packets, line):
    """Requests, each with the number of bytes to wait for, and the seconds that they all take on the wire."""
    steps = []
    for way, data in packets:
        if way == "out":
            steps.append([data, 0])
        else:
            steps[-1][1] += len(data)
    return steps, line.time_for(sum(len(data) for _, data in packets))


def _bare(port, steps, wire_s, seconds):
    """The share that system calls alone reach."""
    host = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(host)
        begun, polls = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            for data, expected in steps:
                os.write(host, data)
                received = 0
                while received < expected:
                    ready, _, _ = select.select([host], [], [], 1.0)
                    assert ready, "the simulator does not answer the bare client"
                    received += len(os.read(host, 256))
            polls += 1
        return polls * wire_s / (time.perf_counter() - begun)
    finally:
        os.close(host)


def _with(name, *, paced, seconds, bare_s=BARE_S):
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "pump"
        options = [] if paced else ["--no-pacing"]
        simulator = subprocess.Popen(
            [sys.executable, "-m", "pumpd_simulators", name, "--pty", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert simulator.stdout.readline().startswith(b"ready")
            seen, script = asyncio.run(_poll(name, port, seconds))
            if paced:
                seen["share_of_a_bare_client"] = round(_bare(port, *script, bare_s), 3)
            return seen
        finally:
            simulator.terminate()
            simulator.communicate(timeout=10)


def _measured(name, size):
    bare = _with(name, paced=False, seconds=size.of(1.0, 0.1))
    if not simulated(name).paced:
        del bare["line"], bare["allowed_per_s"], bare["share"]
        share = bare["exchanges_per_s"] / RACK_PER_S
        return Result(f"polling, {name}, share of 2 a second", share, BOUND, "", at_least=True, details=bare)
    seen = _with(name, paced=True, seconds=size.of(SECONDS, 0.2), bare_s=size.of(BARE_S, 0.2))
    seen |= {f"{key}_unpaced": bare[key] for key in ("exchanges_per_s", "cpu_us_per_exchange")}
    share = seen.pop("share")
    title, why = f"polling, {name}, share of {seen['line']}", WHY.get(name, "")
    return Result(title, share, BOUND, "", at_least=True, details=seen, why=why)


def measure(names: Iterable[str], size: Size = Size.WHOLE) -> list[Result]:
    return [_measured(name, size) for name in names]


if __name__ == "__main__":
    alone(measure, named)
