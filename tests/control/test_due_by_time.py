"""Deadlines of a pump are kept while its line is silent, its port is gone, or a call takes long."""

import asyncio

import pytest

from pumpd.pump import AlarmCode, Unknown
from pumpd.wire import memory
from tests.control.test_restart import die
from tests.control.testbed import open_testbed, restart


def seconds_until(here, code):
    """From the first stop to the alarm, by the journal."""
    since = next(r.mono_ns for r in here.entries() if r.kind == "state_changed" and r.fields["to"] == "stopping")
    raised = next(r.mono_ns for r in here.entries() if r.kind == "alarm_raised" and r.fields["code"] == code)
    return (raised - since) / 1e9


@pytest.mark.requirement("STP-03", "ALM-10")
async def test_control_that_starts_without_its_port_alarms_within_a_second_that_the_stop_is_not_confirmed(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await die(here)
        memory.unplug("bed1")
        async with restart(here):
            await asyncio.sleep(30)
            assert 3 <= seconds_until(here, "stop_unconfirmed") <= 4
            quiet = len(here.entries())
            await asyncio.sleep(600)
            assert len(here.entries()) - quiet < 600, "time that changes nothing is not written"
        memory.plug("bed1")


@pytest.mark.requirement("STP-03", "ALM-10")
async def test_a_stop_that_is_not_confirmed_alarms_within_a_second_of_its_time(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        here.pump.fire("silence")
        await here.ask(op="stop", pump="bed1", reason="test")
        await asyncio.sleep(10)
        assert 3 <= seconds_until(here, "stop_unconfirmed") <= 4


@pytest.mark.requirement("COM-01", "ALM-10")
async def test_a_lease_lapses_while_a_read_hangs(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        driver = here.gateway.runners["bed1"].driver

        async def hang():
            await asyncio.sleep(3600)

        driver.read = hang
        await asyncio.sleep(12.5)
        assert here.state() == "stopping"
        assert not here.pump.truth()["running"]


@pytest.mark.requirement("STP-03", "ALM-10")
async def test_a_stop_of_flow_that_no_infusion_explains_alarms_in_time_while_a_read_hangs(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        runner = here.gateway.runners["bed1"]

        async def hang():
            await asyncio.sleep(12)
            return Unknown("no reply")

        runner.driver.stop = hang
        here.pump.press("start")
        await asyncio.sleep(1.5)
        assert runner.unprescribed.stopping
        runner.driver.read = hang
        await asyncio.sleep(4)
        assert AlarmCode.STOP_UNCONFIRMED in {alarm.code for alarm in here.gateway.alarms.active()}
        del runner.driver.read, runner.driver.stop
        await asyncio.sleep(20)
        assert not here.pump.truth()["running"]
        assert not here.gateway.alarms.active()


# -- an order that is late -------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-09", "STA-04")
async def test_an_order_whose_pump_is_unplugged_is_withdrawn_and_not_loaded_when_it_comes_back(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        test = here.gateway.self_test.run

        async def then_unplugged(pump, by):
            found = await test(pump, by)
            memory.unplug("bed1")
            return found

        with monkeypatch.context() as patched:
            patched.setattr(here.gateway.self_test, "run", then_unplugged)
            assert (await here.order()).ok
        await asyncio.sleep(30)
        assert here.state() == "abandoned"
        assert "withdrawn" in here.gateway.runners["bed1"].infusion.reason
        memory.plug("bed1")
        await asyncio.sleep(60)
        assert "program_loaded" not in here.kinds()
        assert here.state() == "abandoned"
        assert (await here.order()).ok
        await here.until("ready")


@pytest.mark.requirement("COM-09", "STP-02")
async def test_a_hung_load_is_ended_by_the_withdrawal_and_never_makes_the_pump_startable(tmp_path):
    async with open_testbed(tmp_path) as here:
        driver = here.gateway.runners["bed1"].driver
        load, reached = driver.load, []

        async def late(program):
            await asyncio.sleep(25)
            reached.append(await load(program))  # the write arrives after all
            return reached[0]

        driver.load = late
        assert (await here.order()).ok
        await asyncio.sleep(40)
        assert here.state() == "abandoned"
        assert reached
        assert not (await here.ask(op="challenge", pump="bed1")).ok
        here.pump.press("start")  # the program that arrived too late, started by hand
        await asyncio.sleep(5)
        assert not here.pump.truth()["running"], "it is stopped like any flow that no infusion explains"
