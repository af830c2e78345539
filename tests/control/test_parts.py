"""Nothing in control dies or hangs unnoticed, and a slow pump is not mistaken for a hung process (RUN-17)."""

import asyncio

import pytest

from pumpd.control import process
from pumpd.control.ordering import library_check
from pumpd.control.parts import PartDiedError, Parts
from pumpd.control.process import evidence_against
from pumpd.dosing import NO_LIBRARY
from pumpd.journal.doses import Doses
from pumpd.settings import Settings
from pumpd_simulators.faults import Fault
from tests.control.testbed import open_testbed


async def kill(here, name, how):
    """End that part in one of the ways in which a task can end."""
    (task,) = (task for task in here.gateway.parts._tasks if task.get_name() == name)
    if how == "cancelled":
        task.cancel()
        return

    async def ends():
        if how == "fails":
            raise RuntimeError("a defect")

    parts = here.gateway.parts
    parts._tasks.remove(task)
    task.remove_done_callback(parts._ended)
    task.cancel()
    parts._add(name, ends(), parts._ended)


@pytest.mark.requirement("RUN-17")
@pytest.mark.parametrize("how", ["fails", "ends", "cancelled"])
@pytest.mark.parametrize("name", ["alarms", "supply", "alarm output 1", "pump bed2", "time of bed2"])
async def test_a_part_that_dies_stops_what_flows_raises_an_alarm_and_ends_the_process(tmp_path, name, how):
    output = tmp_path / "buzzer"
    output.write_text("0")
    top = {"alarm": {"output": output}, "supply": {"sysfs": tmp_path}}
    async with open_testbed(tmp_path, beds=("bed1", "bed2"), top=top) as here:
        await here.start()
        await kill(here, name, how)
        async with asyncio.timeout(1):
            death = await here.gateway.parts.died()
        assert death.startswith(name)
        assert "control_failed" in {alarm.code.value for alarm in here.gateway.alarms.active()}
        await here.until("stopping", "stopped", within_s=1)
        await here.until("stopped")
        assert not here.pump.truth()["running"]
        found = {entry.kind: entry.fields for entry in here.entries()}
        assert found["internal_error"]["error"] == death
        assert ("alarm_raised", "control_failed") in [
            (entry.kind, entry.fields.get("code")) for entry in here.entries() if entry.kind.startswith("alarm_")
        ]


@pytest.mark.requirement("RUN-17")
async def test_a_defect_in_the_alarm_service_itself_still_ends_in_a_stop_and_an_alarm(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await here.start()

        def broken(now):
            raise RuntimeError("a defect")

        monkeypatch.setattr(here.gateway.alarms, "_check_tablets", broken)
        await here.until("stopped")
        assert here.gateway.parts.death.startswith("alarms failed")
        assert "control_failed" in {alarm.code.value for alarm in here.gateway.alarms.active()}


@pytest.mark.requirement("RUN-17")
async def test_a_part_that_hangs_is_evidence_against_the_process(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        assert await evidence_against(here.gateway, here.gateway.journal) == ""
        monkeypatch.setattr(type(here.gateway.alarms._wake), "wait", lambda self: asyncio.sleep(60))
        monkeypatch.setattr(asyncio, "timeout", lambda delay: asyncio.Timeout(None))
        here.gateway.alarms.see()
        await asyncio.sleep(5)
        monkeypatch.undo()
        assert await evidence_against(here.gateway, here.gateway.journal) == "hung: alarms"


async def test_a_part_that_is_allowed_to_end_may_end_but_not_fail():
    deaths = []
    parts = Parts(deaths.append)

    async def job(error=None):
        if error:
            raise error

    parts.once("first", job())
    await asyncio.sleep(0)
    assert deaths == []
    parts.once("second", job(RuntimeError("a defect")))
    await asyncio.sleep(0.01)
    parts.once("third", job(RuntimeError("a defect")))
    await asyncio.sleep(0.01)
    assert deaths == ["second failed: RuntimeError('a defect')"], "the first death is the one that counts"
    await parts.end()


@pytest.mark.requirement("RUN-17", "COM-06")
@pytest.mark.parametrize("timeout_s", [0.05, 0.5, 2.0, 4.0])
async def test_a_silent_pump_is_no_evidence_against_the_process(tmp_path, timeout_s):
    settings = {"reply_timeout_s": timeout_s, "newest_firmware": [2, 3, 6]}
    pump = {"driver": "alaris-asena", "model": "Asena", "serial": "8002-00001", "settings": settings}
    simulated = {"name": "alaris-asena", "options": {"serial": "8002-00001"}}
    async with open_testbed(tmp_path, simulated=simulated, **pump) as here:
        await here.start()
        here.pump.fire(Fault.parse("silence"))
        for _ in range(120):
            await asyncio.sleep(0.5)
            assert await evidence_against(here.gateway, here.gateway.journal) == ""


@pytest.mark.requirement("RUN-17")
async def test_silent_pumps_that_share_a_port_are_no_evidence_against_the_process(tmp_path):
    async with open_testbed(tmp_path) as here:
        pump = here.gateway.parts._parts["pump bed1"]
        alone = pump.patience_s
        pump._on_port = pump._on_port * 4
        assert pump.patience_s == pytest.approx(max(8, 4 * here.gateway.runners["bed1"].driver.longest_call_s))
        assert pump.patience_s > alone


async def test_the_process_runs_until_a_part_dies_and_then_ends_with_an_error(tmp_path, monkeypatch):
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_signal_handler", lambda *_: None)
    monkeypatch.setattr(loop, "remove_signal_handler", lambda *_: None)
    async with open_testbed(tmp_path) as here:
        running = asyncio.create_task(process._until_end(here.gateway, here.gateway.journal))
        await asyncio.sleep(60)
        assert not running.done()
        await kill(here, "pump bed1", "fails")
        with pytest.raises(PartDiedError, match="pump bed1 failed"):
            await running


@pytest.mark.requirement("RUN-17", "PWR-10", "PRG-19")
@pytest.mark.parametrize(
    ("owner", "part", "reason"),
    [(library_check, "_on_disk", "library: pumpd cannot check"), (Doses, "take", "pumpd cannot understand it")],
    ids=["library", "dose history"],
)
async def test_what_is_on_the_disk_and_cannot_be_understood_refuses_orders_and_ends_no_process(
    tmp_path, monkeypatch, owner, part, reason
):
    def broken(*_):
        raise RecursionError("nobody expected that")

    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.ask(op="stop", reason="test")
        await here.until("stopped")
    monkeypatch.setattr(owner, part, broken)
    async with open_testbed(tmp_path) as here:
        await asyncio.sleep(10)
        assert not here.gateway.parts.death
        answer = await here.order()
        assert not answer.ok
        assert any(reason in each for each in answer.reasons)
        assert (await here.ask(op="stop", reason="test")).ok


def test_a_library_that_cannot_be_understood_is_no_library(tmp_path, monkeypatch):
    def broken(_):
        raise RecursionError("nobody expected that")

    monkeypatch.setattr(process, "read_library", broken)
    assert process._library(Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path})) is NO_LIBRARY
