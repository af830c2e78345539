"""The Dianet Star driver and the simulated pumps: programs, start and flow, checked against the plant."""

import asyncio

import pytest

from pumpd.pump import (
    Container,
    Done,
    LossOfControl,
    PumpAlarm,
    PumpKind,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.dianet_star import limits
from pumpd_drivers.dianet_star.driver import DianetStar
from pumpd_drivers.dianet_star.segments import (
    Limits,
    Mode,
    Refusal,
    Reload,
    Setpoint,
    State,
    Word,
)
from pumpd_simulators.faults import Kind
from tests.drivers.dianet_star.driver_bench import (
    DIAMETER,
    INFUSOMAT,
    LEASE,
    ML_S,
    PERFUSOR,
    PROGRAM,
    bench,
    both,
    changes,
    ready,
    running,
    sent_to_pump,
    settle,
    starts,
    watch,
)

# -- a program ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-02")
async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte():
    async with bench() as (driver, _):
        await driver.identify()
        requests = sent_to_pump(driver)
        for rate, volume in (("52.55", 35), ("100", 35), ("0.05", 35), (50, "35.05"), (50, 1000)):
            step = RateStep(Rate(rate), Volume(volume))
            assert isinstance(await driver.load(PumpProgram((step,), DIAMETER)), Refused), (rate, volume)
        assert isinstance(await driver.load(PumpProgram(PROGRAM.steps)), Refused)  # no syringe
        assert isinstance(await driver.load(PumpProgram(PROGRAM.steps * 2, DIAMETER)), Refused)
        assert requests == []
        for rate, volume in (("0.1", "0.1"), ("99.9", "999.9")):
            await ready(driver, PumpProgram((RateStep(Rate(rate), Volume(volume)),), DIAMETER))
    async with bench(model=INFUSOMAT) as (driver, _):
        await driver.identify()
        assert "diameter" in (await driver.load(PROGRAM)).reasons[0]


@pytest.mark.requirement("COM-02")
async def test_the_pumps_own_limits_refuse_before_anything_is_set():
    for options, reason in (
        ({"cc_rate_max_ml_h": 50}, "rate: 52.5 mL/h is not within 0.1 mL/h to 50 mL/h"),
        ({"rate_min_ml_h": 10, "cc_rate_max_ml_h": 52.4}, "rate: 52.5 mL/h is not within 10 mL/h to 52.4 mL/h"),
        ({"vtbd_max_ml": 34.9}, "volume: 35 mL is above the pump's own limit 34.9 mL"),
    ):
        async with bench(**options) as (driver, _):
            await driver.identify()
            requests = sent_to_pump(driver)
            assert (await driver.load(PROGRAM)).reasons[0].startswith(reason)
            assert changes(requests) == []


def test_the_closed_loops_own_limits_apply_in_both_directions():
    reported = Limits(*[0] * 8, vtbd_max=350, **dict.fromkeys(("bolus_volume_max", "bolus_min", "bolus_volume_min"), 0),
                  bolus_places=0, ca_rate_max=0, ca_rate_min=0, cc_rate_max=6000, cc_rate_min=100)  # fmt: skip
    for rate, volume, reasons in (("0.99", 1, 1), (1, 35, 0), (60, 35, 0), ("60.01", 35, 1), ("60.01", "35.1", 2)):
        assert len(limits.step_reasons(RateStep(Rate(rate), Volume(volume)), reported)) == reasons, (rate, volume)


async def test_a_load_takes_control_ends_a_reload_and_sets_the_chosen_pressure_level():
    for settings, level in (({}, 5), ({"pressure_level": 3}, 3)):
        async with bench(settings) as (driver, pump):
            await driver.identify()
            pump.device.motor.reload = Reload(1, 3000, 10)
            await ready(driver)
            assert pump.device.mode is Mode.FERNREGEL
            assert (pump.device.motor.reload.active, pump.device.motor.set.pressure) == (0, level)
            assert pump.truth()["running"] is False


async def test_a_pump_that_flows_or_may_start_by_itself_is_neither_programmed_nor_released():
    async with bench() as (driver, pump):
        await driver.identify()
        pump.press("rate", "10")
        pump.press("start")
        requests = sent_to_pump(driver)
        assert "infusing" in (await driver.load(PROGRAM)).reasons[0]
        assert "infusing" in (await driver.release()).reasons[0]
        assert changes(requests) == []
        pump.press("stop")
        pump.device.motor.bolus = State.DELAY  # a bit of STATUS for a state that the simulated pump does not have
        assert "waiting" in (await driver.load(PROGRAM)).reasons[0]
        assert changes(requests) == []


async def test_a_load_acknowledges_alarms_whose_cause_has_gone():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("occlusion")
        assert (await watch(driver, 60)).alarms == (PumpAlarm.OCCLUSION,)
        pump.clear(Kind.OCCLUSION)
        assert await driver.load(PROGRAM) == Done(None)
        assert (await driver.read()).value.alarms == ()


async def test_a_pump_that_is_identified_again_keeps_its_program_and_control():
    async with bench() as (driver, _):
        await ready(driver)
        await driver.identify()
        assert await driver.start(LEASE) == Done(None)


async def test_a_counter_that_was_not_cleared_is_not_a_load():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 10)
        await driver.stop()
        pump.device.motor.clear_volume = lambda: None
        assert "counter shows 0.1 mL" in (await driver.load(PROGRAM)).reasons[0]  # 10 s at 52.5 mL/h: 0.15 mL
        assert isinstance(await driver.start(LEASE), Refused)


async def test_nothing_is_programmed_while_the_keys_are_in_use():
    async with bench() as (driver, pump):
        await driver.identify()
        pump.press("rate", "10")
        assert "its keys are in use" in (await driver.load(PROGRAM)).reasons[0]
        await settle()
        await ready(driver)


async def test_capabilities_and_settings_are_as_declared():
    syringe, bag = (
        Container("s", Volume(50), Volume(0), Rate(1), DIAMETER),
        Container("b", Volume(50), Volume(0), Rate(1)),
    )
    given = DianetStar.capabilities(syringe, {})
    assert (given.kind, given.loss_of_control, given.watchdog) == (
        PumpKind.SYRINGE,
        (LossOfControl.NATIVE,),
        Duration(60),
    )
    assert DianetStar.capabilities(bag, {"model": INFUSOMAT}).kind is PumpKind.VOLUMETRIC
    flows_on = DianetStar.capabilities(syringe, {"stops_when_control_is_lost": "false"})
    assert (flows_on.loss_of_control, flows_on.watchdog) == ((LossOfControl.VTBI_ONLY,), None)
    for container, model, other in ((bag, PERFUSOR, INFUSOMAT), (syringe, INFUSOMAT, PERFUSOR)):
        with pytest.raises(ValueError, match=f"diameter: .* set model to {other}"):
            DianetStar.capabilities(container, {"model": model})
    wrong = {"address": "a", "serial": "1-2", "pressure_level": "10", "reply_timeout_s": "0.5", "color": "red"}
    with pytest.raises(ValueError, match="address") as error:
        DianetStar.check_settings(wrong)
    assert all(f"settings.{key}" in str(error.value) for key in wrong)
    assumed = {assumption.name for assumption in DianetStar.assumptions}
    assert assumed >= {"stops_when_control_is_lost", "rate_step_ml_h", "rate_max_ml_h", "vtbd_max_ml"}


# -- start and flow -----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("options", [{}, {"after_vtbd": "stay"}])
async def test_the_whole_volume_is_given_and_read_correctly(model, options):
    async with bench(model=model, **options) as (driver, pump):
        await running(driver)
        while (reading := (await driver.read()).value).state is PumpState.INFUSING:
            assert reading.rate == Rate("52.5")
            behind = pump.truth()["delivered_ml"] - float(reading.delivered.decimal)
            assert -0.002 < behind < 0.102  # the counter shows whole tenths
            await asyncio.sleep(4)
        assert (reading.state, reading.delivered, reading.alarms) == (PumpState.STOPPED, Volume(35), ())
        assert pump.truth()["delivered_ml"] == pytest.approx(35)
        assert "no volume that would end its flow" in (await driver.start(LEASE)).reasons[0]
        assert await driver.release() == Done(None)
        await asyncio.sleep(60)
        assert (await driver.read()).value.alarms == ()
        assert pump.device.mode is Mode.DOKU


async def test_a_flow_after_the_vtbd_is_reported_and_ended():
    """KVO: a rate that continues by itself, which pumpd never asks for."""
    async with bench(kvo_ml_h=3) as (driver, pump):
        await ready(driver, PumpProgram((RateStep(Rate(60), Volume(1)),), DIAMETER))
        assert await driver.start(LEASE) == Done(None)
        reading = await watch(driver, 65)
        assert (reading.state, reading.alarms) == (PumpState.PURGING, (PumpAlarm.PUMP_PROGRAM_ERROR,))
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


@pytest.mark.requirement("COM-03")
async def test_a_lost_reply_to_the_start_is_unknown_and_the_start_is_sent_once():
    async with bench() as (driver, pump):
        await ready(driver)
        requests = sent_to_pump(driver)
        pump.fire("lost-reply:start")
        assert isinstance(await driver.start(LEASE), Unknown)
        assert starts(requests) == 1
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


@pytest.mark.requirement("PRG-11", "STA-05")
async def test_nothing_is_started_unless_the_pump_itself_still_holds_all_of_it():
    async def refused(change):
        async with bench() as (driver, pump):
            await ready(driver)
            requests = sent_to_pump(driver)
            change(pump.device)
            outcome = await driver.start(LEASE)
            assert isinstance(outcome, Refused), outcome
            assert starts(requests) == 0
            return outcome.reasons[0]

    def set_to(**values):
        return lambda device: device.motor.take(Setpoint(**values))

    assert "rate of step 1 is 60 mL/h, ordered 52.5 mL/h" in await refused(set_to(rate=6000))
    assert "volume of step 1 is 30 mL, ordered 35 mL" in await refused(set_to(vtbd=300))
    assert "no volume that would end its flow" in await refused(set_to(vtbd=0))
    assert "no rate" in await refused(set_to(rate=0))
    assert "second step" in await refused(lambda device: device.motor.take_reload(Reload(1, 100, 1)))
    assert "closed loop" in await refused(lambda device: device._enter(Mode.FERNSTEUER))
    assert "not ready" in await refused(lambda device: device.plant.open_door())
    assert "infusing" in await refused(lambda device: device.motor.start())


async def test_each_load_allows_one_start():
    """The rest of a program that has run is not the program."""
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 10)
        assert await driver.stop() == Done(None)
        assert "loaded" in (await driver.start(LEASE)).reasons[0]
        await running(driver)
        await watch(driver, 10)
        pump.device.motor.stop()
        assert "counter shows 0.1 mL" in (await driver.start(LEASE)).reasons[0]


async def test_a_failure_before_the_start_is_certainly_no_start():
    async with bench() as (driver, pump):
        await ready(driver)
        requests = sent_to_pump(driver)
        pump.fire("silence/10s")
        assert not isinstance(await driver.start(LEASE), Done)
        assert starts(requests) == 0


async def test_a_refused_start_is_accepted_once_the_pump_reports_no_flow():
    for flows, wanted in ((False, Refused), (True, Unknown)):
        async with bench() as (driver, pump):
            await ready(driver)
            start = pump.device.motor.start
            pump.device.motor.start = lambda start=start, flows=flows: (start() if flows else None, Refusal.ACTION)[1]
            requests = sent_to_pump(driver)
            outcome = await driver.start(LEASE)
            assert isinstance(outcome, wanted), outcome
            assert starts(requests) == 1


@pytest.mark.requirement("STA-06")
async def test_a_start_is_done_when_the_pump_reports_flow():
    async with bench() as (driver, pump):
        await ready(driver)
        pump.device.motor.start = lambda: None  # it replies, and does not start
        assert "does not report that it runs" in (await driver.start(LEASE)).cause


# -- the watchdog and the keep-alive ------------------------------------------------------------------------------


@both
@pytest.mark.requirement("COM-12", "COM-13")
async def test_a_dead_gateway_ends_the_flow_within_1200_ms(model):
    async with bench(model=model) as (driver, pump):
        await running(driver)
        await watch(driver, 10)
        before = pump.truth()["delivered_ml"]
        await driver.close()
        await asyncio.sleep(0.7)  # the last message may be as old as the keep-alive's interval
        assert pump.truth()["running"] is True
        await asyncio.sleep(0.5)
        assert pump.truth()["running"] is False
        assert pump.truth()["delivered_ml"] - before <= ML_S * 1.2


@pytest.mark.requirement("COM-01", "COM-13")
async def test_the_keep_alive_is_an_ident_each_400_ms_and_ends_without_polls():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 60)
        requests = sent_to_pump(driver)
        before = pump.truth()["delivered_ml"]
        await asyncio.sleep(4)
        assert {request.segment for request in requests} == {Word.IDENT}
        assert len(requests) in (9, 10)  # 0.4 s, and the bytes of an exchange
        await asyncio.sleep(30)
        assert pump.truth()["running"] is False
        assert ML_S * 6 < pump.truth()["delivered_ml"] - before <= ML_S * 10
        sent = len(requests)
        await asyncio.sleep(30)
        assert len(requests) == sent
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))


@pytest.mark.requirement("COM-13")
async def test_the_lease_is_kept_even_if_every_reply_to_the_last_keep_alives_is_lost():
    """The pump receives them all, and their repetitions."""
    for begin in (6.0, 6.9, 7.05, 7.1, 7.14):  # about the end of the lease, 10 s less 2.9 s
        async with bench() as (driver, pump):
            await running(driver)
            await watch(driver, 5)
            before = pump.truth()["delivered_ml"]
            await asyncio.sleep(begin)
            pump.fire("lost-reply:keep-alive/20s")
            await asyncio.sleep(30)
            assert pump.truth()["running"] is False
            assert pump.truth()["delivered_ml"] - before <= ML_S * 10, begin


async def test_one_or_two_missed_replies_do_not_end_the_flow():
    async with bench() as (driver, pump):
        await running(driver)
        for _ in range(10):
            pump.fire("silence/0.7s")  # two questions, asked again after 0.34 s
            reading = await watch(driver, 2)
            assert (reading.state, reading.alarms) == (PumpState.INFUSING, ())


async def test_silence_of_the_line_ends_the_flow_and_is_reported():
    async with bench() as (driver, pump):
        await running(driver)
        pump.fire("silence/3s")
        await asyncio.sleep(4)
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))
        assert pump.truth()["running"] is False
        assert isinstance(await driver.start(LEASE), Refused)  # closed loop is gone
        await ready(driver)
        assert (await driver.read()).value.alarms == ()


async def test_a_lease_that_the_pump_cannot_keep_is_refused():
    """Its own 1.2 s, after a last keep-alive that is asked four times: 0.25 s and its bytes, and 0.1 s of quiet."""
    bytes_s = (6 + 80) * 10 / 9600
    least_s = 1.2 + 4 * (0.25 + bytes_s) + 3 * 0.1
    async with bench() as (driver, pump):
        await ready(driver)
        requests = sent_to_pump(driver)
        for watchdog in ("1.2", "2", f"{least_s - 0.001:.3f}", "60.001"):
            assert "watchdog" in (await driver.start(Duration(watchdog))).reasons[0], watchdog
        assert changes(requests) == []
        assert await driver.start(Duration(f"{least_s + 0.1:.3f}")) == Done(None)
        assert pump.truth()["running"] is True


async def test_a_loaded_pump_does_not_alarm_while_it_is_polled_occasionally():
    async with bench() as (driver, _):
        await ready(driver)
        for _ in range(4):
            await asyncio.sleep(300)
            assert (await driver.read()).value.alarms == ()
        assert await driver.release() == Done(None)
        requests = sent_to_pump(driver)
        await asyncio.sleep(60)
        assert requests == []
        assert (await driver.read()).value.alarms == ()
