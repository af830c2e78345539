"""The Dianet Star driver and the simulated pumps: control token, VTBD, keys and alarms, checked against the plant."""

import asyncio
import contextlib
import itertools
from dataclasses import replace

import pytest

from pumpd.driving import DeclinedError
from pumpd.pump import (
    Container,
    Done,
    Driver,
    LossOfControl,
    PumpAlarm,
    PumpKind,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
    family,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.dianet_star import limits, replies
from pumpd_drivers.dianet_star.codec import Reply, Request, RequestFramer
from pumpd_drivers.dianet_star.driver import DianetStar
from pumpd_drivers.dianet_star.segments import (
    LEAVE_32,
    Action,
    Alarm,
    CcMode,
    DoIt,
    Limits,
    Mode,
    Refusal,
    Reload,
    Setpoint,
    State,
    Word,
)
from pumpd_simulators.bench import simulate
from pumpd_simulators.faults import Kind
from pumpd_simulators.plant import PlantSettings

DIAMETER = Length("26.59")
PERFUSOR, INFUSOMAT = "perfusor-fm", "infusomat-fms"
STEP = RateStep(Rate("52.5"), Volume(35))
PROGRAM = PumpProgram((STEP,), DIAMETER)
PROGRAMS = {PERFUSOR: PROGRAM, INFUSOMAT: PumpProgram((STEP,))}
LEASE = Duration(10)
ML_S = 52.5 / 3600
START, STOP = DoIt(Action.START_STOP, 1).to_data(), DoIt(Action.START_STOP, 0).to_data()
CHANGES = range(Word.CC_MODE, 0x100)  # segments that write
both = pytest.mark.parametrize("model", [PERFUSOR, INFUSOMAT])
_names = itertools.count()


@contextlib.asynccontextmanager
async def bench(settings=None, *, model=PERFUSOR, **options):
    pump = simulate("dianet-star", model=model, options=options, plant=PlantSettings.ideal())
    pump.port = f"dianet-{next(_names)}"
    memory.serve(pump.port, pump)
    driver = await DianetStar.connect(f"memory://{pump.port}", {"model": model} | (settings or {}))
    try:
        yield driver, pump
    finally:
        await driver.close()
        memory.withdraw(pump.port)
        pump.shut()


def sent_to_pump(driver):
    """Requests sent to the pump from now on."""
    requests, framer = [], RequestFramer()
    driver.taps.append(lambda way, data, _: requests.extend(framer.feed(data)) if way == "out" else None)
    return requests


def starts(requests):
    return [request.data for request in requests].count(START)


def changes(requests):
    return [request for request in requests if request.segment in CHANGES]


def modes(requests):
    return [Mode(CcMode.of(each.data).mode) for each in requests if each.segment == Word.CC_MODE]


async def ready(driver, program=None):
    program = program or PROGRAMS[driver.settings.model]
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(program) == Done(None)
    assert await driver.read_back() == Done(program)


async def running(driver):
    await ready(driver)
    assert await driver.start(LEASE) == Done(None)


async def watch(driver, seconds):
    for _ in range(seconds):
        await asyncio.sleep(1)
        reading = (await driver.read()).value
    return reading


async def settle():
    """The keys' two seconds pass."""
    await asyncio.sleep(2.1)


# -- identification ----------------------------------------------------------------------------------------------------


@both
async def test_the_pump_is_identified(model):
    assert family("dianet-star") is DianetStar
    async with bench(model=model, serial=77, software="FM\x7e1") as (driver, _):
        assert isinstance(driver, Driver)
        who = (await driver.identify()).value
        names = {PERFUSOR: "Perfusor fm", INFUSOMAT: "Infusomat fmS"}
        assert (who.model, who.firmware, who.serial) == (names[model], "FM~1", "77")


@pytest.mark.requirement("COM-10")
@pytest.mark.requirement("STA-11")
async def test_it_reports_its_time_unless_the_settings_ignore_it():
    for settings, expected in (({}, 1_000_003), ({"tells_time": "false"}, None)):
        async with bench(settings, unix_time_s=1_000_000) as (driver, _):
            await asyncio.sleep(3)
            clock = (await driver.identify()).value.clock
            assert (clock and clock.unix_s) == expected
            if clock:
                later_ns = int((asyncio.get_running_loop().time() + 60) * 1e9)
                assert clock.at(later_ns) in (1_000_063, 1_000_064)


async def test_another_model_or_serial_number_is_refused_and_sent_no_command():
    for settings, options in (
        ({"model": INFUSOMAT}, {}),
        ({"model": PERFUSOR}, {"model": INFUSOMAT}),
        ({"serial": "12346"}, {}),
    ):
        async with bench(settings, **options) as (driver, pump):
            requests = sent_to_pump(driver)
            assert isinstance(await driver.identify(), Refused), settings
            assert [request.segment for request in requests] == [Word.IDENT]
            assert pump.device.address == 0
            assert isinstance(await driver.load(PROGRAMS[driver.settings.model]), Refused)


async def test_monitoring_gives_an_address_and_changes_nothing_else():
    async with bench({"address": "Q"}) as (driver, pump):
        requests = sent_to_pump(driver)
        await driver.identify()
        await watch(driver, 10)
        assert modes(requests) == [Mode.DOKU]
        assert len(changes(requests)) == 1
        assert pump.device.address == ord("Q")
        await driver.identify()
        assert len(changes(requests)) == 1  # it still knows its address
        assert await driver.release() == Done(None)
        assert len(changes(requests)) == 1


async def test_a_pump_that_flows_in_closed_loop_keeps_its_mode_when_a_new_host_connects():
    async with bench() as (driver, pump):
        await running(driver)
        again = DianetStar(driver.link, driver.settings)  # as a restarted gateway would know it
        requests = sent_to_pump(driver)
        assert isinstance(await again.identify(), Done)
        assert changes(requests) == []
        assert pump.device.mode is Mode.FERNREGEL
        assert pump.truth()["running"] is True
        assert isinstance(await again.start(LEASE), Refused)


@pytest.mark.requirement("COM-10")
async def test_a_pump_that_was_not_identified_is_read_and_given_no_address():
    async with bench() as (driver, pump):
        requests = sent_to_pump(driver)
        assert isinstance(await driver.read(), Unknown)
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert isinstance(await driver.start(LEASE), Refused)
        assert {request.segment for request in requests} == {Word.STATUS}
        assert pump.device.address == 0


@pytest.mark.requirement("COM-10")
async def test_an_unplugged_pump_stops_and_is_identified_again_before_anything():
    async with bench() as (driver, pump):
        await running(driver)
        memory.unplug(pump.port)
        assert not isinstance(await driver.read(), Done)
        await asyncio.sleep(1.3)
        assert pump.truth()["running"] is False
        memory.plug(pump.port)
        await asyncio.sleep(15)
        assert "identified" in (await driver.load(PROGRAM)).reasons[0]
        assert "identified" in (await driver.start(LEASE)).reasons[0]
        await driver.identify()
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))
        await ready(driver)


@pytest.mark.requirement("COM-10")
async def test_another_pump_in_its_place_is_noticed_by_its_ident_number():
    """Behind a serial server a pump can be changed while the connection stays."""
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 30)
        pump.power(on=False)
        pump.device.options = pump.device.options.model_copy(update={"serial": 54321})
        pump.power(on=True)
        requests = sent_to_pump(driver)
        assert "54321" in (await driver.read()).reasons[0]
        assert changes(requests) == []
        assert (await driver.identify()).value.serial == "54321"
        assert (await driver.read()).value.alarms == ()  # its counter is its own
        assert "loaded" in (await driver.start(LEASE)).reasons[0]


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


# -- stop ---------------------------------------------------------------------------------------------------------


@both
@pytest.mark.requirement("STP-01", "STP-03")
async def test_stop_works_when_idle_running_in_alarm_and_started_by_hand(model):
    async with bench(model=model) as (driver, pump):
        assert isinstance(await driver.stop(), Done)  # before the pump is identified
        await running(driver)
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False
        await running(driver)
        await asyncio.sleep(60)
        assert await driver.stop() == Done(None)  # in alarm, its lease lapsed
        assert await driver.release() == Done(None)
        pump.press("rate", "10")
        pump.press("start")
        assert pump.truth()["running"] is True
        assert await driver.stop() == Done(None)
        assert pump.truth()["running"] is False


async def test_after_a_stop_or_a_release_a_key_starts_nothing():
    for end in ("stop", "release"):
        async with bench() as (driver, pump):
            await (running if end == "stop" else ready)(driver)
            assert await getattr(driver, end)() == Done(None)
            assert (pump.device.motor.set.rate, pump.device.motor.set.vtbd) == (0, 0)
            await driver.release()
            assert pump.device.mode is Mode.DOKU
            pump.press("start")
            assert pump.truth()["running"] is False


async def test_the_remains_of_a_failed_load_are_removed_too():
    async with bench() as (driver, pump):
        await driver.identify()
        clear, pump.device.motor.clear_volume = pump.device.motor.clear_volume, lambda: None
        pump.device.motor._cleared = -1.0  # its counter shows 1 mL
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert pump.device.motor.set.rate == 5250
        assert await driver.release() == Done(None)
        assert (pump.device.mode, pump.device.motor.set.rate, pump.device.motor.set.vtbd) == (Mode.DOKU, 0, 0)
        pump.device.motor.clear_volume = clear
        await ready(driver)


@pytest.mark.requirement("STP-02")
async def test_stop_overtakes_a_load():
    async with bench() as (driver, pump):
        await driver.identify()
        loading = asyncio.ensure_future(driver.load(PROGRAM))
        await asyncio.sleep(0.05)
        assert await driver.stop() == Done(None)
        assert not isinstance(await loading, Done)
        assert isinstance(await driver.start(LEASE), Refused)
        assert pump.truth()["running"] is False


@pytest.mark.requirement("STP-03")
async def test_a_stop_is_done_only_when_the_pump_reports_no_flow():
    for fault in ("lost-reply:stop", "lost-request", "lost-reply:read", "garbled/1s"):
        async with bench() as (driver, pump):
            await running(driver)
            pump.fire(fault)
            assert await driver.stop() == Done(None), fault
            assert pump.truth()["running"] is False


@pytest.mark.requirement("STP-04")
async def test_a_pump_that_waits_to_start_by_itself_is_not_confirmed_to_have_stopped(monkeypatch):
    async with bench() as (driver, _):
        await running(driver)
        plain = driver.status

        async def delayed(**how):
            status = await plain(**how)
            return replace(status, state=status.state | State.DELAY)

        monkeypatch.setattr(driver, "status", delayed)
        assert "waiting" in (await driver.stop()).cause


async def test_a_stop_that_is_not_confirmed_ends_the_keep_alive():
    async with bench() as (driver, pump):
        await running(driver)
        pump.device.motor.stop = lambda: None  # it replies, and runs on
        assert "infusing" in (await driver.stop()).cause
        assert pump.truth()["running"] is True
        requests = sent_to_pump(driver)
        await asyncio.sleep(1.3)
        assert requests == []
        assert pump.truth()["running"] is False


@pytest.mark.requirement("STP-03")
async def test_keys_delay_a_stop_for_two_seconds_and_no_longer():
    async with bench() as (driver, pump):
        await driver.identify()
        pump.press("rate", "10")
        pump.press("start")
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert await driver.stop() == Done(None)
        assert 1.9 < loop.time() - begin < 2.8
        assert pump.truth()["running"] is False
    async with bench(keys_hold_back_stop=False) as (driver, pump):
        await driver.identify()
        pump.device._enter(Mode.FERNSTEUER)
        pump.press("rate", "10")
        pump.press("start")
        begin = loop.time()
        assert await driver.stop() == Done(None)
        assert loop.time() - begin < 0.2


# -- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-11")
@pytest.mark.parametrize(("choice", "state"), [("stops", PumpState.ALARM), ("blocked", PumpState.INFUSING)])
async def test_the_start_stop_key_in_closed_loop_is_reported(choice, state):
    async with bench(stop_key_in_fernregel=choice) as (driver, pump):
        await running(driver)
        pump.press("stop")
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (state, (PumpAlarm.PUMP_FAULT,))
        assert pump.truth()["running"] is (choice == "blocked")
        assert await driver.stop() == Done(None)


@pytest.mark.requirement("RUN-06")
async def test_a_change_at_the_keys_is_in_the_next_reading():
    """They work again as soon as the pump is out of closed loop."""
    async with bench() as (driver, pump):
        await running(driver)
        pump.device._enter(Mode.FERNSTEUER)
        pump.press("rate", "150%")
        assert (await driver.read()).value.rate == Rate("78.75")
        pump.press("stop")
        assert (await driver.read()).value.state is PumpState.STOPPED


# -- alarms -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-11", "RUN-10")
@pytest.mark.parametrize(
    ("model", "fault", "alarm"),
    [
        (PERFUSOR, "occlusion", PumpAlarm.OCCLUSION),
        (PERFUSOR, "stall", PumpAlarm.OCCLUSION),
        (PERFUSOR, "door", PumpAlarm.DOOR_OPEN),
        (PERFUSOR, "empty:0.1mL", PumpAlarm.EMPTY),
        (INFUSOMAT, "occlusion", PumpAlarm.OCCLUSION),
        (INFUSOMAT, "door", PumpAlarm.DOOR_OPEN),
        (INFUSOMAT, "air:1mL", PumpAlarm.AIR_IN_LINE),
        (INFUSOMAT, "free-flow:60", PumpAlarm.PUMP_FAULT),  # drops beside the rate: no code of its own
    ],
)
async def test_the_cause_of_a_stop_is_reported_until_the_next_load(model, fault, alarm):
    async with bench(model=model) as (driver, pump):
        await running(driver)
        pump.fire(fault)
        reading = await watch(driver, 120)
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (alarm,))
        assert pump.truth()["rate_ml_h"] == 0 or fault.startswith("free-flow")
        assert pump.truth()["running"] is False
        for kind in (Kind.OCCLUSION, Kind.STALL, Kind.DOOR, Kind.FREE_FLOW):
            pump.clear(kind)
        pump.plant.refill(50)
        assert await driver.stop() == Done(None)
        assert (await driver.read()).value.alarms == (alarm,), "latched"
        if fault != "air:1mL":  # the bubble is still there
            assert await driver.load(PROGRAMS[model]) == Done(None)
            assert (await driver.read()).value.alarms == ()


@pytest.mark.requirement("RUN-11")
async def test_only_the_infusomat_has_an_air_detector_and_a_drop_sensor():
    for fault in ("air:1mL", "free-flow:10"):
        async with bench() as (driver, pump):
            await running(driver)
            pump.fire(fault)
            reading = await watch(driver, 120)
            assert (reading.state, reading.alarms) == (PumpState.INFUSING, ())
    async with bench(model=INFUSOMAT) as (driver, pump):
        await running(driver)
        pump.device.motor.drops_watched = False  # action 7, by another host: then drops are not reported
        pump.fire("free-flow:60")
        assert (await watch(driver, 60)).alarms == ()


@both
async def test_an_open_door_prevents_the_start_and_nothing_starts_when_it_is_closed(model):
    async with bench(model=model) as (driver, pump):
        await ready(driver)
        pump.fire("door")
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.DOOR_OPEN,))
        assert "not ready" in (await driver.start(LEASE)).reasons[0]
        pump.clear(Kind.DOOR)
        await asyncio.sleep(10)
        assert pump.truth()["running"] is False


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


@pytest.mark.requirement("STA-13")
async def test_mains_and_remaining_battery_time_are_reported():
    async with bench() as (driver, pump):
        await driver.identify()
        assert (await driver.read()).value.mains is True
        pump.fire("battery")  # at 10 % of 8 h
        pump.fire("mains")
        reading = (await driver.read()).value
        assert (reading.mains, reading.battery_left_min) in ((False, 47), (False, 48))


@pytest.mark.requirement("RUN-11")
def test_every_alarm_bit_is_mapped_and_an_unpublished_one_is_a_fault():
    """The sheet's bits 0 to 20, and one that it does not name."""
    notices = {1, 10, 11, 12}
    meant = {
        PumpAlarm.DOOR_OPEN: (0, 8),
        PumpAlarm.EMPTY: (2,),
        PumpAlarm.OCCLUSION: (3,),
        PumpAlarm.AIR_IN_LINE: (4,),
        PumpAlarm.PUMP_RESET: (6,),
        PumpAlarm.BATTERY_LOW: (7,),
        PumpAlarm.PUMP_PROGRAM_ERROR: (9, 13, 15, 17),
        PumpAlarm.PUMP_WATCHDOG: (14,),
        PumpAlarm.PUMP_FAULT: (5, 16, 18, 19, 20, 21, 31),
    }
    table = {bit: [alarm] for alarm, bits in meant.items() for bit in bits} | {bit: [] for bit in notices}
    assert set(table) == {*range(22), 31}
    for bit, wanted in table.items():
        assert replies.alarms(1 << bit) == wanted, bit
    assert replies.alarms(1 << 3 | 1 << 8 | 1) == [PumpAlarm.DOOR_OPEN, PumpAlarm.OCCLUSION]
    assert replies.alarms(0) == []
    assert Alarm.KEY_IN_FERNREGEL == 1 << 16


def test_no_combination_of_state_bits_hides_a_flow():
    table = {
        0: PumpState.STOPPED,
        1 << 3 | 1 << 4 | 1 << 6: PumpState.STOPPED,
        1 << 5: PumpState.PAUSED,
        1 << 7: PumpState.INFUSING,
        1 << 7 | 1 << 5: PumpState.INFUSING,
    }
    table |= {1 << bit: PumpState.PURGING for bit in (9, 10, 12, 13, 19)}
    table |= {1 << 7 | 1 << bit: PumpState.PURGING for bit in (9, 10, 12, 13, 19)}
    table |= {1 << bit: PumpState.WAITING for bit in (22, 25, 26, 27, 28, 29)}
    for bits, wanted in table.items():
        assert replies.state(bits) is wanted, hex(bits)


# -- power and address --------------------------------------------------------------------------------------------


@both
@pytest.mark.requirement("RUN-11")
async def test_after_a_power_cut_it_is_stopped_gets_its_address_again_and_reports_it(model):
    async with bench(model=model) as (driver, pump):
        await running(driver)
        await watch(driver, 60)
        requests = sent_to_pump(driver)
        pump.fire("power-cut/2s")
        await asyncio.sleep(5)
        reading = (await driver.read()).value
        assert (reading.state, reading.delivered) == (PumpState.ALARM, Volume(0))
        assert reading.alarms == (PumpAlarm.PUMP_RESET,)
        assert pump.device.address == ord("A")
        assert modes(requests) == [Mode.DOKU]
        assert isinstance(await driver.start(LEASE), Refused)
        assert starts(requests) == 0
        await asyncio.sleep(30)
        assert pump.truth()["running"] is False
        await ready(driver)


@pytest.mark.requirement("RUN-11")
async def test_a_counter_that_fell_is_reported():
    async with bench() as (driver, pump):
        await running(driver)
        await watch(driver, 10)
        pump.device.motor.clear_volume()
        assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_RESET,)


@pytest.mark.parametrize("other_address", ["silence", "nak"])
async def test_an_address_that_was_lost_with_the_control_is_given_again_for_a_reading_and_for_a_stop(other_address):
    options = {"address_survives": False, "at_timeout": "go-on", "other_address": other_address}
    async with bench({"stops_when_control_is_lost": "false"}, **options) as (driver, pump):
        for call in ("read", "stop"):
            await running(driver)
            pump.fire("silence/3s")
            await asyncio.sleep(4)
            assert (pump.device.address, pump.truth()["running"]) == (0, True)
            assert isinstance(await getattr(driver, call)(), Done)
            if call == "read":
                reading = (await driver.read()).value
                assert (reading.state, reading.alarms) == (PumpState.INFUSING, (PumpAlarm.PUMP_RESET,))
                assert await driver.stop() == Done(None)
            assert pump.truth()["running"] is False


# -- a bad line ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-14")
async def test_a_reply_needs_our_address_the_right_segment_and_length():
    async with bench() as (driver, _):
        await driver.identify()
        exchange, verdicts = driver.link.exchange, []

        async def spy(request, accepts, *rest, **more):
            verdicts.append([accepts(frame) for frame in frames])
            return await exchange(request, accepts, *rest, **more)

        driver.link.exchange = spy
        a, status = ord("A"), bytes(19)
        frames = [Reply(a, 2, status), Reply(a, 2, b"\x09", taken=False), Reply(ord("B"), 2, status)]
        frames += [Reply(0, 2, status), Reply(a, 3, status), Reply(a, 2, status[1:]), Reply(a, 2)]
        await driver.status()
        assert verdicts.pop() == [True, True, False, False, False, False, False]
        frames = [Reply(a, 0x11), Reply(a, 0x11, b"\0"), Reply(a, 0x12), Reply(a, 0x11, b"\x0c", taken=False)]
        with pytest.raises(DeclinedError, match="not allowed in its present mode"):
            await driver.do(Word.ACTION, DoIt(Action.ALARM_OFF, 1), None)
        assert verdicts.pop() == [True, False, False, True]


async def test_an_ident_is_accepted_from_either_address():
    """The sheet does not state from which address a pump replies when asked at address 0."""
    for choice in ("asked", "own"):
        async with bench(ident_reply_address=choice) as (driver, _):
            await running(driver)
            assert (await watch(driver, 5)).alarms == ()


@pytest.mark.requirement("COM-14")
async def test_garbled_late_and_lost_replies_never_amount_to_a_program():
    async with bench() as (driver, pump):
        await driver.identify()
        for fault in ("garbled/30s", "delayed-reply:700ms/30s", "lost-reply:program", "lost-request/30s"):
            pump.fire(fault)
            assert not isinstance(await driver.load(PROGRAM), Done), fault
            assert isinstance(await driver.start(LEASE), Refused), fault
            await asyncio.sleep(40)
            assert pump.truth()["running"] is False
        await driver.identify()
        await ready(driver)


def test_a_damaged_frame_or_a_wrong_ident_number_is_named_in_words():
    assert Refusal.text_of(5) == "the inverted ident number is wrong (0x05)"
    assert "not public" in Refusal.text_of(0x0A)
    assert str(Request(0, Word.CC_MODE, CcMode(LEAVE_32, 2, 65).to_data())).startswith(
        "to 0: CC_MODE ff ff ff ff 02 41"
    )
