"""The Asena driver and the simulated pump: the token, the volume, the syringe, the alarms; judged by the plant."""

import asyncio
import contextlib
from decimal import Decimal

import pytest

from pumpd.pump import Container, Done, Expiry, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.alaris_asena.codec import Framer, Message
from pumpd_drivers.alaris_asena.driver import AlarisAsena
from pumpd_simulators.bench import simulate
from pumpd_simulators.faults import Kind
from pumpd_simulators.plant import PlantSettings

DIAMETER = Length("26.59")
PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), DIAMETER)
LEASE = Duration(10)


@contextlib.asynccontextmanager
async def bench(settings=None, **options):
    pump = simulate("alaris-asena", options=options, plant=PlantSettings.ideal())
    memory.serve("asena", pump)
    driver = await AlarisAsena.connect("memory://asena", settings or {})
    try:
        yield driver, pump
    finally:
        await driver.close()
        memory.withdraw("asena")
        pump.shut()


def said_by(driver):
    """Words that go to the pump from now on."""
    words = []
    driver.taps.append(
        lambda way, data, _: (
            words.extend(m.word for m in Framer().feed(data) if isinstance(m, Message)) if way == "out" else None
        )
    )
    return words


async def ready(driver):
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(PROGRAM) == Done(None)
    assert await driver.read_back() == Done(PROGRAM)


async def running(driver):
    await ready(driver)
    assert await driver.start(LEASE) == Done(None)


async def watch(driver, seconds):
    for _ in range(seconds):
        await asyncio.sleep(1)
        reading = (await driver.read()).value
    return reading


async def test_who_it_is():
    async with bench() as (driver, _):
        who = (await driver.identify()).value
        assert (who.model, who.firmware, who.serial) == ("Asena", "2.1.5", "8002-51740")


@pytest.mark.requirement("STA-12")
async def test_firmware_that_takes_no_control_is_refused():
    async with bench(revision="2.3.7") as (driver, _):
        assert "takes no remote control" in (await driver.identify()).reasons[0]
    async with bench({"firmware_is_revision": "false"}, revision="2.3.7") as (driver, _):
        await driver.identify()
        assert "does not let itself be controlled" in (await driver.load(PROGRAM)).reasons[0]


async def test_the_whole_volume_is_given_and_read_truly():
    async with bench() as (driver, pump):
        await running(driver)
        while (reading := (await driver.read()).value).state is PumpState.INFUSING:
            assert reading.rate == Rate("52.5")
            assert float(reading.delivered.decimal) == pytest.approx(pump.truth()["delivered_ml"], abs=0.002)
            await asyncio.sleep(3)
        assert (reading.delivered, reading.alarms) == (Volume(35), ())
        assert pump.truth()["delivered_ml"] == pytest.approx(35)
        assert await driver.release() == Done(None)
        await asyncio.sleep(60)
        assert (await driver.read()).value.alarms == ()


@pytest.mark.requirement("COM-01", "COM-13")
async def test_when_nobody_looks_the_pump_stops_within_the_lease():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 60)
        before = pump.truth()["delivered_ml"]
        await asyncio.sleep(30)
        assert pump.truth()["running"] is False
        assert pump.truth()["delivered_ml"] - before <= 52.5 / 3600 * 10
        assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_WATCHDOG,)
        given = AlarisAsena.capabilities(Container("c", Volume(50), Volume(0), Rate(1), DIAMETER), {})
        assert given.expiry == (Expiry.NATIVE,)


async def test_a_dead_gateway_is_a_lapsed_token():
    async with bench() as (driver, pump):
        await running(driver)
        before = pump.truth()["delivered_ml"]
        await driver.close()
        await asyncio.sleep(30)
        assert pump.truth()["delivered_ml"] - before <= 52.5 / 3600 * 5.1


async def test_a_lease_that_the_pump_cannot_keep_is_refused():
    async with bench() as (driver, _pump):
        await ready(driver)
        words = said_by(driver)
        assert "watchdog" in (await driver.start(Duration(5))).reasons[0]
        assert words == []


@pytest.mark.requirement("COM-03")
async def test_a_lost_answer_to_the_start_is_unknown_and_the_start_went_out_once():
    async with bench() as (driver, pump):
        await ready(driver)
        words = said_by(driver)
        pump.fire("lost-reply:start")
        assert isinstance(await driver.start(LEASE), Unknown)
        assert words.count("INF_START") == 1
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


async def test_a_start_that_the_pump_does_not_carry_out_is_not_done():
    async with bench() as (driver, pump):
        await ready(driver)
        pump.device._confirmed = False
        assert isinstance(await driver.start(LEASE), Unknown)
        assert pump.truth()["running"] is False


@pytest.mark.parametrize("options", [{"confirmed": False}, {"rate_max_ml_h": 50}])
async def test_an_unconfirmed_syringe_or_too_small_a_one_is_not_programmed(options):
    async with bench(**options) as (driver, _):
        await driver.identify()
        words = said_by(driver)
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert not {"INF_RATE", "INF_VTBI"} & set(words)


async def test_what_does_not_fit_is_refused_before_the_first_byte():
    async with bench() as (driver, _):
        await driver.identify()
        words = said_by(driver)
        for rate, volume in (("52.55", 35), (1201, 35), ("0.05", 35), (50, 51), (50, "35.0005")):
            step = RateStep(Rate(rate), Volume(volume))
            assert isinstance(await driver.load(PumpProgram((step,), DIAMETER)), Refused), (rate, volume)
        assert isinstance(await driver.load(PumpProgram(PROGRAM.steps)), Refused)  # no syringe
        assert words == []


@pytest.mark.requirement("RUN-11")
@pytest.mark.parametrize(
    ("fault", "alarm"),
    [
        ("occlusion", PumpAlarm.OCCLUSION),
        ("stall", PumpAlarm.OCCLUSION),
        ("door", PumpAlarm.DOOR_OPEN),
        ("empty:0.1mL", PumpAlarm.EMPTY),
    ],
)
async def test_what_stops_the_pump_is_told_and_stays(fault, alarm):
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire(fault)
        reading = await watch(driver, 60)
        assert (reading.state, reading.alarms[0]) == (PumpState.ALARM, alarm)
        assert pump.truth()["running"] is False
        if fault == "occlusion":
            pump.clear(Kind.OCCLUSION)
        assert (await driver.read()).value.alarms[0] == alarm


@pytest.mark.requirement("RUN-11")
async def test_a_low_battery_warns_and_a_word_that_nobody_knows_is_a_fault():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("battery")
        pump.fire("mains")
        reading = await watch(driver, 2)
        assert (reading.state, reading.alarms) == (PumpState.INFUSING, (PumpAlarm.BATTERY_LOW,))
        pump.device._alarm = "AL_WHATEVER"
        assert PumpAlarm.PUMP_FAULT in (await watch(driver, 1)).alarms
    async with bench({"alarm_meanings": "false"}) as (driver, pump):
        await running(driver)
        pump.fire("door")
        assert (await watch(driver, 2)).alarms == (PumpAlarm.PUMP_FAULT,)


@pytest.mark.parametrize("needs_control", [False, True])
async def test_stop_idle_running_and_after_the_token_lapsed(needs_control):
    async with bench(stop_needs_control=needs_control) as (driver, pump):
        assert isinstance(await driver.identify(), Done)
        assert await driver.stop() == Done(None)
        await running(driver)
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False
        assert await driver.start(LEASE) == Done(None)
        await asyncio.sleep(60)
        pump.press("start")
        assert pump.truth()["running"] is True
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


async def test_a_change_at_the_panel_is_in_the_next_reading():
    async with bench() as (driver, pump):
        await running(driver)
        pump.press("rate", "150%")
        assert (await driver.read()).value.rate == Rate("78.75")
        pump.press("stop")
        assert (await driver.read()).value.state is PumpState.STOPPED


@pytest.mark.requirement("COM-14")
async def test_garbled_and_late_answers_never_make_a_program():
    async with bench() as (driver, pump):
        await driver.identify()
        for fault in ("garbled/30s", "delayed-reply:700ms/30s", "lost-reply:program"):
            pump.fire(fault)
            outcome = await driver.load(PROGRAM)
            held = (pump.device._rate, pump.device._vtbi)
            assert not isinstance(outcome, Done) or held == (Decimal("52.5"), Decimal(35)), fault
            await asyncio.sleep(40)
            assert pump.truth()["running"] is False
        assert await driver.load(PROGRAM) == Done(None)


async def test_power_cut_is_seen_as_standing():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("power-cut/2s")
        await asyncio.sleep(5)
        reading = (await driver.read()).value
        assert (reading.state, reading.delivered) == (PumpState.STOPPED, Volume(0))
