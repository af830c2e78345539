"""The port is lost in the middle of an infusion and comes back: with the same pump, or with another one (COM-10)."""

import asyncio
from dataclasses import replace

import pytest

from pumpd.wire import Direction, memory
from pumpd_drivers.new_era.driver import NewEra
from tests.control.testbed import open_testbed


@pytest.fixture
def told(monkeypatch):
    """Pumps that tell a serial number, as the New Era family does not; change `told["serial"]` to swap the pump."""
    told = {"serial": "ASSET-bed1"}
    ask = NewEra._identify

    async def identify(self, epoch):
        return replace(await ask(self, epoch), serial=told["serial"])

    monkeypatch.setattr(NewEra, "_identify", identify)
    return told


@pytest.mark.requirement("COM-10")
async def test_the_same_pump_goes_on_after_a_short_loss_and_was_asked_who_it_is(tmp_path, told):
    async with open_testbed(tmp_path) as here:
        await here.start()
        memory.unplug("bed1")
        await asyncio.sleep(0.3)
        memory.plug("bed1")
        await asyncio.sleep(8)
        assert here.state() == "running"
        assert "pump_identified_again" in here.kinds()
        assert here.pump.truth()["running"] is True


@pytest.mark.requirement("COM-10", "STA-12")
@pytest.mark.parametrize("away_s", [0.3, 20.0])
async def test_another_pump_on_the_port_is_told_nothing_but_who_are_you(tmp_path, told, away_s):
    async with open_testbed(tmp_path) as here:
        await here.start()
        runner = here.gateway.runners["bed1"]
        memory.unplug("bed1")
        told["serial"] = "ASSET-stranger"
        await asyncio.sleep(away_s)
        sent = []
        memory.plug("bed1")
        runner.driver.link.taps.append(lambda way, data, _: sent.append(data) if way is Direction.OUT else None)
        await asyncio.sleep(20)
        assert "serial ASSET-stranger where ASSET-bed1 is configured" in runner.problem
        assert "another_pump" in here.kinds()
        assert "link_lost" in {alarm.value for alarm in runner.infusion.alarms}
        assert here.state() != "running"
        assert sent, "nothing was asked at all"
        assert not any(word in data for data in sent for word in (b"RUN", b"STP", b"RAT", b"DIA"))
        refused = await here.ask(op="resume", pump="bed1", by="nurse")
        assert not refused.ok
