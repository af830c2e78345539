"""The Asena driver and the simulated pump: token, volume, syringe and alarms, checked against the plant."""

import asyncio
import re

import pytest

from pumpd.pump import (
    Container,
    Done,
    Driver,
    LossOfControl,
    PumpAlarm,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
    family,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.alaris_asena.driver import AlarisAsena
from tests.drivers.alaris_asena.driver_bench import (
    CONTAINER,
    DIAMETER,
    LAPSE_S,
    LEASE,
    ML_S,
    PROGRAM,
    SETTINGS,
    bench,
    ready,
    running,
    sent_to_pump,
    watch,
)

# -- identification ----------------------------------------------------------------------------------------------------


async def test_the_pump_is_identified():
    assert family("alaris-asena") is AlarisAsena
    async with bench(serial="8002-51733") as (driver, _):
        assert isinstance(driver, Driver)
        who = (await driver.identify()).value
        assert (who.model, who.firmware, who.serial) == ("Asena", "2.1.5", "8002-51733")


@pytest.mark.requirement("STA-12")
async def test_firmware_that_does_not_accept_control_is_refused():
    for revision, wanted in (("2.3.6", Done), ("2.3.7", Refused), ("2.4", Refused), ("10.0", Refused)):
        async with bench(revision=revision) as (driver, _):
            assert isinstance(await driver.identify(), wanted), revision
    async with bench({"firmware_is_revision": "false"}, revision="2.3.7") as (driver, _):
        await driver.identify()
        assert "does not accept remote control" in (await driver.load(PROGRAM)).reasons[0]


@pytest.mark.requirement("COM-10")
async def test_another_pump_in_its_place_is_noticed_by_its_serial_number():
    """Behind a serial server a pump can be changed while the connection stays."""
    async with bench() as (driver, pump):
        await running(driver)
        pump.device._options = pump.device._options.model_copy(update={"serial": "8002-51733"})
        assert "8002-51733" in (await driver.read()).cause
        assert isinstance(await driver.stop(), Unknown)
        words = sent_to_pump(driver)
        assert (await driver.identify()).value.serial == "8002-51733"
        await asyncio.sleep(30)
        assert words == ["INST_SERIALNO", "COMMS_PROTOCOL"]  # no token by itself
        assert isinstance(await driver.start(LEASE), Refused)


@pytest.mark.requirement("COM-10")
async def test_an_unplugged_pump_stops_and_is_identified_again_before_anything():
    async with bench() as (driver, pump):
        await running(driver)
        memory.unplug(pump.port)
        assert not isinstance(await driver.read(), Done)
        await asyncio.sleep(LAPSE_S + 1)
        assert pump.truth()["running"] is False
        memory.plug(pump.port)
        await asyncio.sleep(15)
        assert "identified" in (await driver.load(PROGRAM)).reasons[0]
        await driver.identify()
        assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_WATCHDOG,)
        assert await driver.load(PROGRAM) == Done(None)


# -- a program ----------------------------------------------------------------------------------------------------


async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte():
    async with bench() as (driver, _):
        await driver.identify()
        words = sent_to_pump(driver)
        for rate, volume in (("52.55", 35), ("1200.1", 35), ("0.05", 35), (50, "50.001"), (50, "35.0005")):
            step = RateStep(Rate(rate), Volume(volume))
            assert isinstance(await driver.load(PumpProgram((step,), DIAMETER)), Refused), (rate, volume)
        assert isinstance(await driver.load(PumpProgram(PROGRAM.steps)), Refused)  # no syringe
        assert isinstance(await driver.load(PumpProgram(PROGRAM.steps * 2, DIAMETER)), Refused)
        assert words == []
        for rate, volume in (("0.1", "0.001"), (1200, 50)):
            program = PumpProgram((RateStep(Rate(rate), Volume(volume)),), DIAMETER)
            assert await driver.load(program) == Done(None)
            assert await driver.read_back() == Done(program)


@pytest.mark.parametrize("options", [{"confirmed": False}, {"rate_max_ml_h": 50}])
async def test_an_unconfirmed_syringe_or_too_small_a_one_is_not_programmed(options):
    async with bench(**options) as (driver, _):
        await driver.identify()
        words = sent_to_pump(driver)
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert not set(SETTINGS) & set(words)


async def test_a_pump_that_flows_or_whose_token_is_not_as_assumed_is_not_programmed():
    async with bench() as (driver, pump):
        await driver.identify()
        pump.press("rate", "10")
        pump.press("start")
        words = sent_to_pump(driver)
        assert "infusing" in (await driver.load(PROGRAM)).reasons[0]
        assert "infusing" in (await driver.release()).reasons[0]
        assert words == ["INF", "INF"]
    for settings, options, wanted in (
        ({}, {"told_lapse_ms": 5000}, Done),
        ({}, {"told_lapse_ms": 5001}, Refused),
        ({}, {"settings_need_cfg": True}, Done),
        ({"remote_cfg": "false"}, {"settings_need_cfg": True}, Refused),
        ({"remote_cfg": "false"}, {}, Done),
    ):
        async with bench(settings, **options) as (driver, _):
            await driver.identify()
            assert isinstance(await driver.load(PROGRAM), wanted), (settings, options)


async def test_a_counter_that_was_not_cleared_is_not_a_load():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 10)
        await driver.stop()
        pump.device._commands["INF_VI_CLEAR"] = lambda _: ()
        reason = (await driver.load(PROGRAM)).reasons[0]
        assert re.search(r"counter still shows 0\.1[45] mL", reason), reason  # 10 s at 52.5 mL/h


async def test_capabilities_and_settings_are_as_declared():
    given = AlarisAsena.capabilities(CONTAINER, {})
    assert (given.loss_of_control, given.watchdog, given.max_steps) == (
        (LossOfControl.NATIVE, LossOfControl.DEADMAN),
        Duration(60),
        1,
    )
    never = AlarisAsena.capabilities(CONTAINER, {"token_lapse_s": "0"})
    assert (never.loss_of_control, never.watchdog) == ((LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY), None)
    with pytest.raises(ValueError, match="diameter"):
        AlarisAsena.capabilities(Container("a bag", Volume(50), Volume(0), Rate(1)), {})
    wrong = {"rate_step": "0.001", "token_lapse_s": "-1", "color": "red"}
    with pytest.raises(ValueError, match="rate_step") as error:
        AlarisAsena.check_settings(wrong)
    assert all(f"settings.{key}" in str(error.value) for key in wrong)


# -- start and flow -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("infusing_word", ["SET", "INF"])
async def test_the_whole_volume_is_given_and_read_correctly(infusing_word):
    async with bench(infusing_word=infusing_word) as (driver, pump):
        await running(driver)
        while (reading := (await driver.read()).value).state is PumpState.INFUSING:
            assert reading.rate == Rate("52.5")
            assert float(reading.delivered.decimal) == pytest.approx(pump.truth()["delivered_ml"], abs=0.002)
            await asyncio.sleep(4)
        assert (reading.state, reading.delivered, reading.alarms) == (PumpState.STOPPED, Volume(35), ())
        assert pump.truth()["delivered_ml"] == pytest.approx(35)
        assert await driver.release() == Done(None)
        await asyncio.sleep(60)
        assert (await driver.read()).value.alarms == ()


@pytest.mark.requirement("COM-03")
async def test_a_lost_reply_to_the_start_is_unknown_and_the_start_is_sent_once():
    async with bench() as (driver, pump):
        await ready(driver)
        words = sent_to_pump(driver)
        pump.fire("lost-reply:start")
        assert isinstance(await driver.start(LEASE), Unknown)
        assert words.count("INF_START") == 1
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


async def test_each_load_allows_one_start():
    async with bench() as (driver, pump):
        await running(driver)
        assert await driver.stop() == Done(None)
        assert "loaded" in (await driver.start(LEASE)).reasons[0]
        await ready(driver)
        assert await driver.start(LEASE) == Done(None)
        assert "infusing" not in str(await driver.read_back())
        assert pump.truth()["running"] is True


async def test_nothing_is_started_unless_the_pump_itself_still_holds_all_of_it():
    async def refused(change):
        async with bench() as (driver, pump):
            await ready(driver)
            words = sent_to_pump(driver)
            change(pump.device._motor)
            outcome = await driver.start(LEASE)
            assert "INF_START" not in words
            assert pump.truth()["running"] is (outcome.reasons[0] == "the pump is infusing, not stopped: stop it first")
            return outcome.reasons[0]

    assert "syringe" in await refused(lambda now: setattr(now, "confirmed", False))
    assert "rate of step 1 is 60 mL/h, ordered 52.5 mL/h" in await refused(lambda now: now.set_rate(60))
    assert "volume of step 1 is 30 mL, ordered 35 mL" in await refused(lambda now: now.set_vtbi(30))
    assert "no volume that would end its flow" in await refused(lambda now: now.set_vtbi(None))
    assert "infusing" in await refused(lambda now: now.start())


async def test_a_failure_before_the_start_is_certainly_no_start():
    async with bench() as (driver, pump):
        await ready(driver)
        words = sent_to_pump(driver)
        pump.fire("silence/10s")
        assert "not started" in (await driver.start(LEASE)).reasons[0]
        assert "INF_START" not in words


@pytest.mark.requirement("STA-06")
async def test_a_start_is_done_when_the_pump_reports_flow():
    for delay_s, wanted in ((0.5, Done), (3, Unknown)):
        async with bench(start_delay_s=delay_s) as (driver, pump):
            await ready(driver)
            assert isinstance(await driver.start(LEASE), wanted), delay_s
            assert pump.truth()["running"] is (wanted is Done)
            assert await driver.stop() == Done(None)
            await asyncio.sleep(10)
            assert pump.truth()["running"] is False


# -- the token ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-01", "COM-12", "COM-13")
async def test_without_polls_the_pump_stops_within_the_lease():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 60)
        before = pump.truth()["delivered_ml"]
        await asyncio.sleep(30)
        assert pump.truth()["running"] is False
        assert pump.truth()["delivered_ml"] - before <= ML_S * 10
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))


@pytest.mark.requirement("COM-12")
async def test_a_dead_gateway_is_a_lapsed_token():
    async with bench() as (driver, pump):
        await running(driver)
        before = pump.truth()["delivered_ml"]
        await driver.close()
        await asyncio.sleep(30)
        assert pump.truth()["delivered_ml"] - before <= ML_S * (LAPSE_S + 0.1)


async def test_a_lease_that_the_pump_cannot_keep_is_refused():
    async with bench() as (driver, _):
        await ready(driver)
        words = sent_to_pump(driver)
        for watchdog in ("5", "5.7", "60.001"):  # 5 s, the last token's 0.5 s, a quiet line's 0.2 s
            assert "watchdog" in (await driver.start(Duration(watchdog))).reasons[0]
        assert set(words) == {"INF_RATE", "INF_VTBI"}, "only what is held was asked"


async def test_an_idle_loaded_pump_does_not_alarm_while_it_is_polled():
    async with bench() as (driver, _):
        await ready(driver)
        for _ in range(4):
            await asyncio.sleep(45)
            assert (await driver.read()).value.alarms == ()
        assert await driver.release() == Done(None)
        words = sent_to_pump(driver)
        await asyncio.sleep(60)
        assert words == []
        assert (await driver.read()).value.alarms == ()


# -- stop ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needs_control", [False, True])
async def test_stop_works_when_idle_when_running_and_after_the_token_lapsed(needs_control):
    async with bench(stop_needs_control=needs_control) as (driver, pump):
        assert await driver.stop() == Done(None)  # before the pump is identified
        assert isinstance(await driver.identify(), Done)
        await running(driver)
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False
        await running(driver)
        await asyncio.sleep(60)
        assert await driver.stop() == Done(None)  # in alarm
        pump.press("start")
        assert pump.truth()["running"] is True
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


async def test_stop_overtakes_a_load():
    async with bench() as (driver, pump):
        await driver.identify()
        loading = asyncio.ensure_future(driver.load(PROGRAM))
        await asyncio.sleep(0.05)
        assert await driver.stop() == Done(None)
        assert not isinstance(await loading, Done)
        assert isinstance(await driver.start(LEASE), Refused)
        assert pump.truth()["running"] is False


async def test_a_stop_that_is_not_confirmed_lets_the_token_lapse():
    async with bench() as (driver, pump):
        await running(driver)
        pump.device._commands["INF_STOP"] = lambda _: ()  # it replies, and runs on
        assert isinstance(await driver.stop(), Unknown)
        words = sent_to_pump(driver)
        await watch(driver, 10)
        assert "REMOTE_CTRL" not in words
        assert pump.truth()["running"] is False


async def test_a_pump_that_refuses_control_can_still_be_stopped():
    async with bench({"firmware_is_revision": "false"}, revision="2.3.7") as (driver, pump):
        await driver.identify()
        pump.press("rate", "10")
        pump.press("start")
        pump.fire("lost-request")
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False
        pump.press("start")
        pump.device._commands["INF_STOP"] = lambda _: ()
        outcome = await driver.stop()
        assert isinstance(outcome, Unknown)
        assert "does not accept remote control" in outcome.cause
