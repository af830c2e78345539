"""The port is lost in the middle of an infusion and comes back: with the same pump, or with another one (COM-10)."""

import asyncio
from dataclasses import replace

import pytest

from pumpd.wire import Direction, memory
from pumpd_drivers.new_era.driver import NewEra
from tests.control.testbed import open_testbed


@pytest.fixture
def reported(monkeypatch):
    """Pumps that report a serial number, unlike New Era pumps; change `reported["serial"]` to swap the pump."""
    reported = {"serial": "ASSET-bed1"}
    ask = NewEra._identify

    async def identify(self, epoch):
        return replace(await ask(self, epoch), serial=reported["serial"])

    monkeypatch.setattr(NewEra, "_identify", identify)
    return reported


@pytest.mark.requirement("COM-10")
async def test_the_same_pump_continues_after_a_short_loss_and_is_identified_again(tmp_path, reported):
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
async def test_another_pump_on_the_port_is_asked_to_identify_itself_and_sent_nothing_else(tmp_path, reported, away_s):
    async with open_testbed(tmp_path) as here:
        await here.start()
        runner = here.gateway.runners["bed1"]
        memory.unplug("bed1")
        reported["serial"] = "ASSET-stranger"
        await asyncio.sleep(away_s)
        sent = []
        memory.plug("bed1")
        runner.driver.link.taps.append(lambda way, data, _: sent.append(data) if way is Direction.OUT else None)
        await asyncio.sleep(20)
        assert "serial ASSET-stranger where ASSET-bed1 is configured" in runner.problem
        assert "another_pump" in here.kinds()
        assert "link_lost" in {alarm.value for alarm in runner.infusion.alarms}
        assert here.state() != "running"
        assert sent, "nothing was asked"
        assert not any(word in data for data in sent for word in (b"RUN", b"STP", b"RAT", b"DIA"))
        refused = await here.ask(op="resume", pump="bed1", by="nurse")
        assert not refused.ok
