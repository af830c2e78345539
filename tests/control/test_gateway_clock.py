"""A first start needs a clock that is right and was not set meanwhile; an infusion under way needs none (STA-11)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pumpd.control.infusions.deadman import PumpDeadman
from pumpd.control.infusions.pump_clock import GOOD_FOR_S
from pumpd.control.refused import CHECK_AGAIN_AFTER_S
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import KernelClock
from pumpd.pump import Done, Unknown
from tests.control.testbed import open_testbed

S = 10**9
RIGHT, WRONG = KernelClock(True, 300_000, 0), KernelClock(True, 1_000_001, 0)
SET = KernelClock(True, 300_000, 3600 * S)


@pytest.fixture
def set_clock(monkeypatch):
    """Each call sets what the kernel reports about the wall clock."""

    def set_to(clock):
        monkeypatch.setattr(Clock, "kernel", lambda _: clock)

    set_to(RIGHT)
    return set_to


def about_the_clock(answer):
    return [reason for reason in answer.reasons if reason.startswith("clock:")]


@pytest.mark.requirement("STA-11")
async def test_no_order_is_accepted_while_the_clock_may_be_more_than_a_second_off(tmp_path, set_clock):
    async with open_testbed(tmp_path) as here:
        set_clock(WRONG)
        assert (await here.order()).ok, "a simulated pump asks for no clock"
        await here.ask(op="stop", reason="test")
        here.real()
        refused = await here.order(patient="token-2")
        assert not refused.ok
        (reason,) = about_the_clock(refused)
        assert "may be 1.001 s from NTP time" in reason
        here.real(clock_trusted=True)
        assert (await here.order(patient="token-2")).ok


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize(("clock", "why"), [(WRONG, "from NTP time"), (SET, "set forward by 3600 s since the order")])
async def test_no_confirmation_is_accepted_once_the_clock_is_wrong_or_was_set(tmp_path, set_clock, clock, why):
    async with open_testbed(tmp_path) as here:
        here.real()
        assert (await here.order()).ok
        await here.until("ready")
        set_clock(clock)
        refused = await here.confirm()
        assert not refused.ok
        (reason,) = about_the_clock(refused)
        assert why in reason
        assert here.state() == "ready"
        set_clock(RIGHT)
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")


@pytest.mark.requirement("STA-11")
async def test_a_clock_that_is_set_between_the_confirmation_and_the_start_starts_nothing(
    tmp_path, set_clock, monkeypatch
):
    async with open_testbed(tmp_path) as here:
        here.real()
        armed = PumpDeadman.arm

        async def arm(self, *args):
            set_clock(SET)  # after the confirmation, and after the intent is on the disk
            return await armed(self, *args)

        monkeypatch.setattr(PumpDeadman, "arm", arm)
        assert (await here.order()).ok
        await here.until("ready")
        assert (await here.confirm()).ok
        await here.until("tripped")
        assert here.truth() == 0
        (outcome,) = [entry.fields for entry in here.entries() if entry.kind == "start_answered"]
        assert "set forward by 3600 s since the order" in str(outcome)


@pytest.mark.requirement("STA-11")
async def test_a_resume_and_a_running_infusion_need_no_clock(tmp_path, set_clock):
    async with open_testbed(tmp_path) as here:
        here.real()
        await here.start()
        set_clock(SET)
        await asyncio.sleep(60)
        set_clock(WRONG)
        assert (await here.ask(op="pause", pump="bed1", reason="test")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1")).ok
        await here.until("ready")
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")
        assert here.truth() > 0.5


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize(("off_s", "why"), [(-55, ""), (55, ""), (-57, "behind"), (57, "ahead of")])
async def test_a_pump_whose_clock_is_more_than_fifty_five_seconds_off_is_not_started(
    tmp_path, set_clock, monkeypatch, off_s, why
):
    dianet = {"name": "dianet-star", "options": {"serial": "11111", "unix_time_s": 1_700_000_000 + off_s}}
    wall = 1_700_000_000  # when the pump is switched on; both clocks run on from there
    monkeypatch.setattr(Clock, "now", lambda _: datetime.fromtimestamp(wall + asyncio.get_running_loop().time(), UTC))
    kinds = {"driver": "dianet-star", "model": "Perfusor fm", "serial": "11111"}
    async with open_testbed(tmp_path, simulated=dianet, **kinds) as here:
        here.real()
        await asyncio.sleep(600)  # what it reported is ten minutes old
        answer = await here.order()
        assert answer.ok is not bool(why), answer.reasons
        if why:
            (reason,) = about_the_clock(answer)
            assert f"{why} the gateway's, at most 55 s is allowed" in reason


@pytest.mark.requirement("STA-11")
async def test_a_pumps_clock_counts_as_it_is_now_and_not_as_it_was_when_the_pump_was_connected(
    tmp_path, set_clock, monkeypatch
):
    begun = 1_700_000_000
    monkeypatch.setattr(Clock, "now", lambda _: datetime.fromtimestamp(begun + asyncio.get_running_loop().time(), UTC))
    dianet = {"name": "dianet-star", "options": {"serial": "11111", "unix_time_s": begun}}
    kinds = {"driver": "dianet-star", "model": "Perfusor fm", "serial": "11111"}
    async with open_testbed(tmp_path, simulated=dianet, **kinds) as here:
        here.real()
        device, right_s = here.pump.device, here.pump.device._clock_ahead_s
        device._clock_ahead_s = right_s - 90  # as after months
        await asyncio.sleep(GOOD_FOR_S + 1)
        (reason,) = about_the_clock(await here.order())
        assert "90 s behind the gateway's" in reason
        device._clock_ahead_s = right_s  # a nurse sets it at the pump
        await asyncio.sleep(CHECK_AGAIN_AFTER_S + 1)
        assert (await here.order()).ok
        assert not any(entry.kind == "pump_identified_again" for entry in here.entries())


@pytest.mark.requirement("STA-11", "COM-10")
async def test_a_pump_that_no_longer_tells_its_time_is_still_read_and_another_one_is_identified(tmp_path, monkeypatch):
    dianet = {"name": "dianet-star", "options": {"serial": "11111", "unix_time_s": 1}}
    async with open_testbed(
        tmp_path, simulated=dianet, driver="dianet-star", model="Perfusor fm", serial="11111"
    ) as here:
        here.real()
        runner = here.gateway.runners["bed1"]
        identify, asked = type(runner.line.driver).identify, []

        async def lost(driver):
            asked.append(asyncio.get_running_loop().time())
            return Unknown("no reply")

        with monkeypatch.context() as patched:
            patched.setattr(type(runner.line.driver), "identify", lost)
            await asyncio.sleep(10 * CHECK_AGAIN_AFTER_S)
            assert runner.reading.answered_ns >= runner._polling._clock.loop_ns() - 2 * 10**9
            assert 8 <= len(asked) <= 10

        async def another(driver):
            found = await identify(driver)
            return Done(replace(found.value, serial="22222"))

        monkeypatch.setattr(type(runner.line.driver), "identify", another)
        await asyncio.sleep(2 * CHECK_AGAIN_AFTER_S)
        assert "another_pump" in here.kinds()
