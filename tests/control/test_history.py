"""Every order looks up in the journal what the patient has had before (PRG-14, PRG-17, PRG-18, PWR-12, PWR-13)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import KernelClock
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed


def later(monkeypatch, **by):
    """Set the wall clock from now on."""
    then = datetime.now(UTC) + timedelta(**by)
    monkeypatch.setattr(Clock, "now", lambda _: then)


def read_slowly(monkeypatch, seconds):
    """From now on it takes this long to read anything of the journal; 0 is as fast as before."""
    plain = DoseHistory._take

    async def slow(self, wanted):
        await asyncio.sleep(seconds)
        return await plain(self, wanted)

    monkeypatch.setattr(DoseHistory, "_take", slow)


async def stopped_early(here):
    await here.start()
    await asyncio.sleep(60)
    assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
    await here.until("stopped")


@pytest.mark.requirement("PRG-14", "PRG-17", "PWR-13")
async def test_a_second_infusion_on_the_same_day_is_refused_even_after_a_restart(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await stopped_early(here)
        refused = await here.order()
        assert any("the last infusion began" in reason for reason in refused.reasons)
        assert any("in the last 24 h" in reason or "not before" in reason for reason in refused.reasons)
        assert (await here.order(patient="token-2")).ok
        await here.ask(op="stop", pump="bed1", reason="test")
        await die(here)
        async with another_process(here):
            await asyncio.sleep(5)
            again = await here.order()
            assert not again.ok
            assert any("the last infusion began" in reason for reason in again.reasons)
            later(monkeypatch, days=4)
            week = await here.order(course="")
            assert not any("the last infusion began" in reason for reason in week.reasons), week.reasons


@pytest.mark.requirement("PRG-17", "STA-11")
async def test_a_wall_clock_before_the_last_dose_is_refused(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await stopped_early(here)
        later(monkeypatch, hours=-2)
        refused = await here.order()
        assert any("the clock is or was wrong" in reason for reason in refused.reasons)
        later(monkeypatch, days=-365)
        refused = await here.order()
        assert any("two people must correct it" in reason for reason in refused.reasons)


@pytest.mark.requirement("PWR-12")
@pytest.mark.parametrize(
    ("synchronised", "trusted", "taken"), [(False, False, False), (True, False, True), (False, True, True)]
)
async def test_without_a_known_clock_no_order_is_accepted_for_a_real_pump(
    tmp_path, monkeypatch, synchronised, trusted, taken
):
    monkeypatch.setattr(Clock, "kernel", lambda _: KernelClock(synchronised, 0, 0))
    async with open_testbed(tmp_path) as here:
        here.real(clock_trusted=trusted)
        answer = await here.order()
        assert answer.ok is taken
        assert taken or any("the time is not known" in reason for reason in answer.reasons)


# -- a long journal ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-13")
async def test_the_history_is_read_at_the_start_of_control_without_waiting_for_an_order(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await stopped_early(here)
        await die(here)
        async with another_process(here):
            await asyncio.sleep(1)
            with monkeypatch.context() as patched:
                read_slowly(patched, 2)  # only the few entries since then
                refused = await here.order()
            assert any("the last infusion began" in reason for reason in refused.reasons)


@pytest.mark.requirement("STA-14", "PRG-17")
async def test_an_order_before_the_history_is_read_is_refused_in_time_and_never_accepted_later(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        with monkeypatch.context() as patched:
            read_slowly(patched, 6)
            asked = asyncio.get_running_loop().time()
            (reason,) = (await here.order()).reasons
            assert asyncio.get_running_loop().time() - asked < 4, "bedside and the command line give up after 5 s"
            assert reason == "pumpd is still reading the earlier doses; ask again in a moment"
            await asyncio.sleep(20)
        assert here.state() is None
        assert "order_accepted" not in here.kinds()
        assert "began" not in here.kinds()
        assert (await here.order()).ok
