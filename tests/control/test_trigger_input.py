"""A trigger input that starts a New Era pump behind pumpd's back: before any order, and while an order is ready."""

import asyncio

import pytest

from tests.control.testbed import Testbed, open_testbed


def trigger(here: Testbed) -> None:
    """A pulse at a foot switch pump, whatever was set over the line before: a person can set it back at the panel."""
    here.pump.device.memory.switches["TRG"] = "FT"
    here.pump.press("trigger")


async def test_a_trigger_before_any_order_is_in_the_record(tmp_path):
    async with open_testbed(tmp_path) as here:
        here.pump.press("rate", "60")  # from whoever had the pump before
        trigger(here)
        assert here.pump.truth()["running"] is True
        await asyncio.sleep(5)
        flows = [entry for entry in here.entries() if "flow" in entry.kind]
        assert [entry.pump for entry in flows] == ["bed1"]


@pytest.mark.requirement("STP-01")
async def test_a_trigger_while_an_order_is_ready_is_stopped(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        trigger(here)
        assert here.pump.truth()["running"] is True
        await asyncio.sleep(3)
        assert here.pump.truth()["running"] is False
        assert here.state() != "running"
        assert here.truth() < 52.5 / 3600 * 3, "less than three seconds of the program's rate"


@pytest.mark.requirement("STP-01")
async def test_a_trigger_during_a_run_stops_the_pump_and_pumpd_does_not_start_it_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        trigger(here)
        await here.until("tripped", "paused", "stopped", within_s=15)
        given = here.truth()
        await asyncio.sleep(600)
        assert here.truth() == given
