"""A stop of the New Era driver at any instant and in any state."""

import asyncio

import pytest

from pumpd.pump import Done, Refused, Unknown

from .new_era_session import PROGRAM, WATCHDOG, session
from .toy_pump import ToyPump

# -- stop --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STP-02")
async def test_a_stop_at_any_instant_of_load_and_start_leaves_the_pump_stopped(connect):
    """Every 4 ms from load to start: no RUN is received after the first STP."""
    for delay_ms in range(0, 700, 4):
        pump = ToyPump()
        async with connect(pump) as driver:
            await session(driver, "load")

            async def way(driver=driver):
                if isinstance(await driver.load(PROGRAM), Done):
                    await driver.start(WATCHDOG)

            task = asyncio.create_task(way())
            await asyncio.sleep(delay_ms / 1000)
            assert await driver.stop() == Done(None)
            await task
            texts = pump.texts()
            assert "RUN" not in texts[texts.index("STP") :], delay_ms
            assert not pump.running


@pytest.mark.requirement("STP-02")
async def test_a_start_that_is_delayed_before_its_run_does_not_run_after_a_stop(driver, pump):
    await session(driver, "start")
    real = driver._require_stopped

    async def slow(epoch):
        await real(epoch)
        await asyncio.sleep(5)

    driver._require_stopped = slow
    task = asyncio.create_task(driver.start(WATCHDOG))
    await asyncio.sleep(1)
    assert await driver.stop() == Done(None)
    assert isinstance(await task, Refused)
    assert pump.texts().count("RUN") == 0


@pytest.mark.requirement("STP-02")
async def test_stop_overtakes_polls_that_wait(driver, pump):
    await session(driver, "read")
    pump.heard.clear()
    polls = [asyncio.create_task(driver.read()) for _ in range(20)]
    await asyncio.sleep(0.001)
    assert await driver.stop() == Done(None)
    outcomes = await asyncio.gather(*polls)
    assert pump.texts()[:3] == ["RAT", "STP", "STP"]
    assert all(isinstance(outcome, Refused) for outcome in outcomes)


@pytest.mark.parametrize("state", ["idle", "running", "paused", "alarm", "unmet"])
async def test_stop_works_in_every_state(driver, pump, state):
    if state != "unmet":
        await session(driver, "load" if state == "idle" else "read")
    if state == "paused":
        pump._count()
        pump.state = "P"
    if state == "alarm":
        pump.raise_alarm("S", spontaneous=True)
    assert await driver.stop() == Done(None)
    assert pump.state == "S"


async def test_stop_reaches_a_pump_that_fell_back_to_basic_frames(driver, pump):
    await session(driver, "read")
    pump.safe, pump.knows_safe_frames = False, False
    assert await driver.stop() == Done(None)
    assert not pump.running


async def test_stop_without_an_answer_is_unknown(driver, pump):
    await session(driver, "read")
    pump.silent = True
    begin = asyncio.get_running_loop().time()
    assert isinstance(await driver.stop(), Unknown)
    assert asyncio.get_running_loop().time() - begin < 4
