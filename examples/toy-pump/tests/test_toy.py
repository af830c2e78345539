"""A third party's own tests: they need only installed packages. The asynchronous ones run in virtual time."""

import asyncio

import pytest

from pumpd.pump import Container, Done, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.virtual_time import VirtualTimeLoop

DIAMETER = Length("26.59")
PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), DIAMETER)


def in_virtual_time(story):
    """A test in virtual time with a driver and its pump, found by their entry points."""

    def test():
        async def run():
            pump = simulate("toy", plant=PlantSettings.ideal())
            memory.serve("toy", pump)
            driver = await family("toy").connect("memory://toy", {})
            try:
                await story(driver, pump)
            finally:
                await driver.close()
                memory.withdraw("toy")
                pump.shut()

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run())

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


async def started(driver):
    assert (await driver.identify()).value.serial == "0007"
    assert await driver.load(PROGRAM) == Done(None)
    assert await driver.read_back() == Done(PROGRAM)
    return await driver.start(Duration(10))


@in_virtual_time
async def test_the_whole_volume_is_delivered(driver, pump):
    assert await started(driver) == Done(None)
    polls = 0
    while (reading := (await driver.read()).value).state is PumpState.INFUSING:
        await asyncio.sleep(1)
        polls += 1
    assert 2000 < polls <= 2400
    assert reading.delivered == Volume(35)
    assert pump.truth()["delivered_ml"] == pytest.approx(35)


@in_virtual_time
async def test_silence_ends_the_flow(driver, pump):
    await started(driver)
    await asyncio.sleep(60)
    assert pump.truth()["delivered_ml"] == pytest.approx(52.5 / 3600 * 10, rel=0.02)
    assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_WATCHDOG,)


@in_virtual_time
async def test_a_start_whose_reply_is_lost_is_unknown_and_sent_once(driver, pump):
    sent = []
    driver.taps.append(lambda way, data, _: sent.append(data) if way == "out" else None)
    pump.fire("lost-reply:start")
    assert isinstance(await started(driver), Unknown)
    assert sum(data.startswith(b"GO") for data in sent) == 1
    assert await driver.stop() == Done(None)
    assert pump.truth()["running"] is False


@in_virtual_time
async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte(driver, pump):
    await driver.identify()
    sent = []
    driver.taps.append(lambda *packet: sent.append(packet))
    for step in (RateStep(Rate("52.55"), Volume(35)), RateStep(Rate(201), Volume(35)), RateStep(Rate(50), Volume(61))):
        assert isinstance(await driver.load(PumpProgram((step,), DIAMETER)), Refused)
    assert sent == []


@in_virtual_time
async def test_an_occlusion_is_reported_and_stays(driver, pump):
    await started(driver)
    pump.fire("occlusion")
    for _ in range(60):
        await asyncio.sleep(1)
        reading = (await driver.read()).value
    assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.OCCLUSION,))


def test_its_limits_are_known_without_a_pump():
    given = family("toy").capabilities(Container("60 mL", Volume(60), Volume(0), Rate(1), DIAMETER), {})
    assert (given.rate_max, given.watchdog) == (Rate(200), Duration(60))
