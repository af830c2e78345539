"""A stop goes to every pump, whatever else fails; a defect on one pump is noticed and ends in a stop."""

import asyncio

import pytest

from pumpd.control.infusions.pump_service import stop_all
from pumpd.journal import JournalError
from tests.control.testbed import open_testbed


def running_task(name):
    return [task for task in asyncio.all_tasks() if task.get_name() == name]


@pytest.mark.requirement("STP-01")
async def test_a_listener_that_fails_keeps_no_stop_from_any_pump(tmp_path, monkeypatch):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed1", patient="token-1")
        await here.start("bed2", patient="token-2")

        def broken(*_):
            raise RuntimeError("a defect in what is shown")

        with monkeypatch.context() as patched:
            patched.setattr(type(here.gateway), "changed", broken)
            assert (await here.ask(op="stop", reason="test")).ok
            await asyncio.sleep(5)
            assert not here.pumps["bed1"].truth()["running"]
            assert not here.pumps["bed2"].truth()["running"]
        assert any(
            "a defect in what is shown" in entry.body for entry in here.entries() if entry.kind == "internal_error"
        )


@pytest.mark.requirement("STP-01")
async def test_a_stop_is_on_its_way_to_every_pump_before_anything_is_written_of_any(tmp_path, monkeypatch):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed1", patient="token-1")
        await here.start("bed2", patient="token-2")
        pumps = list(here.gateway.runners.values())

        def broken(*_):
            raise RuntimeError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(pumps[0]._journal, "note", broken)
            assert stop_all(pumps, "nurse", "test") == ["bed1"]
        await asyncio.sleep(1)
        assert not here.pumps["bed1"].truth()["running"]
        assert not here.pumps["bed2"].truth()["running"]


@pytest.mark.requirement("STP-01")
async def test_a_pump_whose_driver_fails_when_it_is_closed_too_is_still_polled_and_stopped(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        driver = here.gateway.runners["bed1"].driver
        plain_read, plain_close = driver.read, driver.close

        async def read():
            driver.read = plain_read
            raise RuntimeError("a defect of the driver")

        async def close():
            await plain_close()
            raise OSError("close: the port is gone")

        driver.read, driver.close = read, close
        await asyncio.sleep(30)
        assert running_task("pump bed1")
        assert here.gateway.runners["bed1"].problem == ""
        assert not here.pump.truth()["running"]
        assert here.state() == "stopped"


@pytest.mark.requirement("STP-01")
async def test_what_ends_the_polling_of_a_pump_ends_its_task_so_that_it_is_noticed(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        runner = here.gateway.runners["bed1"]

        async def defect(*_):
            raise RuntimeError("a defect of pumpd")

        monkeypatch.setattr(runner._polling, "_failed", defect)
        monkeypatch.setattr(runner._polling, "_poll", defect)
        (task,) = running_task("pump bed1")
        await asyncio.wait([task], timeout=3)
        assert isinstance(task.exception(), RuntimeError)


@pytest.mark.requirement("STP-01")
@pytest.mark.parametrize("part", ["stop_now", "feed", "note"])
async def test_what_fails_for_one_pump_keeps_no_other_from_its_stop_and_is_reported(tmp_path, monkeypatch, part):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed1", patient="token-1")
        await here.start("bed2", patient="token-2")
        runner = here.gateway.runners["bed1"]
        owner = {"stop_now": runner._commands, "feed": runner._current, "note": runner._journal}[part]

        def broken(*_):
            raise RuntimeError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(owner, part, broken)
            answer = await here.ask(op="stop", reason="test")
        assert not answer.ok
        assert "bed1; stop there at the pump" in answer.reasons[0]
        await here.until("stopped", pump="bed2")
        assert not here.pumps["bed2"].truth()["running"]


@pytest.mark.requirement("STP-01", "PWR-11")
async def test_what_fails_while_actions_are_carried_out_stops_that_pump_and_no_other_hears_less(tmp_path, monkeypatch):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed1", patient="token-1")
        await here.start("bed2", patient="token-2")

        def broken(*_):
            raise RuntimeError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(here.gateway.runners["bed1"]._current, "_carry_out", broken)
            here.gateway.journal.on_failure(JournalError("disk full"))
        assert here.state("bed2") == "stopping"
        await here.until("stopped", "tripped", pump="bed2")
        assert not here.pumps["bed1"].truth()["running"]
        assert "a defect" in next(row.body for row in here.entries() if row.kind == "internal_error")
