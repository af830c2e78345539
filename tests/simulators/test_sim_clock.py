"""Plant time: it may change its speed or pause, and never jumps."""

import asyncio

import pytest

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.plant import Plant, PlantSettings


async def test_plant_time_continues_from_its_value_when_the_speed_changes():
    clock = LoopClock(10)
    await asyncio.sleep(6)
    assert clock.now() == pytest.approx(60)
    clock.change(speed=2)
    assert clock.now() == pytest.approx(60)
    await asyncio.sleep(5)
    assert clock.now() == pytest.approx(70)


async def test_a_paused_clock_stops_and_continues_from_there():
    clock = LoopClock(60)
    await asyncio.sleep(1)
    clock.change(paused=True)
    await asyncio.sleep(1000)
    assert clock.now() == pytest.approx(60)
    clock.change(speed=1)
    await asyncio.sleep(1000)
    assert clock.now() == pytest.approx(60), "a new speed does not end the pause"
    clock.change(paused=False)
    await asyncio.sleep(5)
    assert clock.now() == pytest.approx(65)


async def test_calls_come_at_their_plant_time_whatever_happened_to_the_clock():
    loop, clock = asyncio.get_running_loop(), LoopClock(1)
    called = {}
    for when in (10.0, 20.0, 100.0):
        clock.call_at(when, lambda when=when: called.update({when: loop.time()}))
    clock.call_at(15.0, lambda: called.update({15.0: 0})).cancel()
    await asyncio.sleep(12)
    clock.change(paused=True)
    await asyncio.sleep(50)  # until 62
    clock.change(speed=4, paused=False)
    await asyncio.sleep(30)
    assert called == pytest.approx({10.0: 10, 20.0: 62 + 8 / 4, 100.0: 62 + 88 / 4}, abs=1e-3)
    assert clock.calls == set()


async def test_a_call_made_during_a_pause_waits_for_its_end():
    clock, called = LoopClock(1), []
    clock.change(paused=True)
    clock.call_at(5, lambda: called.append(clock.now()))
    await asyncio.sleep(60)
    assert called == []
    clock.change(paused=False)
    await asyncio.sleep(5.01)
    assert called == [pytest.approx(5)]


async def test_a_plant_gives_its_volume_exactly_across_changes_of_speed_and_pauses():
    clock, ended = LoopClock(7), []
    plant = Plant(clock, PlantSettings.ideal())
    plant.on_target = lambda: ended.append(plant.now)
    plant.run(60.0, 5.0)  # 300 s
    for speed in (50, 0.5, 3):
        await asyncio.sleep(1.3)
        clock.change(speed=speed, paused=True)
        before = plant.truth()
        await asyncio.sleep(100)
        assert plant.truth() == before
        clock.change(paused=False)
    await asyncio.sleep(200)
    assert ended == [pytest.approx(300)]
    assert plant.truth().delivered_ml == pytest.approx(5.0)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), 100_001, float("inf")])
async def test_an_invalid_speed_is_refused_and_changes_nothing(speed):
    clock = LoopClock(2)
    for make in (lambda: LoopClock(speed), lambda: clock.change(speed=speed, paused=True)):
        with pytest.raises(ValueError, match="speed must be above 0"):
            make()
    assert (clock.speed, clock.paused) == (2, False)
