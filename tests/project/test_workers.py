"""The processes that share a long run end with it."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.kept import ROOT
from tests.patience import until

RUN = r"""
import os, time
from tests.workers import pool

def work(_):
    os.write(1, f"{os.getpid()}\n".encode())  # whole, whoever else writes
    time.sleep(3600)

with pool(2, tasks=1) as working:
    list(working.imap_unordered(work, range(2)))
"""


@pytest.mark.realtime
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_workers_end_when_the_run_is_killed(how):
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert run.stdout
    workers = [Path("/proc", (await run.stdout.readline()).decode().strip()) for _ in range(2)]
    assert all(each.exists() for each in workers)
    run.send_signal(how)
    # Not run.wait(), which also waits until the workers, too, have closed what they print to.
    await until(lambda: not any(each.exists() for each in workers))
    assert await run.wait() == -how
