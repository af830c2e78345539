"""The Zyno driver and the simulated pump on one virtual loop: what is accepted, and what is sent how often."""

import asyncio

import pytest

from pumpd.pump import Container, Done, Mark, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown, mark_of
from pumpd.quantities import Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.zyno_miva.driver import EVENTS_A_READING, LOG_SIZE, MOST_NEW_EVENTS, ZynoMiva
from pumpd_drivers.zyno_miva.replies import Event
from tests.drivers.zyno_miva.bench import PROGRAM, WATCHDOG, bench, loaded, running


async def read(driver):
    outcome = await driver.read()
    assert isinstance(outcome, Done), outcome
    return outcome.value


# -- identity and limits -------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-15")
async def test_the_serial_number_is_its_mark_and_another_one_is_refused():
    assert mark_of(ZynoMiva, {}) is Mark.SERIAL
    async with bench({"serial": "SN000009"}) as (driver, _):
        outcome = await driver.identify()
        assert isinstance(outcome, Refused)
        assert "the pump reports SN000001; the settings allow only SN000009" in outcome.reasons[0]


async def test_another_model_is_refused_with_what_the_pump_calls_itself():
    async with bench(name="NIMBUS H") as (driver, _):
        outcome = await driver.identify()
        assert isinstance(outcome, Refused)
        assert "the pump reports 'NIMBUS H'" in outcome.reasons[0]


def test_a_syringe_is_refused():
    syringe = Container("50 mL", Volume(50), Volume(1), Rate(1), Length("26.7"))
    with pytest.raises(ValueError, match="not a syringe"):
        ZynoMiva.capabilities(syringe, {})


# -- programs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mode": "INT"}, "mode: the pump reports INT (Q0), not CONT"),
        ({"rate_unit": "MG/MIN"}, "rate unit: the pump reports MG/MIN (QC), not ML/HR"),
        ({"auto_bolus_ml": 0.5}, "automatic boluses of 0.5 mL"),
        ({"demand_bolus_ml": 2}, "demand boluses of 2 mL"),
        ({"rate_max_ml_h": 50}, ":PROTOCOL:RATE 52.5: the pump replied ERROR"),
        ({"has_volume": False}, ":PROTOCOL:VTBI 35.0: the pump replied ERROR"),
    ],
)
async def test_a_pump_that_would_run_anything_else_is_refused_with_the_cause(options, reason):
    async with bench(**options) as (driver, pump):
        await driver.identify()
        outcome = await driver.load(PROGRAM)
        assert isinstance(outcome, Refused)
        assert reason in outcome.reasons[0]
        assert isinstance(await driver.start(WATCHDOG), Refused)
        assert "WT01" not in pump.heard


@pytest.mark.parametrize(
    ("request_", "reply", "reason"),
    [
        (":PROTOCOL:RATE?", "525.0", "is 525 mL/h, ordered 52.5 mL/h"),
        ("QD", "QD0DAD", "is 35.01 mL, ordered 35 mL"),
        ("QD", "QD0000", "that is no program"),
        ("QE", "QE0001", "time: the pump holds 1 s (QE), but its rate and volume take 2400 s"),
        ("Q5", "Q50001", "the pump's counter shows 0.01 mL"),
        ("Q6", "Q60DAB", "the pump would deliver 34.99 mL, not 35 mL"),
        ("Q7", "Q71", "the pump is infusing"),
        (":INFU:RUN?", "TRUE", "the pump is infusing"),
        ("Q0", "Q0ERROR", "the pump replied with an error"),
    ],
)
async def test_the_start_itself_compares_what_the_pump_holds_with_what_was_loaded(request_, reply, reason):
    """Something changed between load and start: the start is refused, and WT01 is not sent."""
    async with bench() as (driver, pump):
        await loaded(driver)
        pump.answer = lambda asked, true: reply if asked == request_ else true
        outcome = await driver.start(WATCHDOG)
        assert isinstance(outcome, Refused)
        assert reason in outcome.reasons[0]
        assert "WT01" not in pump.heard


async def test_the_protocol_s_time_may_be_in_whole_minutes():
    async with bench() as (driver, pump):
        pump.answer = lambda asked, true: "QE0924" if asked == "QE" else true  # 2340 s for 2400 s
        await loaded(driver)
        pump.answer = lambda asked, true: "QE0923" if asked == "QE" else true  # 61 s less
        assert isinstance(await driver.start(WATCHDOG), Refused)


async def test_an_infusion_that_was_never_ended_is_not_continued():
    async with bench(keeps_infused=True) as (driver, pump):
        await running(driver)
        await asyncio.sleep(10)
        await driver.stop()
        outcome = await driver.load(PROGRAM)
        assert isinstance(outcome, Refused)
        assert "end it at the pump" in outcome.reasons[0]
        pump.device.press("end")
        assert await driver.load(PROGRAM) == Done(None)


async def test_a_volume_that_a_person_set_at_the_pump_is_taken_without_being_sent():
    async with bench({"sets_volume": False}, has_volume=False) as (driver, pump):
        pump.device.press("volume", "35")
        await loaded(driver)
        assert not [text for text in pump.heard if "VTBI " in text]
        pump.device.press("volume", "34")
        outcome = await driver.load(PROGRAM)
        assert isinstance(outcome, Refused)
        assert "34 mL" in outcome.reasons[0]


async def test_a_setting_is_sent_once_and_its_own_echo_is_no_reply():
    async with bench(set_reply="echo") as (driver, pump):
        await driver.identify()
        assert isinstance(await driver.load(PROGRAM), Unknown)
        assert pump.heard.count(":PROTOCOL:RATE 52.5") == 1


async def test_a_line_that_returns_each_request_gives_no_outcome_that_is_done():
    """TX shorted to RX, and no pump."""
    async with bench() as (driver, pump):
        await loaded(driver)
        pump.answer = lambda asked, _: asked
        for call in (driver.identify(), driver.read(), driver.load(PROGRAM), driver.read_back(), driver.stop()):
            assert not isinstance(await call, Done)


# -- start and stop --------------------------------------------------------------------------------------------------


async def test_a_counter_that_fell_is_a_reset_though_the_log_has_no_event():
    async with bench() as (driver, pump):
        await running(driver)
        await asyncio.sleep(10)
        await read(driver)
        pump.answer = lambda asked, true: "Q50001" if asked == "Q5" else true
        assert (await read(driver)).alarms == (PumpAlarm.PUMP_RESET,)


async def test_a_load_that_is_refused_half_way_is_no_loss_of_power():
    async with bench() as (driver, pump):
        await running(driver)
        await asyncio.sleep(10)
        await driver.stop()
        assert (await read(driver)).delivered
        pump.answer = lambda asked, true: "QI0032" if asked == "QI" else true
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert (await read(driver)).alarms == ()


async def test_a_second_start_needs_a_second_load():
    async with bench() as (driver, pump):
        await running(driver)
        await driver.stop()
        assert isinstance(await driver.start(WATCHDOG), Refused)
        assert pump.heard.count("WT01") == 1


async def test_a_start_waits_while_the_pump_shows_its_parameters():
    async with bench(review_s=3) as (driver, pump):
        await loaded(driver)
        start = asyncio.create_task(driver.start(WATCHDOG))
        await asyncio.sleep(2)
        assert not pump.flows
        assert (await read(driver)).state is PumpState.WAITING
        assert await start == Done(None)
        assert pump.flows
        assert pump.heard.count("WT01") == 1


@pytest.mark.requirement("STP-02")
@pytest.mark.parametrize("ignores", [False, True])
async def test_a_stop_while_the_pump_shows_its_parameters_is_done_only_when_no_flow_can_begin(ignores):
    async with bench(review_s=3, review_ignores_stop=ignores) as (driver, pump):
        await loaded(driver)
        start = asyncio.create_task(driver.start(WATCHDOG))
        await asyncio.sleep(1)
        asked = asyncio.get_running_loop().time()
        assert await driver.stop() == Done(None)
        assert not pump.flows
        assert isinstance(await start, Unknown), "it was sent"
        await asyncio.sleep(60)
        assert not pump.flows
        assert pump.given_ml < 0.01, "at most what flows until the stop after the review"
        assert asyncio.get_running_loop().time() - 60 - asked < 4.5


async def test_a_pump_that_waits_for_a_key_is_reported_as_unknown():
    async with bench(needs_ok=True) as (driver, pump):
        await loaded(driver)
        outcome = await driver.start(WATCHDOG)
        assert isinstance(outcome, Unknown)
        assert "does not report that it infuses" in outcome.cause
        assert await driver.stop() == Done(None)
        pump.device.press("ok")
        await asyncio.sleep(5)
        assert not pump.flows


async def test_a_stop_is_not_done_while_a_bolus_runs():
    async with bench(demand_bolus_ml=2) as (driver, pump):
        await driver.identify()
        pump.device.press("bolus")
        assert (await read(driver)).state is PumpState.PURGING
        pump.answer = lambda asked, true: "Q71" if asked == "Q7" else true
        assert isinstance(await driver.stop(), Unknown)
        pump.answer = lambda _, true: true
        assert await driver.stop() == Done(None)
        assert not pump.flows


@pytest.mark.parametrize("reply", ["WTERROR", "WT02", None])
async def test_a_stop_does_not_depend_on_the_reply_to_it(reply):
    """What counts is what the pump reports; a reply that is none is a silence, and the stop is repeated."""
    async with bench() as (driver, pump):
        await running(driver)
        pump.answer = lambda asked, true: reply if asked == "WT02" and pump.heard.count("WT02") < 3 else true
        assert await driver.stop() == Done(None)
        assert pump.heard.count("WT02") == 3
        assert not pump.flows


# -- events ----------------------------------------------------------------------------------------------------------

NONE = (0, 1, 2, 5, 7, 10, 12, 15, 20, 22, 25)
MEANINGS = [
    *[(kind, 0, None) for kind in NONE],
    (3, 0, PumpAlarm.EMPTY),
    (4, 1, PumpAlarm.PUMP_PROGRAM_ERROR),
    (4, 4, None),
    (4, 9, PumpAlarm.PUMP_FAULT),
    (9, 1, PumpAlarm.OCCLUSION),
    (9, 2, PumpAlarm.OCCLUSION),
    (9, 4, None),
    (9, 3, PumpAlarm.PUMP_FAULT),
    (13, 0, None),
    (13, 1 | 16, None),
    (13, 2, PumpAlarm.BATTERY_LOW),
    (13, 4, PumpAlarm.PUMP_FAULT),
    (13, 1024, PumpAlarm.PUMP_FAULT),
    (14, 0, PumpAlarm.DOOR_OPEN),
    (18, 2, PumpAlarm.PUMP_FAULT),
    (21, 0, PumpAlarm.PUMP_FAULT),
    (24, 0, PumpAlarm.PUMP_RESET),
    (30, 0, PumpAlarm.BATTERY_LOW),
    (32, 0, PumpAlarm.PUMP_FAULT),
    (255, 0xFFFF, PumpAlarm.PUMP_FAULT),  # an entry that was never written
]


@pytest.mark.requirement("RUN-11")
@pytest.mark.parametrize(("kind", "subtype", "alarm"), MEANINGS)
async def test_what_an_event_means(kind, subtype, alarm):
    async with bench() as (driver, pump):
        await running(driver)
        pump.device.log.add(kind, subtype)
        assert (await read(driver)).alarms == ((alarm,) if alarm else ())
        assert (await read(driver)).alarms == ((alarm,) if alarm else ())


def test_every_other_type_is_a_fault():
    """The public client names 0 to 31; no type is without a meaning, and no later one is ignored."""
    assert {kind for kind in range(256) if Event(kind, 0).alarm is None} <= {*NONE, 13}
    assert {Event(kind, 0).alarm for kind in range(32, 256)} == {PumpAlarm.PUMP_FAULT}


async def test_events_from_before_are_nobody_s_alarm_and_those_of_an_outage_are_read_later():
    async with bench() as (driver, pump):
        pump.device.log.add(14)
        await running(driver)
        assert (await read(driver)).alarms == ()
        memory.unplug(pump.port)
        pump.device.log.add(18)
        assert not isinstance(await driver.read(), Done)
        memory.plug(pump.port)
        await asyncio.sleep(60)
        await driver.identify()
        assert (await read(driver)).alarms == (PumpAlarm.PUMP_FAULT,)


async def test_many_events_are_read_with_several_readings_and_none_is_left_out():
    async with bench() as (driver, pump):
        await running(driver)
        for _ in range(EVENTS_A_READING):
            pump.device.log.add(20)
        pump.device.log.add(14)
        assert (await read(driver)).alarms == ()
        assert (await read(driver)).alarms == (PumpAlarm.DOOR_OPEN,)
        asked = [text for text in pump.heard if text.startswith("RE")]
        assert len(asked) == len(set(asked))


async def test_an_alarm_between_load_and_start_refuses_the_start():
    async with bench() as (driver, pump):
        await loaded(driver)
        for _ in range(EVENTS_A_READING):
            pump.device.log.add(20)
        pump.device.log.add(14)
        outcome = await driver.start(WATCHDOG)
        assert isinstance(outcome, Refused)
        assert "the pump has an alarm (door_open)" in outcome.reasons[0]
        assert "WT01" not in pump.heard


@pytest.mark.parametrize(
    ("head", "alarms"),
    [
        (MOST_NEW_EVENTS + 100, (PumpAlarm.PUMP_FAULT,)),
        (LOG_SIZE - 1, (PumpAlarm.PUMP_FAULT,)),  # it went back
    ],
)
async def test_a_log_that_jumped_is_a_fault(head, alarms):
    async with bench() as (driver, pump):
        await running(driver)
        pump.answer = lambda asked, true: f"RI00000000{head:08X}" if asked == "RI" else true
        assert (await read(driver)).alarms == alarms


async def test_the_log_starts_over_after_its_last_entry():
    async with bench() as (driver, pump):
        pump.device.log._written = LOG_SIZE - 2
        pump.device.log.add(15)
        await running(driver)
        assert (await read(driver)).alarms == ()
        pump.device.log.add(18)
        assert (await read(driver)).alarms == (PumpAlarm.PUMP_FAULT,)
        assert "RE00000000" in pump.heard


async def test_the_end_of_the_volume_is_no_empty_cassette_and_an_early_one_is():
    program = PumpProgram((RateStep(Rate(60), Volume("0.5")),))
    for contents_ml, alarms, given in ((None, (), "0.5"), (0.3, (PumpAlarm.EMPTY,), "0.3")):
        async with bench(contents_ml=contents_ml) as (driver, _):
            await running(driver, program)
            await asyncio.sleep(40)
            reading = await read(driver)
            assert (reading.state, reading.alarms) == (PumpState.STOPPED, alarms)
            assert reading.delivered == Volume(given)


async def test_a_bolus_by_a_person_is_reported_while_it_runs_and_afterwards():
    async with bench(demand_bolus_ml=0.5) as (driver, pump):
        await driver.identify()
        pump.device.press("bolus")
        reading = await read(driver)
        assert (reading.state, reading.alarms) == (PumpState.PURGING, (PumpAlarm.PUMP_PROGRAM_ERROR,))
        await asyncio.sleep(30)
        reading = await read(driver)
        assert (reading.state, reading.alarms) == (PumpState.STOPPED, (PumpAlarm.PUMP_PROGRAM_ERROR,))


async def test_no_percentage_is_made_up_for_a_voltage():
    async with bench() as (driver, pump):
        await running(driver)
        reading = await read(driver)
        assert (reading.battery_percent, reading.battery_left_min, reading.mains) == (None, None, None)
        assert "R7" not in pump.heard


async def test_the_driver_is_not_confused_by_what_the_pump_sends_unasked():
    """W01 lets a pump send S9 frames by themselves."""
    async with bench() as (driver, pump):
        pump.answer = lambda _, true: b"\x02S9000000190F7\x03" + b"\x02" + true.encode() + _check(true) + b"\x03"
        await running(driver)
        assert (await read(driver)).state is PumpState.INFUSING
        assert await driver.stop() == Done(None)


def _check(text):
    return b"%02X" % (sum(text.encode()) & 0xFF)
