"""The driver against the whole simulated pump, on the test's own loop: two independent readings of the sheet."""

import asyncio

import pytest

from pumpd.pump import Done, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.new_era.driver import NewEra
from pumpd_simulators.bench import SimulatedPump, simulate
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.new_era.device import NewEraPump
from pumpd_simulators.plant import Plant, PlantSettings

STEPPED = PumpProgram(
    (RateStep(Rate("26.2"), Volume("4.366")), RateStep(Rate("61.2"), Volume("30.63"))), Length("26.59")
)
WATCHDOG = Duration(10)


@pytest.fixture
async def simulated():
    return SimulatedPump(NewEraPump(Plant(LoopClock())))


@pytest.fixture
async def driver(simulated, connect):
    async with connect(simulated) as driver:
        yield driver


async def started(driver):
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(STEPPED) == Done(None)
    assert await driver.read_back() == Done(STEPPED)
    assert await driver.start(WATCHDOG) == Done(None)


async def test_a_stepped_infusion_from_power_up_to_release(driver, simulated):
    assert isinstance(await driver.identify(), Done)
    await started(driver)
    seen = set()
    for _ in range(2600):
        await asyncio.sleep(1)
        outcome = await driver.read()
        assert isinstance(outcome, Done)
        assert outcome.value.alarms == ()
        if not outcome.value.state.flowing:
            break
        seen.add(outcome.value.rate)
    assert seen == {Rate("26.2"), Rate("61.2")}
    assert outcome.value.state is PumpState.STOPPED
    assert outcome.value.delivered in (Volume("34.99"), Volume("35.00"))
    assert float(simulated.plant.truth().delivered_ml) == pytest.approx(35, rel=0.02)
    assert await driver.stop() == Done(None)
    assert await driver.release() == Done(None)


async def test_stop_ends_the_flow(driver):
    await started(driver)
    await asyncio.sleep(5)
    assert await driver.stop() == Done(None)
    first = (await driver.read()).value
    await asyncio.sleep(2)
    second = (await driver.read()).value
    assert (first.state, first.delivered) == (second.state, second.delivered) == (PumpState.STOPPED, first.delivered)


async def test_the_pumps_own_watchdog_stops_it_without_communication(driver, simulated):
    await started(driver)
    await asyncio.sleep(30)
    reading = (await driver.read()).value
    assert PumpAlarm.PUMP_WATCHDOG in reading.alarms
    assert not reading.state.flowing
    assert float(reading.delivered.decimal) < 26.2 / 3600 * 10.5


async def test_a_stall_is_reported_and_a_new_start_needs_a_new_program(driver, simulated):
    await started(driver)
    await asyncio.sleep(5)
    await driver.read()
    simulated.fire("stall")
    await asyncio.sleep(3)
    reading = (await driver.read()).value
    assert PumpAlarm.OCCLUSION in reading.alarms
    assert not reading.state.flowing
    assert await driver.stop() == Done(None)


@pytest.mark.requirement("RUN-11")
async def test_an_alarm_is_not_forgotten_for_the_next_one(driver, simulated):
    await started(driver)
    simulated.fire("stall")
    await asyncio.sleep(2)
    assert (await driver.read()).value.alarms == (PumpAlarm.OCCLUSION,)
    simulated.fire("power-cut/1s")
    await asyncio.sleep(3)
    await driver.identify()
    assert {PumpAlarm.OCCLUSION, PumpAlarm.PUMP_RESET} <= set((await driver.read()).value.alarms)


async def test_a_power_cut_leaves_the_pump_stopped(driver, simulated):
    await started(driver)
    await asyncio.sleep(5)
    simulated.power(on=False)
    await asyncio.sleep(1)
    simulated.power(on=True)
    await asyncio.sleep(3)
    reading = (await driver.read()).value
    assert PumpAlarm.PUMP_RESET in reading.alarms
    assert not reading.state.flowing


async def test_rates_at_the_limits_are_accepted_by_the_pump_and_rates_beyond_by_neither(driver):
    assert isinstance(await driver.identify(), Done)
    for diameter in ("4.699", "14.43", "26.59", "38.0"):
        given = NewEra.capabilities(container(diameter), {})
        for rate in (given.rate_min, given.rate_max):
            program = PumpProgram((RateStep(rate, Volume("0.5")),), Length(diameter))
            assert await driver.load(program) == Done(None)
            assert await driver.read_back() == Done(program)
        over = PumpProgram((RateStep(given.rate_max + Rate(1), Volume("0.5")),), Length(diameter))
        assert isinstance(await driver.load(over), Refused)


async def test_a_stop_that_a_new_phase_makes_the_pump_ignore_is_repeated_until_no_flow(connect):
    """?IGN (sheet: data-field errors). A setting that is sent then is refused: certainly not done."""
    pump = simulate("new-era", options={"phase_start_s": 0.3}, plant=PlantSettings.ideal())
    async with connect(pump) as driver:
        await started(driver)
        seconds = 4.366 / 26.2 * 3600
        for _ in range(int(seconds / 5)):
            await asyncio.sleep(5)
            await driver.read()  # keeps the watchdog
        while pump.device.display()["rate"] == "26.20MH":  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.05)
        outcomes = [await driver.stop()]
        while not isinstance(outcomes[-1], Done):
            outcomes.append(await driver.stop())
        assert isinstance(outcomes[0], Unknown)
        assert not pump.truth()["running"]
    pump.shut()


async def test_a_pump_that_reports_the_selected_phases_rate_and_has_no_power_fail_mode(connect):
    """The other choices of two assumptions (sheet: PF's argument [U]; RAT while pumping names no phase)."""
    options = {"rate_query": "selected", "knows_power_fail": False}
    pump = simulate("new-era", options=options, plant=PlantSettings.ideal())
    async with connect(pump, rate_query="selected") as driver:
        assert isinstance(await driver.identify(), Done)
        assert isinstance(await driver.load(STEPPED), Refused)  # a later step's rate could not be watched
        one = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), Length("26.59"))
        assert await driver.load(one) == Done(None)
        assert await driver.start(WATCHDOG) == Done(None)
        await asyncio.sleep(5)
        assert (await driver.read()).value.rate == Rate("52.5")
        assert await driver.stop() == Done(None)
    async with connect(pump) as driver:  # with RAT taken as the running phase's, it would be misled from step 2 on
        await started(driver)
        for _ in range(130):
            await asyncio.sleep(5)
            now = (await driver.read()).value
        assert pump.device.display()["rate"] == "26.20MH"  # the panel shows what RAT reports
        assert pump.truth()["rate_ml_h"] == pytest.approx(61.2)
        assert now.rate == Rate("26.2")
    pump.shut()


async def test_two_drivers_share_the_line_of_a_network(connect):
    pump = simulate("new-era", options={"network": "0,7"}, plant=PlantSettings.ideal())
    async with connect(pump) as first:
        second = await NewEra.connect(first.link.port, {"address": 7})
        for driver in (first, second):
            await started(driver)
        for _ in range(12):
            await asyncio.sleep(5)
            readings = [await driver.read() for driver in (first, second)]
        assert [reading.value.state for reading in readings] == [PumpState.INFUSING] * 2
        assert await first.stop() == Done(None)
        assert [pump.truth(unit)["running"] for unit in (1, 2)] == [False, True]
        assert await second.stop() == Done(None)
        for unit in (1, 2):
            assert 0.42 < pump.truth(unit)["delivered_ml"] < 0.46  # a minute at 26.2 mL/h, and the identification
        await second.close()
    pump.shut()


def container(diameter):
    from pumpd.pump import Container

    return Container("syringe", Volume(60), Volume(0), Rate("0.001"), Length(diameter))
