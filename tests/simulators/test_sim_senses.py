"""What a pump's own sensors detect of the plant, and when: pressure, air, door, container, drops, mains, battery."""

import asyncio
import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_simulators.plant import Plant, PlantSettings, Sense

from .conftest import FakeClock

IDEAL = PlantSettings.ideal()
BAG = replace(IDEAL, is_peristaltic=True)


def feeling(pump):
    """What the pump was notified of, with the instants."""
    reported = []
    pump.on_sense = lambda sense, so: reported.append((sense, so, round(pump.now, 6)))
    return reported


@pytest.mark.requirement("RUN-19")
@pytest.mark.parametrize("rate", [1.0, 5.0, 52.5, 90.0, 600.0])
@pytest.mark.parametrize("compliance", [0.0002, 0.001])
async def test_pressure_alarm_comes_after_compliance_times_pressure_over_rate(plant, rate, compliance):
    pump = plant(PlantSettings(seed=3, compliance_ml_per_mmhg=compliance, slack_ml=0.0))
    reported = feeling(pump)
    pump.pressure_limit_mmhg = 500.0
    pump.occlude()
    pump.run(rate)
    await asyncio.sleep(compliance * 500 / rate * 3600 * 1.05)
    assert [(sense, so) for sense, so, _ in reported] == [(Sense.PRESSURE, True)]
    assert reported[0][2] >= compliance * 500 / rate * 3600 * 0.95
    assert pump.pressure_mmhg() >= 500
    pump.release()
    assert pump.sensed == frozenset()


async def test_a_bubble_travels_with_the_flow_is_felt_and_reaches_the_patient_as_air(plant):
    pump = plant(replace(PlantSettings.ideal(), tube_to_sensor_ml=1.0, tube_to_patient_ml=3.0))
    reported = feeling(pump)
    pump.bubble(0.2)
    pump.run(60)  # a minute for a millilitre
    await asyncio.sleep(600)
    assert reported == [(Sense.AIR, True, 60), (Sense.AIR, False, 72)]
    assert pump.truth().air_ml == pytest.approx(0.2)
    assert pump.truth().delivered_ml == pytest.approx(9.8)


async def test_a_stopped_pump_keeps_the_bubble_in_front_of_the_detector(plant):
    pump = plant(replace(PlantSettings.ideal(), tube_to_sensor_ml=1.0))
    pump.on_sense = lambda *_: pump.stop()
    pump.bubble(0.2)
    pump.run(60)
    await asyncio.sleep(600)
    assert pump.sensed == {Sense.AIR}
    assert pump.truth().air_ml == 0
    assert pump.truth().delivered_ml == pytest.approx(1.0)


async def test_a_syringe_ends_in_a_stall_a_bag_in_air(plant):
    syringe, bag = (
        plant(replace(PlantSettings.ideal(contents_ml=10.0), near_empty_ml=4.0, is_peristaltic=peristaltic))
        for peristaltic in (False, True)
    )
    reported, stalled = [feeling(syringe), feeling(bag)], []
    syringe.on_stall = lambda: stalled.append(syringe.now)
    for pump in (syringe, bag):
        pump.run(60)
    await asyncio.sleep(900)
    near, empty = (Sense.NEAR_EMPTY, True, 360), (Sense.EMPTY, True, 600)
    assert reported == [[near, empty], [near, empty, (Sense.DROPS, True, 605), (Sense.AIR, True, 660)]]
    assert stalled == [pytest.approx(600)]
    assert syringe.truth().delivered_ml == pytest.approx(10)
    # 15 mL were pumped: the 3 mL that were in the tube, the bag's 10 mL, and 2 mL of air
    assert (bag.truth().delivered_ml, bag.truth().air_ml) == (pytest.approx(13), pytest.approx(2))


async def test_behind_an_open_door_the_motor_moves_nothing(plant):
    pump = plant()
    reported = feeling(pump)
    pump.run(60)
    await asyncio.sleep(60)
    pump.open_door()
    await asyncio.sleep(60)
    assert pump.truth().delivered_ml == pytest.approx(1.0)
    assert pump.moved()[0] == pytest.approx(2.0)
    pump.close_door()
    await asyncio.sleep(60)
    assert pump.truth().delivered_ml == pytest.approx(2.0)
    assert reported == [(Sense.DOOR, True, 60), (Sense.DOOR, False, 120)]


async def test_behind_an_open_door_the_end_of_the_plunger_stops_no_motor(plant):
    pump, ends = plant(PlantSettings.ideal(contents_ml=1.0)), []
    pump.on_target, pump.on_stall = lambda: ends.append("target"), lambda: ends.append("stall")
    pump.run(60)
    await asyncio.sleep(100)
    pump.open_door()
    pump.run(60, 5.0)
    await asyncio.sleep(400)
    assert ends == ["stall", "target"]
    assert pump.truth().delivered_ml == pytest.approx(1.0)


def test_a_plant_at_rest_waits_for_nothing():
    for low_percent in (0, 20, 100):
        pump = Plant(FakeClock(), replace(IDEAL, battery_low_percent=low_percent, contents_ml=5.0))
        pump.advance()
        assert pump._timer_at == math.inf


async def test_the_battery_drains_without_mains(plant):
    pump = plant(replace(PlantSettings.ideal(), battery_h=10, battery_low_percent=20))
    reported = feeling(pump)
    pump.mains(on=False)
    await asyncio.sleep(3600)
    assert pump.battery_percent() == pytest.approx(90)
    await asyncio.sleep(20 * 3600)
    assert reported == [
        (Sense.MAINS_OFF, True, 0),
        (Sense.BATTERY_LOW, True, 8 * 3600),
        (Sense.BATTERY_EMPTY, True, 10 * 3600),
    ]
    pump.mains(on=True)
    await asyncio.sleep(5 * 3600)
    assert pump.battery_percent() == pytest.approx(50)


async def test_free_flow_moves_fluid_past_a_stopped_motor(plant):
    pump = plant()
    pump.free_flow(600)
    await asyncio.sleep(60)
    assert pump.sensed == {Sense.DROPS}
    assert (pump.truth().delivered_ml, pump.moved()[0]) == (pytest.approx(10), 0)
    pump.free_flow(0)
    await asyncio.sleep(60)
    assert pump.truth().delivered_ml == pytest.approx(10)


async def test_backlash_is_taken_up_at_the_first_start_and_at_each_reversal(plant):
    pump = plant(replace(PlantSettings.ideal(), slack_ml=0.1))
    for rate, expected in ((60, 0.9), (60, 1.9), (-60, 1.0), (60, 1.9)):
        pump.run(rate, 1.0)
        await asyncio.sleep(120)
        assert pump.truth().delivered_ml == pytest.approx(expected), rate


async def test_a_pump_whose_clock_runs_fast_delivers_fast(plant):
    pump = plant(replace(PlantSettings.ideal(), drift_ppm=200.0))
    pump.run(60)
    await asyncio.sleep(3600)
    assert pump.truth().delivered_ml == pytest.approx(60 * 1.0002)


@pytest.mark.requirement("STP-08")
@pytest.mark.parametrize("make", [PlantSettings.syringe, PlantSettings.peristaltic])
async def test_almost_nothing_is_delivered_after_a_stop(plant, make):
    """At most 0.1 mL from the stop at 90 mL/h until no flow; these motors stop at once."""
    pumps = [plant(replace(make(seed), drift_ppm=500.0)) for seed in range(10)]
    for pump in pumps:
        pump.run(90)
    await asyncio.sleep(600)
    for pump in pumps:
        pump.stop()
    at_stop = [pump.truth().delivered_ml for pump in pumps]
    await asyncio.sleep(600)
    for pump, before in zip(pumps, at_stop, strict=True):
        assert 0 <= pump.truth().delivered_ml - before <= 0.1
        assert pump.truth().rate_ml_h == 0


# -- sensors, in either direction and whatever moves the fluid ---------------------------------------------------------


async def test_a_condition_present_from_the_start_is_reported_once(plant):
    pump = plant(replace(PlantSettings.ideal(contents_ml=3.0), near_empty_ml=5.0))
    reported = feeling(pump)
    await asyncio.sleep(1)
    pump.run(60, 1.0)
    await asyncio.sleep(100)
    assert reported == [(Sense.NEAR_EMPTY, True, 0)]


async def test_a_target_at_the_end_of_the_container_is_reached_and_the_end_is_felt(plant):
    """Even where the last digits of the flow are not those of the contents."""
    for number in range(1, 60):
        volume, ends = number / 7, []
        pump = plant(replace(PlantSettings.ideal(contents_ml=volume), near_empty_ml=0.0))
        pump.on_target, pump.on_stall = lambda: ends.append("target"), lambda: ends.append("stall")  # noqa: B023
        pump.run(60 + number, volume)
        await asyncio.sleep(700)
        assert ends == ["target"]
        assert Sense.EMPTY in pump.sensed


async def test_a_device_that_stops_at_the_end_gets_no_stall(plant):
    pump, stalled = plant(PlantSettings.ideal(contents_ml=3.0)), []
    pump.on_sense = lambda sense, _: pump.stop() if sense is Sense.EMPTY else None
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.run(60)
    await asyncio.sleep(400)
    assert stalled == []


async def test_a_bag_that_ends_now_gives_air_from_then_on_and_a_new_one_liquid_again(plant):
    pump = plant(replace(BAG, contents_ml=50.0))  # 1 mL to the detector, 3 mL to the patient
    reported = feeling(pump)
    pump.run(60)
    await asyncio.sleep(60)
    pump.refill(0.0)
    await asyncio.sleep(600)
    assert (pump.truth().delivered_ml, pump.truth().air_ml) == (pytest.approx(4), pytest.approx(7))
    pump.refill(None)
    await asyncio.sleep(600)
    assert (pump.truth().delivered_ml, pump.truth().air_ml) == (pytest.approx(11), pytest.approx(10))
    assert reported == [
        *((sense, True, 60) for sense in (Sense.NEAR_EMPTY, Sense.EMPTY)),
        (Sense.DROPS, True, 65),
        (Sense.AIR, True, 120),
        *((sense, False, 660) for sense in (Sense.NEAR_EMPTY, Sense.EMPTY, Sense.DROPS)),
        (Sense.AIR, False, 720),
    ]


async def test_no_drops_are_missed_while_the_motor_is_stopped(plant):
    pump = plant(replace(BAG, contents_ml=1.0))
    reported = feeling(pump)
    pump.run(60, 1.05)  # 3 s longer than the bag
    await asyncio.sleep(400)
    assert Sense.DROPS not in {sense for sense, _, _ in reported}


async def test_bubbles_follow_one_another_with_their_own_volumes(plant):
    pump = plant(replace(BAG, contents_ml=0.3))
    reported = feeling(pump)
    pump.bubble(0.2)
    pump.bubble(0.2)  # and 0.1 mL later the bag runs dry
    pump.run(60, 0.3)
    await asyncio.sleep(60)
    pump.refill(50.0)
    pump.run(60)
    await asyncio.sleep(600)
    assert [each for each in reported if each[0] is Sense.AIR] == [(Sense.AIR, True, 102), (Sense.AIR, False, 126)]
    assert (pump.truth().delivered_ml, pump.truth().air_ml) == (pytest.approx(9.9), pytest.approx(0.4))


async def test_a_bubble_is_felt_going_forth_going_back_and_carried_by_a_bolus(plant):
    pump = plant()
    reported = feeling(pump)
    pump.bubble(0.2)
    for rate, volume in ((60, 1.5), (-60, 0.4), (-60, 0.5)):
        pump.run(rate, volume)
        await asyncio.sleep(100)
    assert [(sense, so) for sense, so, _ in reported] == [(Sense.AIR, True), (Sense.AIR, False)] * 2
    assert [when for *_, when in reported] == pytest.approx([60, 72, 118, 206], abs=1e-3)
    pump.occlude()
    pump.run(60, 0.45)
    await asyncio.sleep(100)
    assert Sense.AIR not in pump.sensed
    pump.release()
    assert reported[-1] == (Sense.AIR, True, 400)


async def test_drawing_back_behind_an_occlusion_ends_the_pressure(plant):
    pump = plant()
    reported = feeling(pump)
    pump.pressure_limit_mmhg = 500.0  # 0.25 mL
    pump.occlude()
    pump.run(60, 0.3)
    await asyncio.sleep(20)
    pump.run(-60, 0.3)
    await asyncio.sleep(20)
    assert reported == [(Sense.PRESSURE, True, 15), (Sense.PRESSURE, False, pytest.approx(23, abs=1e-3))]


async def test_free_flow_ends_with_the_container_and_does_not_pass_an_occlusion(plant):
    pump = plant(replace(PlantSettings.ideal(contents_ml=11.0), near_empty_ml=6.0))
    reported = feeling(pump)
    pump.occlude()
    pump.free_flow(600)
    await asyncio.sleep(30)
    assert (pump.truth().delivered_ml, pump.truth().rate_ml_h, reported) == (0, 0, [])
    pump.release()
    pump.run(60)  # together 11 mL a minute
    assert pump.truth().rate_ml_h == pytest.approx(660)
    await asyncio.sleep(600)
    assert pump.truth().delivered_ml == pytest.approx(11)
    assert reported == [
        (Sense.DROPS, True, 30),
        (Sense.NEAR_EMPTY, True, pytest.approx(30 + 5 / 11 * 60)),
        (Sense.EMPTY, True, 90),
        (Sense.DROPS, False, 90),
    ]


async def test_behind_an_open_door_only_free_flow_flows(plant):
    pump = plant(replace(PlantSettings.ideal(contents_ml=10.0), near_empty_ml=0.0))
    reported = feeling(pump)
    pump.open_door()
    pump.run(60)
    pump.free_flow(600)
    await asyncio.sleep(100)
    assert (Sense.EMPTY, True, 60) in reported
    assert pump.truth().delivered_ml == pytest.approx(10)


async def test_a_plunger_at_its_end_can_be_drawn_back(plant):
    pump, stalled = plant(replace(PlantSettings.ideal(contents_ml=1.0), near_empty_ml=0.5)), []
    pump.on_stall = lambda: stalled.append(pump.now)
    for rate in (60, -60):
        pump.run(rate, 2.0)
        await asyncio.sleep(150)
    assert stalled == [60]
    assert pump.sensed == frozenset()
    assert pump.truth().contents_ml == pytest.approx(2.0)


async def test_a_charged_battery_is_no_longer_low_and_an_empty_one_turns_no_motor(plant):
    pump, stalled = plant(replace(IDEAL, battery_h=10, battery_low_percent=20)), []
    reported = feeling(pump)
    pump.on_stall = lambda: stalled.append(pump.now)
    pump.run(60)
    pump.mains(on=False)
    pump.discharge(10.0)
    await asyncio.sleep(2 * 3600)
    assert stalled == [pytest.approx(3600)]
    assert pump.truth().delivered_ml == pytest.approx(60)
    pump.mains(on=True)
    await asyncio.sleep(3 * 3600)
    assert [each[:2] for each in reported] == [
        *((sense, True) for sense in (Sense.MAINS_OFF, Sense.BATTERY_LOW, Sense.BATTERY_EMPTY)),
        *((sense, False) for sense in (Sense.MAINS_OFF, Sense.BATTERY_EMPTY, Sense.BATTERY_LOW)),
    ]
    assert reported[-1][2] == pytest.approx(4 * 3600, abs=0.01)


async def test_nothing_flows_while_backlash_is_taken_up(plant):
    pump = plant(replace(IDEAL, slack_ml=0.1))
    pump.run(60)
    await asyncio.sleep(5)
    assert (pump.truth().rate_ml_h, pump.truth().delivered_ml, pump.truth().running) == (0, 0, True)
    await asyncio.sleep(2)
    assert pump.truth().rate_ml_h == 60


async def test_the_first_run_is_reported_once_when_the_motor_turns(plant):
    pump, reported = plant(), []
    pump.on_first_run = lambda: reported.append(pump.now)
    pump.jam()
    pump.run(60)
    await asyncio.sleep(10)
    pump.free()
    for _ in range(2):
        pump.run(60, 0.1)
        await asyncio.sleep(10)
    assert reported == [10]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda pump: pump.bubble(0), "bubble"),
        (lambda pump: pump.refill(-1), "container"),
        (lambda pump: pump.free_flow(-1), "free flow"),
        (lambda pump: pump.discharge(101), "battery"),
        (lambda pump: setattr(pump, "pressure_limit_mmhg", 0), "pressure limit"),
    ],
)
async def test_a_bench_refuses_what_is_impossible(plant, call, word):
    with pytest.raises(ValueError, match=word):
        call(plant())


def test_events_end_even_after_years_where_a_second_has_few_digits_left():
    """1e8 s are three years, 13 L/h is a fast laboratory pump. What rounding leaves undone repeats for ever."""
    clock = FakeClock()
    clock.time = 1e8
    pump = Plant(clock, replace(PlantSettings.peristaltic(3), contents_ml=40.0))
    reported = feeling(pump)
    for number in range(20):
        pump.bubble(0.1 + number / 70)
    for rate in (13_000, -13_000, 13_000):
        pump.run(rate)
        clock.time += 20
        pump.advance()
        assert len(reported) < 100
    assert {sense for sense, *_ in reported} == {Sense.AIR, Sense.NEAR_EMPTY, Sense.EMPTY, Sense.DROPS}


AT_THE_BENCH = {
    "run": lambda pump: pump.run(90),
    "run a little": lambda pump: pump.run(40, 0.7),
    "draw back": lambda pump: pump.run(-60),
    "stop": lambda pump: pump.stop(),
    "occlude": lambda pump: pump.occlude(),
    "release": lambda pump: pump.release(),
    "bubble": lambda pump: pump.bubble(0.3),
    "free flow": lambda pump: pump.free_flow(200),
    "no free flow": lambda pump: pump.free_flow(0),
    "door": lambda pump: pump.open_door(),
    "door shut": lambda pump: pump.close_door(),
    "mains off": lambda pump: pump.mains(on=False),
    "mains on": lambda pump: pump.mains(on=True),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(AT_THE_BENCH)), st.floats(0.1, 90)), max_size=14),
    st.sampled_from([PlantSettings.syringe, PlantSettings.peristaltic]),
    st.integers(0, 99),
)
def test_one_late_reading_equals_many_readings_and_volume_is_conserved(what, make, seed):
    """The plant has no steps: it must not matter how often it is read. Volumes are conserved."""
    physics = replace(make(seed), contents_ml=6.0, battery_h=0.05, drift_ppm=300.0, slack_ml=0.02)
    seen = []
    for readings in (1, 7):
        clock = FakeClock()
        pump, reported = Plant(clock, physics), []
        pump.pressure_limit_mmhg = 300.0
        pump.on_sense = lambda sense, so, pump=pump, reported=reported: reported.append((sense, so, pump.now))
        pump.on_stall = lambda pump=pump, reported=reported: reported.append(("stall", True, pump.now))
        for name, wait_s in what:
            AT_THE_BENCH[name](pump)
            for _ in range(readings):
                clock.time += wait_s / readings
                pump.advance()
        truth = pump.truth()
        out = truth.delivered_ml + truth.air_ml + truth.pressure_mmhg * physics.compliance_ml_per_mmhg
        if physics.is_peristaltic and truth.contents_ml == 0:
            assert truth.delivered_ml <= 6.0 + physics.tube_to_patient_ml + 1e-6
        elif not physics.is_peristaltic:
            assert 6.0 - truth.contents_ml == pytest.approx(out, abs=1e-6)
        changes = {sense: [so for each, so, _ in reported if each is sense] for sense in Sense}
        assert all(after is not before for each in changes.values() for before, after in itertools.pairwise(each))
        assert {sense for sense, each in changes.items() if each and each[-1]} == pump.sensed
        seen.append((reported, truth))
    (once, truth_once), (often, truth_often) = seen
    assert [each[:2] for each in once] == [each[:2] for each in often]
    assert [each[2] for each in once] == pytest.approx([each[2] for each in often], abs=1e-4)
    assert truth_once.delivered_ml == pytest.approx(truth_often.delivered_ml, abs=1e-6)
    assert truth_once.air_ml == pytest.approx(truth_often.air_ml, abs=1e-6)
