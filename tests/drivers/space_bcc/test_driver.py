"""The Space driver and the simulated rack: it monitors, and sends no command."""

import asyncio
import contextlib
from decimal import Decimal

import pytest

from pumpd.control.infusions.pump_service import PumpService
from pumpd.pump import Container, Done, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.space_bcc.codec import Frame, Framer
from pumpd_drivers.space_bcc.driver import SpaceBcc
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings
from tests.control.testbed import ORDER, open_testbed

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),))


@contextlib.asynccontextmanager
async def rack(**options):
    pump = simulate("space-bcc", options=options, plant=PlantSettings.ideal())
    memory.serve("rack", pump, paced=False)
    try:
        yield pump
    finally:
        memory.withdraw("rack")
        pump.shut()


@contextlib.asynccontextmanager
async def monitoring(**settings):
    driver = await SpaceBcc.connect("memory://rack", settings)
    try:
        yield driver
    finally:
        await driver.close()


async def test_the_rack_is_identified_and_monitored():
    async with rack(volume_parameter="VOLX") as pump, monitoring(volume_parameter="VOLX") as driver:
        who = await driver.identify()
        assert (who.value.model, who.value.firmware) == ("PERFUSOR SPACE", "6.0")
        assert (await driver.read()).value.state is PumpState.STOPPED
        pump.press("rate", "60")
        pump.press("start")
        await asyncio.sleep(60)
        reading = (await driver.read()).value
        assert (reading.state, reading.rate, reading.delivered) == (PumpState.INFUSING, Rate(60), Volume(1))


async def test_a_rate_reported_while_stopped_is_no_flow_if_the_settings_say_so():
    async with rack(rate_at_rest="set") as pump:
        pump.press("rate", "60")
        async with monitoring() as driver:
            assert (await driver.read()).value.state is PumpState.INFUSING  # what the other rack would mean by it
        async with monitoring(flowing_by_rate=False) as driver:
            assert (await driver.read()).value.state is PumpState.STOPPED


async def test_two_pumps_of_one_rack_share_its_port():
    async with rack(slots="11,12") as pump, monitoring(slot="11") as one, monitoring(slot="12") as other:
        pump.press("rate", "5", 2)
        pump.press("start", None, 2)
        first, second = await asyncio.gather(one.read(), other.read())
        assert (first.value.rate, second.value.rate) == (Rate(0), Rate(5))


@pytest.mark.requirement("COM-02")
async def test_the_rack_is_sent_no_command():
    async with rack() as pump, monitoring() as driver:
        heard = []
        feed = pump.feed
        pump.feed = lambda data: (heard.append(data), feed(data))
        await driver.identify()
        for call in (
            driver.load(PROGRAM),
            driver.read_back(),
            driver.start(Duration(10)),
            driver.stop(),
            driver.release(),
        ):
            assert isinstance(await call, Refused)
        said = [frame.payload for data in heard for frame in Framer().feed(data) if isinstance(frame, Frame)]
        assert said == ["ADMIN:VERSION", "MEM:GETSLOT#11"]
        capabilities = SpaceBcc.capabilities(Container("bag", Volume(100), Volume(0), Rate(0)), {})
        assert capabilities.monitor_only


async def test_an_empty_slot_and_an_invalid_slot_number_are_reported(monkeypatch):
    async with rack() as pump, monitoring(slot="12") as driver:
        assert (await driver.read()).reasons == ("slot 12: the rack reports no pump there",)
    async with rack() as pump, monitoring() as driver:
        for bad in ("NaN", "-1", "lots", "1e99"):
            monkeypatch.setattr(pump.device, "_rates", [Bad(bad)])
            pump.plant.run(1.0)
            assert "which is no number" in (await driver.read()).reasons[0], bad


class Bad(Decimal):
    """A rate that is shown as something else."""

    def __new__(cls, text):
        made = super().__new__(cls, 1)
        made.text = text
        return made

    def __format__(self, spec):
        return self.text


async def test_silence_is_unknown_and_readings_return():
    async with rack() as pump, monitoring() as driver:
        pump.fire("silence/20s")
        assert isinstance(await driver.read(), Unknown)
        await asyncio.sleep(30)
        assert isinstance(await driver.read(), Done)


async def test_control_shows_the_rack_never_stops_it_and_refuses_to_plan_with_it(tmp_path, monkeypatch):
    stopped = []
    monkeypatch.setattr(PumpService, "stop_now", lambda self: stopped.append(self.name))
    async with rack() as pump:
        pump.press("rate", "10")
        pump.press("start")
        async with open_testbed(
            tmp_path, driver="space-bcc", port="memory://rack", model="PERFUSOR SPACE", serial="S"
        ) as here:
            await asyncio.sleep(10)
            (status,) = here.gateway.status()["pumps"]
            assert (status["problem"], status["pump_state"]) == ("", "infusing")
            refused = await here.ask(**ORDER)
            assert not refused.ok
            assert "monitored only and is never programmed" in " ".join(refused.reasons)
            assert stopped == []
            assert pump.truth()["running"] is True
