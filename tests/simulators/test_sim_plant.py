"""The plant's motor, tube and container against formulas that a person can check."""

import asyncio
import random
from dataclasses import replace

import pytest

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.plant import Plant, PlantSettings

from .conftest import FakeClock

IDEAL = PlantSettings.ideal()


async def test_volume_is_rate_times_time(plant):
    pump = plant()
    pump.run(52.5)
    await asyncio.sleep(2400)
    assert pump.truth().delivered_ml == pytest.approx(52.5 * 2400 / 3600)
    assert pump.truth().rate_ml_h == 52.5
    assert pump.truth().running


async def test_a_stopped_motor_moves_nothing(plant):
    pump = plant()
    pump.run(60)
    await asyncio.sleep(60)
    pump.stop()
    await asyncio.sleep(3600)
    assert pump.truth().delivered_ml == pytest.approx(1.0)
    assert pump.truth().rate_ml_h == 0
    assert not pump.truth().running


async def test_the_motor_stops_at_exactly_its_target_and_calls_at_that_instant(plant):
    pump, called = plant(), []
    pump.on_target = lambda: called.append(asyncio.get_running_loop().time())
    pump.run(52.5, 35.0)
    await asyncio.sleep(5000)
    assert pump.moved() == (35.0, 0.0)
    assert called == [pytest.approx(2400)]


@pytest.mark.parametrize("seed", range(5))
async def test_no_float_is_left_over_at_a_target(plant, seed):
    rng = random.Random(seed)
    for _ in range(40):
        pump, volume = plant(PlantSettings(seed=seed)), round(rng.uniform(0.001, 99), 3)
        await asyncio.sleep(rng.uniform(0, 10))
        rate = rng.uniform(10, 900)
        pump.run(rate, volume)
        for _ in range(3):
            await asyncio.sleep(rng.uniform(0, 100))
            pump.advance()
        await asyncio.sleep(volume / rate * 3600 + 1)
        assert pump.moved()[0] == volume


async def test_phases_follow_without_a_gap_even_without_polls(plant):
    """A late reading equals readings in time: 1 mL at 60 mL/h, then 2 mL/h from that instant."""
    clock = FakeClock()
    pump = Plant(clock, IDEAL)
    pump.on_target = lambda: pump.run(2.0)
    pump.run(60.0, 1.0)
    clock.time = 60.0 + 1800.0
    assert pump.moved()[0] == pytest.approx(2.0)


async def test_drawing_back_lowers_the_true_volume_and_has_its_own_counter(plant):
    pump = plant()
    pump.run(60, 2.0)
    await asyncio.sleep(120.5)
    pump.run(-60, 0.5)
    await asyncio.sleep(40)
    assert pump.moved() == (2.0, 0.5)
    assert pump.truth().delivered_ml == pytest.approx(1.5)


@pytest.mark.requirement("RUN-19")
@pytest.mark.parametrize("rate", [1.0, 10.0, 52.5, 90.0])
@pytest.mark.parametrize(("compliance", "pressure"), [(0.0005, 1000.0), (0.001, 400.0), (0.0002, 900.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
async def test_an_occluded_motor_stalls_after_compliance_times_pressure_over_rate(
    plant, rate, compliance, pressure, seed
):
    """Reference 2.5: time = C * P / rate, within 5 %, with the motor's own error and ripple on."""
    pump = plant(PlantSettings(seed=seed, compliance_ml_per_mmhg=compliance, stall_mmhg=pressure))
    stalled = []
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.run(rate)
    await asyncio.sleep(100)
    pump.occlude()
    began, delivered = pump.now, pump.truth().delivered_ml
    await asyncio.sleep(3 * 3600)
    assert stalled[0] - began == pytest.approx(compliance * pressure / rate * 3600, rel=0.05)
    truth = pump.truth()
    assert truth.delivered_ml == delivered, "nothing passes an occlusion"
    assert truth.pressure_mmhg == pytest.approx(pressure)
    assert not truth.running


async def test_the_reference_example_takes_34_s(plant):
    """Reference 2.5: 0.5 mL at alarm, at 52.5 mL/h: 34 s."""
    pump, stalled = plant(), []
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.occlude()
    pump.run(52.5)
    await asyncio.sleep(60)
    assert stalled == [pytest.approx(34.3, abs=0.1)]


async def test_pressure_rises_with_volume_over_compliance(plant):
    pump = plant(replace(PlantSettings.ideal(), compliance_ml_per_mmhg=0.001, stall_mmhg=1000))
    pump.occlude()
    pump.run(36)
    await asyncio.sleep(20)
    assert pump.truth().pressure_mmhg == pytest.approx(200)
    assert pump.truth().rate_ml_h == 0
    assert pump.truth().running


async def test_a_released_occlusion_gives_its_bolus_to_the_patient(plant):
    pump = plant()
    pump.occlude()
    pump.run(52.5)
    await asyncio.sleep(120)
    assert pump.truth().delivered_ml == 0
    assert pump.release() == pytest.approx(0.5)
    truth = pump.truth()
    assert truth.delivered_ml == pytest.approx(0.5)
    assert truth.largest_bolus_ml == pytest.approx(0.5)
    assert truth.pressure_mmhg == 0


async def test_a_stalled_motor_that_is_started_again_stalls_again_at_once(plant):
    pump, stalled = plant(), []
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.occlude()
    pump.run(52.5)
    await asyncio.sleep(60)
    pump.run(52.5)
    await asyncio.sleep(1)
    assert len(stalled) == 2
    assert pump.truth().delivered_ml == 0
    assert stalled[1] == pytest.approx(60, abs=0.001)


async def test_the_container_ends(plant):
    pump, stalled = plant(PlantSettings.ideal(contents_ml=3.0)), []
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.run(60, 10.0)
    await asyncio.sleep(3600)
    assert stalled == [pytest.approx(180)]
    assert pump.truth().delivered_ml == pytest.approx(3.0)
    assert pump.truth().contents_ml == pytest.approx(0.0, abs=1e-9)
    assert pump.left() == pytest.approx(7.0)


async def test_a_target_at_the_very_end_of_the_container_is_reached(plant):
    pump, ends = plant(PlantSettings.ideal(contents_ml=3.0)), []
    pump.on_stall = lambda: ends.append("stall")
    pump.on_target = lambda: ends.append("target")
    pump.run(60, 3.0)
    await asyncio.sleep(600)
    assert ends == ["target"]


async def test_a_jammed_motor_moves_nothing(plant):
    pump, stalled = plant(), []
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.jam()
    pump.run(60)
    await asyncio.sleep(10)
    assert stalled == [0.0]
    assert pump.moved() == (0.0, 0.0)
    pump.free()
    pump.run(60)
    await asyncio.sleep(60)
    assert pump.moved()[0] == pytest.approx(1.0)


async def test_the_same_seed_gives_the_same_truth_and_another_seed_another(plant):
    pumps = [plant(PlantSettings(seed=seed)) for seed in (7, 7, 8)]
    for pump in pumps:
        pump.run(52.5)
    await asyncio.sleep(1800)
    first, same, other = (pump.truth().delivered_ml for pump in pumps)
    assert first == same
    assert first != other


@pytest.mark.parametrize("seed", range(20))
async def test_truth_and_counter_differ_a_little_and_never_by_more_than_stated(plant, seed):
    """Stated: 0.2 % constant, 1 % ripple of 0.5 mL period (at most 1 % of 0.5 mL over 2 pi, twice)."""
    pump = plant(PlantSettings(seed=seed))
    pump.run(52.5, 35.0)
    await asyncio.sleep(2500)
    error = pump.truth().delivered_ml - 35.0
    assert error != 0
    assert abs(error) <= 35.0 * 0.002 + 2 * 0.01 * 0.5 / 6.28


async def test_the_true_rate_is_the_slope_of_the_true_volume(plant):
    pump = plant(PlantSettings(seed=3, ripple_percent=10))
    pump.run(60)
    for _ in range(20):
        await asyncio.sleep(1.7)
        rate, before = pump.truth().rate_ml_h, pump.truth().delivered_ml
        await asyncio.sleep(0.001)
        assert (pump.truth().delivered_ml - before) * 3600 / 0.001 == pytest.approx(rate, rel=1e-3)


async def test_alerts_come_in_order_at_their_instant_and_can_be_cancelled(plant):
    pump, seen = plant(speed=60), []
    pump.at(120, lambda: seen.append(("second", pump.now)))
    pump.at(60, lambda: seen.append(("first", pump.now)))
    pump.at(90, lambda: seen.append(("off", pump.now))).cancel()
    await asyncio.sleep(1.5)
    assert seen == [("first", 60.0)]
    await asyncio.sleep(1)
    assert seen == [("first", 60.0), ("second", 120.0)]


async def test_speed_multiplies_plant_time(plant):
    pump = plant(speed=60)
    pump.run(52.5, 35.0)
    await asyncio.sleep(20)
    assert pump.moved()[0] == pytest.approx(17.5)
    await asyncio.sleep(20.01)
    assert pump.moved()[0] == 35.0


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda pump: pump.run(0), "rate"),
        (lambda pump: pump.run(float("nan")), "rate"),
        (lambda pump: pump.run(1, 0), "volume"),
    ],
)
async def test_a_motor_refuses_what_it_cannot_do(plant, call, word):
    with pytest.raises(ValueError, match=word):
        call(plant())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"error_percent": -1}, "error_percent: must be at least 0, not -1"),
        ({"ripple_percent": float("nan")}, "ripple_percent: "),
        ({"error_percent": 20, "ripple_percent": 31}, "error_percent, ripple_percent: must be at most 50 together"),
        ({"ripple_period_ml": 0}, "ripple_period_ml: must be above 0"),
        ({"slack_ml": -0.001}, "slack_ml: "),
        ({"compliance_ml_per_mmhg": 0}, "compliance_ml_per_mmhg: "),
        ({"stall_mmhg": float("inf")}, "stall_mmhg: "),
        ({"contents_ml": 0.0}, "contents_ml: "),
        ({"contents_ml": "30"}, "contents_ml: .*'30'"),
        ({"near_empty_ml": -5}, "near_empty_ml: "),
        ({"tube_to_sensor_ml": -1}, "tube_to_sensor_ml: "),
        ({"tube_to_patient_ml": None}, "tube_to_patient_ml: "),
        ({"tube_to_sensor_ml": 3.1}, "tube_to_sensor_ml: must be at most tube_to_patient_ml"),
        ({"battery_h": 0}, "battery_h: "),
        ({"battery_low_percent": 101}, "battery_low_percent: must be at most 100"),
        ({"drift_ppm": -1e6}, "drift_ppm: "),
        ({"drift_ppm": float("nan")}, "drift_ppm: "),
        ({"slack_ml": -1, "battery_h": -1, "drift_ppm": "x"}, "slack_ml: .*; battery_h: .*; drift_ppm: "),
    ],
)
def test_impossible_settings_are_refused_with_every_field(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}") as refused:
        PlantSettings(**wrong)
    assert str(refused.value).count(": must be") == (1 if "together" in message else len(wrong))


def test_settings_at_their_limits_are_accepted():
    PlantSettings(
        error_percent=25, ripple_percent=25, slack_ml=0, near_empty_ml=0, tube_to_sensor_ml=0, tube_to_patient_ml=0
    )
    PlantSettings(tube_to_sensor_ml=3, battery_low_percent=100, drift_ppm=-999_999, contents_ml=None)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), 1e9])
async def test_an_invalid_speed_is_refused(speed):
    with pytest.raises(ValueError, match="speed"):
        LoopClock(speed)
