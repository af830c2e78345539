"""Where no source is clear: a simulator with the other choice, the driver with and without its setting.

Set to match, the driver gives the program and no more; set wrong, it refuses or reports that it does not know,
and the plant has given nothing, or gives neither faster nor more than was ordered.
"""

import asyncio
import contextlib
import itertools

import pytest

from pumpd.pump import Container, Done, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

DIAMETER = Length("26.72")
ODD = PumpProgram((RateStep(Rate("52.34"), Volume(1)),), DIAMETER)  # four digits
EVEN = PumpProgram((RateStep(Rate("52.8"), Volume(1)),), DIAMETER)  # on every grid
FINE = PumpProgram((RateStep(Rate("52.85"), Volume(1)),), DIAMETER)
WHOLE = PumpProgram((RateStep(Rate(52), Volume(1)),), DIAMETER)
FAST = PumpProgram((RateStep(Rate(1200), Volume(8)),), DIAMETER)
SLOW = PumpProgram((RateStep(Rate("0.6"), Volume("0.1")),))
NO_SYRINGE = PumpProgram((RateStep(Rate("52.8"), Volume(1)),))
NO_SYRINGE_FINE = PumpProgram((RateStep(Rate("52.85"), Volume("1.05")),))
NO_SYRINGE_WHOLE = PumpProgram((RateStep(Rate(52), Volume(1)),))
LEASE = Duration(10)
_names = itertools.count()


@contextlib.asynccontextmanager
async def bench(name, options, settings, plant=None):
    pump = simulate(name, options=options, plant=plant or PlantSettings.ideal())
    port = f"choice-{next(_names)}"
    memory.serve(port, pump)
    driver = await family(name).connect(f"memory://{port}", settings)
    try:
        yield driver, pump
    finally:
        await driver.close()
        memory.withdraw(port)
        pump.shut()


async def started(driver, program):
    """The first outcome that is not done, or that of the start."""
    outcome = await driver.identify()
    if isinstance(outcome, Done):
        outcome = await driver.load(program)
    if isinstance(outcome, Done):
        outcome = await driver.read_back()
    if isinstance(outcome, Done):
        outcome = await driver.start(LEASE)  # also of what was read back otherwise: no driver starts that
    return outcome


CHOICES = [  # family, the simulator's, the driver's setting that matches, another that does not, program
    ("alaris-asena", {"rate_step": "0.1"}, {"rate_step": "0.1"}, {"rate_step": "0.01"}, EVEN, FINE),
    ("alaris-asena", {"knows_cfg": "false"}, {"remote_cfg": "false"}, {}, EVEN, EVEN),
    ("alaris-asena", {"revision": "2.4", "firmware": "2.3.6"}, {"firmware_is_revision": "false"}, {}, EVEN, EVEN),
    (
        "alaris-asena",
        {"held_rate": "set", "infusing_word": "INF"},
        {"stands_at_rate_0": "false", "standing_words": "HLD"},
        {},
        EVEN,
        EVEN,
    ),
    ("alaris-asena", {"reply_delay_s": "0.8"}, {"reply_timeout_s": "1"}, {}, EVEN, EVEN),
    ("fresenius-base-a", {"limit_query": "LM;v"}, {"limit_query": "LM;v"}, {}, EVEN, EVEN),
    ("fresenius-base-a", {"limit_query": "LE;v"}, {"limit_query": "LE;v"}, {}, EVEN, EVEN),
    ("fresenius-base-a", {"value_format": "decimal"}, {"value_format": "decimal"}, {}, EVEN, EVEN),
    ("fresenius-base-a", {}, {}, {"value_format": "decimal"}, EVEN, EVEN),
    ("fresenius-base-a", {"highest_limit_ml": "0.5"}, None, {}, None, EVEN),
    ("harvard", {"digits": "3"}, {"digits": "3"}, {}, EVEN, ODD),
    ("harvard", {"diameter_max_mm": "20"}, None, {}, None, EVEN),
    ("harvard", {"largest_target_ml": "0.5"}, None, {}, None, EVEN),
    ("dianet-star", {"rate_step_ml_h": "1"}, {"rate_step_ml_h": "1"}, {}, WHOLE, EVEN),
    ("new-era", {"trailing_dot": "false"}, {}, None, FAST, None),
    ("new-era", {"trailing_dot": "true"}, {}, None, FAST, None),
    ("new-era", {"saf_before_alarm": "false"}, {}, None, EVEN, None),
    ("reglo-icc", {"total_digits": "3"}, {"total_digits": "3"}, None, NO_SYRINGE, None),
    ("reglo-icc", {"total_query": "pump", "running_query": "channel"}, {}, None, NO_SYRINGE, None),
    ("reglo-icc", {"unit": "l"}, {"volume_unit": "l"}, {"volume_unit": "ml"}, NO_SYRINGE, NO_SYRINGE),
    ("reglo-icc", {"unit": "l"}, {"volume_unit": "l"}, {}, SLOW, SLOW),
    ("reglo-icc", {}, {"volume_unit": "ml"}, {}, SLOW, SLOW),
    ("reglo-icc", {"has_setpoint": "false"}, {"asks_setpoint": "false"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("reglo-icc", {"has_serial": "false"}, {"asks_serial": "false"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("reglo-icc", {"has_backsteps": "false"}, {"sets_backsteps": "false"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("reglo-icc", {"min_flow_ml_min": "0.02"}, None, {}, None, SLOW),
    ("zyno-miva", {"name": "NIMBUS II"}, {"model": "nimbus"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"checksum": "xor"}, {"checksum": "xor"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"mode": "INT"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"mode": "CONT"}, {"mode_word": "cont"}, {"mode_word": "00"}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"rate_unit": "00"}, {"rate_unit": "00"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"places": "0"}, {"places": "0"}, {}, NO_SYRINGE_WHOLE, NO_SYRINGE),
    ("zyno-miva", {"places": "2"}, {"places": "2"}, None, NO_SYRINGE_FINE, None),
    ("zyno-miva", {"has_volume": "false"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"has_volume": "false"}, None, {"sets_volume": "false"}, None, NO_SYRINGE),
    ("zyno-miva", {"set_reply": "none"}, {"set_reply": "none"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"set_reply": "echo"}, {"set_reply": "none"}, {}, NO_SYRINGE, NO_SYRINGE),
    ("zyno-miva", {"set_reply": "value"}, {}, None, NO_SYRINGE, None),
    ("zyno-miva", {"time_query": "error"}, {}, None, NO_SYRINGE, None),
    ("zyno-miva", {"vtbi_tells": "all"}, {}, None, NO_SYRINGE, None),
    ("zyno-miva", {"auto_bolus_ml": "0.5"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"demand_bolus_ml": "0.5"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"log_head": "next"}, {"log_head": "next"}, None, NO_SYRINGE, None),
    ("zyno-miva", {"logs_end": "false"}, {}, None, NO_SYRINGE, None),
    ("zyno-miva", {"review_s": "3"}, {}, None, NO_SYRINGE, None),
    ("zyno-miva", {"needs_ok": "true"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"rate_max_ml_h": "50"}, None, {}, None, NO_SYRINGE),
    ("zyno-miva", {"volume_max_ml": "0.5"}, None, {}, None, NO_SYRINGE),
]


@pytest.mark.parametrize(
    ("name", "options", "settings", "program"),
    [(name, options, settings, program) for name, options, settings, _, program, _ in CHOICES if program],
)
async def test_a_driver_with_matching_settings_gives_the_program_and_no_more(name, options, settings, program):
    async with bench(name, options, settings) as (driver, pump):
        assert await started(driver, program) == Done(None)
        (step,), loop = program.steps, asyncio.get_running_loop()
        began, given_ml = loop.time(), pump.plant.truth().delivered_ml
        for _ in range(10):
            await asyncio.sleep(1)
            reading = (await driver.read()).value
            assert (reading.state, reading.rate) == (PumpState.INFUSING, step.rate)
        since_ml = float(step.rate.decimal) * (loop.time() - began) / 3600
        assert pump.plant.truth().delivered_ml - given_ml == pytest.approx(since_ml, rel=0.01)
        for _ in range(int(float(step.volume.decimal) * 3600 / float(step.rate.decimal) / 2) + 1):
            await asyncio.sleep(2)
            assert isinstance(await driver.read(), Done)
        assert pump.plant.truth().delivered_ml == pytest.approx(float(step.volume.decimal))


@pytest.mark.parametrize(
    ("name", "options", "settings", "program"),
    [(name, options, settings, program) for name, options, _, settings, _, program in CHOICES if program],
)
async def test_wrong_settings_are_reported_before_anything_flows(name, options, settings, program):
    async with bench(name, options, settings) as (driver, pump):
        outcome = await started(driver, program)
        assert isinstance(outcome, Refused | Unknown)
        assert all(outcome.reasons if isinstance(outcome, Refused) else [outcome.cause])
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml == 0


@pytest.mark.parametrize(
    ("settings", "reported"), [({}, PumpAlarm.BATTERY_LOW), ({"alarm_meanings": "false"}, PumpAlarm.PUMP_FAULT)]
)
async def test_an_asena_with_another_meaning_of_a_word_is_not_read_as_infusing(settings, reported):
    """AL_LBTAC from an empty syringe: with its assumed meaning it is a warning, and the pump has no flow either way."""
    options, plant = {"empty_word": "AL_LBTAC"}, PlantSettings.ideal(0.1)
    async with bench("alaris-asena", options, settings, plant) as (driver, pump):
        assert await started(driver, EVEN) == Done(None)
        for _ in range(20):
            await asyncio.sleep(1)
            reading = (await driver.read()).value
        assert reading.state is not PumpState.INFUSING
        assert reading.alarms == (reported,)
        assert pump.plant.truth().delivered_ml <= 0.1 + 1e-6


async def test_a_base_a_that_ignores_a_lost_host_is_not_declared_as_stopped_by_the_deadman():
    """The driver promises a deadman only where it is set to: here that would be false, and the limit ends the flow."""
    container = Container("a syringe", Volume(50), Volume(0), Rate(1), DIAMETER)
    driver_class = family("fresenius-base-a")
    async with bench("fresenius-base-a", {"without_dc4": "deaf"}, {}) as (driver, pump):
        assert driver.stop_frames is None
        assert [each.value for each in driver_class.capabilities(container, {}).loss_of_control] == ["vtbi_only"]
        assert await started(driver, EVEN) == Done(None)
        await asyncio.sleep(30)  # no polls: ENQ is no longer answered
        assert isinstance(await driver.read(), Unknown)
        assert isinstance(await driver.stop(), Unknown)
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml == pytest.approx(1)


async def test_a_rack_that_answers_late_is_read_where_the_settings_allow_for_it():
    for settings, wanted in (({}, Unknown), ({"reply_timeout_s": "30"}, Done)):
        async with bench("space-bcc", {"reply_delay_s": "25"}, settings) as (driver, _):
            assert isinstance(await driver.read(), wanted), settings


async def test_an_asena_that_ends_with_another_word_is_a_fault_until_the_settings_name_the_word():
    for settings, wanted in (({}, (PumpAlarm.PUMP_FAULT,)), ({"remark_words": "AL_DONE"}, ())):
        async with bench("alaris-asena", {"vtbi_word": "AL_DONE"}, settings) as (driver, pump):
            assert await started(driver, EVEN) == Done(None)
            for _ in range(40):
                await asyncio.sleep(2)
                reading = (await driver.read()).value
            assert (reading.state is PumpState.INFUSING, reading.alarms) == (False, wanted)
            assert pump.plant.truth().delivered_ml == pytest.approx(1)
