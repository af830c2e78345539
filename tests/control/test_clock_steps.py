"""The wall clock steps while a pump runs: windows and leases use the monotonic clock alone (WIN-07)."""

import asyncio
from datetime import timedelta

import pytest

from pumpd.host.clock import Clock
from tests.control.testbed import open_testbed

WINDOW_S = (38 * 60, 42 * 60)


@pytest.mark.requirement("WIN-07")
async def test_an_infusion_ends_in_its_window_whatever_the_wall_clock_does(tmp_path, monkeypatch):
    async with open_testbed(tmp_path, group=256) as here:
        loop, now = asyncio.get_running_loop(), Clock.now
        await here.start()
        began = loop.time()
        for step in (timedelta(hours=-1), timedelta(hours=1), timedelta(days=365)):
            await asyncio.sleep(600)
            monkeypatch.setattr(Clock, "now", lambda self, step=step: now(self) + step)
        assert here.state() == "running"
        await here.until("completed", within_s=1500)
        assert WINDOW_S[0] < loop.time() - began < WINDOW_S[1]
        assert here.raised() == ["near_end"]


@pytest.mark.requirement("WIN-07")
async def test_what_guards_a_pump_survives_the_task_that_controls_it(tmp_path):
    """The pump's task has ended, the process lives on: the pump's own watchdog acts; on a port, the deadman too."""
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "pump bed1"]
        task.cancel()
        await asyncio.sleep(11)
        assert not here.pump.truth()["running"]
