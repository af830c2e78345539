"""The Asena driver: alarms, and what happens at the pump."""

import asyncio

import pytest

from pumpd.driving import UnansweredError
from pumpd.pump import (
    Done,
    PumpAlarm,
    PumpState,
    Refused,
)
from pumpd.quantities import Rate, Volume
from pumpd_drivers.alaris_asena.codec import Framer, Message
from pumpd_drivers.alaris_asena.replies import Status, alarm
from pumpd_drivers.alaris_asena.settings import AlarisSettings
from pumpd_simulators.faults import Kind
from tests.drivers.alaris_asena.driver_bench import (
    LEASE,
    PROGRAM,
    bench,
    running,
    watch,
)

# -- alarms and what happens at the pump --------------------------------------------------------------------------


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
async def test_the_cause_of_a_stop_is_reported_and_stays(fault, alarm):
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire(fault)
        reading = await watch(driver, 60)
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (alarm,))
        assert pump.truth()["running"] is False
        if fault == "occlusion":
            pump.clear(Kind.OCCLUSION)
        pump.press("clear")
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.STOPPED, (alarm,))
        assert await driver.release() == Done(None)
        assert (await driver.read()).value.alarms == ()


@pytest.mark.requirement("RUN-11")
async def test_a_low_battery_warns_and_stops_nothing():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("battery")
        pump.fire("mains")
        reading = await watch(driver, 2)
        assert (reading.state, reading.alarms) == (PumpState.INFUSING, (PumpAlarm.BATTERY_LOW,))
        await driver.stop()
        assert (await driver.read()).value.state is PumpState.STOPPED  # that does not stop it


@pytest.mark.requirement("RUN-11")
async def test_each_alarm_word_is_mapped():
    known, careful = AlarisSettings(), AlarisSettings.of({"alarm_meanings": "false", "remark_words": "AL_CALLB"})
    table = {  # word: as assumed, and without an assumption
        "AL_OCCLU": (PumpAlarm.OCCLUSION, PumpAlarm.OCCLUSION),
        "AL_COMTO": (PumpAlarm.PUMP_WATCHDOG, PumpAlarm.PUMP_WATCHDOG),
        "AL_EOIST": (PumpAlarm.EMPTY, PumpAlarm.PUMP_FAULT),
        "AL_LBTAC": (PumpAlarm.BATTERY_LOW, PumpAlarm.PUMP_FAULT),
        "AL_DRDIS": (PumpAlarm.DOOR_OPEN, PumpAlarm.PUMP_FAULT),
        "AL_SYRCO": (PumpAlarm.DOOR_OPEN, PumpAlarm.PUMP_FAULT),
        "AL_VTBIS": (None, PumpAlarm.PUMP_FAULT),
        "AL_CALLB": (PumpAlarm.PUMP_FAULT, None),
        "AL_NOALM": (PumpAlarm.PUMP_FAULT, PumpAlarm.PUMP_FAULT),  # flagged, without a cause
        "": (PumpAlarm.PUMP_FAULT, PumpAlarm.PUMP_FAULT),
    }
    for word, wanted in table.items():
        assert (alarm((word, "", ""), known), alarm((word, "", ""), careful)) == wanted, word
    assert alarm((), known) is PumpAlarm.PUMP_FAULT


async def test_the_captured_status_is_read_and_invalid_ones_are_refused():
    (captured,) = Framer().feed(
        b"!INF^8002-51733^A^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725|DB9D\r"  # from the sheet
    )
    assert isinstance(captured, Message)
    fields = captured.fields
    status = Status.of(fields)
    assert status == Status("8002-51733", True, "HLD", Rate(0), Volume("0.969"), 530)
    assert Status.of((*fields[:8], "-50.00", *fields[9:])).pressure_mmhg == -50
    for pressure in (("", "mmHg"), ("530.15", "kPa")):
        assert Status.of((*fields[:8], *pressure, *fields[10:])).pressure_mmhg is None
    for place, wrong in ((3, "-1"), (3, "1e3"), (3, "NaN"), (3, ""), (3, "1_0"), (4, "ml/min"), (6, "0,9"), (7, "l")):
        with pytest.raises(UnansweredError, match="INF"):
            Status.of((*fields[:place], wrong, *fields[place + 1 :]))
    with pytest.raises(UnansweredError, match="short"):
        Status.of(fields[:9])


async def test_no_flow_is_derived_from_status_word_and_rate():
    usual, by_word = AlarisSettings(), AlarisSettings.of({"stands_at_rate_0": "false", "standing_words": "HLD"})
    table = {("HLD", 0): (True, True), ("SET", 0): (True, False), ("INF", 0): (False, False)}
    table |= {("HLD", 52): (False, True), ("SET", 52): (False, False), ("INF", 52): (False, False)}
    for (mode, rate), wanted in table.items():
        status = Status("8002-51740", False, mode, Rate(rate), Volume(0), None)
        assert (status.stopped(usual), status.stopped(by_word)) == wanted, (mode, rate)


async def test_a_change_at_the_panel_is_in_the_next_reading():
    async with bench() as (driver, pump):
        await running(driver)
        pump.press("rate", "150%")
        assert (await driver.read()).value.rate == Rate("78.75")
        pump.press("stop")
        assert (await driver.read()).value.state is PumpState.STOPPED


@pytest.mark.requirement("COM-14")
async def test_garbled_late_and_lost_replies_never_amount_to_a_program():
    async with bench() as (driver, pump):
        await driver.identify()
        for fault in ("garbled/30s", "delayed-reply:700ms/30s", "lost-reply:program", "lost-request/30s"):
            pump.fire(fault)
            outcome = await driver.load(PROGRAM)
            assert not isinstance(outcome, Done), fault
            assert isinstance(await driver.start(LEASE), Refused), fault
            await asyncio.sleep(40)
            assert pump.truth()["running"] is False
        assert await driver.load(PROGRAM) == Done(None)


async def test_a_power_cut_is_seen_as_no_flow():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("power-cut/2s")
        await asyncio.sleep(5)
        reading = (await driver.read()).value
        assert (reading.state, reading.delivered) == (PumpState.STOPPED, Volume(0))
