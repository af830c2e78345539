"""Polling: exchanges a second of driver and link, as a share of what 19200 baud allows.

The driver reads one time after the other on a real pseudo-terminal; `pumpsim`, a process of its own, lets bytes take
the line's time. The ceiling is the bytes that went both ways, at ten bits each: what a pump with no delay at all would
allow. Measured on the event loop that asyncio gives (epoll, as the control process has) and on one with select, and
without the line, for the CPU time of an exchange.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.line import exact_loop
from benchmarks.result import Result, alone
from pumpd.pump import Done
from pumpd_drivers.new_era.driver import NewEra

SECONDS = 5.0
BOUND = 0.9


async def _poll(port, seconds):
    driver = await NewEra.connect(str(port), {})
    try:
        assert isinstance(await driver.identify(), Done)
        counts = driver.link.statistics
        answered, carried = counts.answered, counts.bytes_in + counts.bytes_out
        begun, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < seconds:
            assert isinstance(await driver.read(), Done)
        passed, cpu = time.perf_counter() - begun, time.process_time() - cpu
        answered = counts.answered - answered
        carried = counts.bytes_in + counts.bytes_out - carried
        return answered / passed, answered / driver.link.line.time_for(carried), cpu / answered * 1e6
    finally:
        await driver.close()


def _with(loop_factory, *, paced, seconds):
    with tempfile.TemporaryDirectory() as name:
        port = Path(name) / "pump"
        options = [] if paced else ["--no-pacing"]
        simulator = subprocess.Popen(
            [sys.executable, "-m", "pumpd_simulators", "new-era", "--pty", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert simulator.stdout.readline().startswith(b"ready")
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                return runner.run(_poll(port, seconds))
        finally:
            simulator.terminate()
            simulator.communicate(timeout=10)


def measure(seconds: float = SECONDS) -> list[Result]:
    rate, allowed, cpu_us = _with(None, paced=True, seconds=seconds)
    exact_rate, exact_allowed, _ = _with(exact_loop, paced=True, seconds=seconds)
    bare_rate, _, bare_us = _with(None, paced=False, seconds=1.0)
    details = {
        "exchanges_per_s": round(rate, 1),
        "allowed_per_s": round(allowed, 1),
        "share_with_select": round(exact_rate / exact_allowed, 3),
        "cpu_us_per_exchange": round(cpu_us, 1),
        "exchanges_per_s_unpaced": round(bare_rate),
        "cpu_us_per_exchange_unpaced": round(bare_us, 1),
    }
    return [Result("polling, share of 19200 baud", rate / allowed, BOUND, "", at_least=True, details=details)]


if __name__ == "__main__":
    alone(measure)
