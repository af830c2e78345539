"""The Reglo ICC driver and the simulated pump on one virtual loop: what is accepted, and what is sent how often."""

import asyncio
import contextlib
from decimal import Decimal

import pytest

from pumpd.pump import (
    Container,
    Done,
    LossOfControl,
    PumpAlarm,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
)
from pumpd.quantities import Length, Rate, Volume
from pumpd.wire import PortError, memory
from pumpd_drivers.reglo_icc.driver import RegloIcc
from tests.drivers.reglo_icc.driver_bench import PROGRAM, WATCHDOG, bench, container, reading, running

# -- identification and capabilities -----------------------------------------------------------------------------------


async def test_the_pump_is_identified_and_channel_addressing_is_checked():
    for options, settings in (
        ({"serial": "S-7"}, {"serial": "S-7"}),
        ({"channel_addressing": True}, {}),
        ({"channels": 3, "address": 5}, {"channel": 3, "address": 5}),
    ):
        async with bench(settings, **options) as (driver, pump, _line):
            who = (await driver.identify()).value
            assert (who.model, who.firmware, who.serial) == ("REGLO ICC", "0208", pump.device.options.serial)
            assert pump.device._apart
            assert await driver.identify() == Done(who)


@pytest.mark.requirement("COM-10")
async def test_another_pump_is_refused():
    for options, settings, reason in (
        ({"serial": "S-8"}, {"serial": "S-7"}, "the pump reports S-8"),
        ({"description": "MASTERFLEX"}, {}, "'MASTERFLEX 0208 108'"),
        ({"channels": 2}, {"channel": 3}, "E: the pump replied #"),
    ):
        async with bench(settings, **options) as (driver, _, _line):
            outcome = await driver.identify()
            assert isinstance(outcome, Refused)
            assert reason in outcome.reasons[0]
            for call in (driver.load(PROGRAM), driver.start(WATCHDOG)):
                assert "has not been identified" in (await call).reasons[0]


@pytest.mark.requirement("COM-13")
def test_capabilities_are_as_declared():
    able = RegloIcc.capabilities(container(), {})
    assert able.loss_of_control == (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
    assert able.watchdog is None
    assert able.counter_step == Volume("0.01")
    assert RegloIcc.capabilities(container(5), {}).counter_step == Volume("0.001")
    assert RegloIcc.capabilities(container(500), {}).counter_step == Volume("0.1")
    assert RegloIcc.capabilities(container(5000), {}).counter_step == Volume(1)
    assert PROGRAM.steps[0].rate.floor(able.rate_grid) == Rate("52.5")  # 0.875 mL/min
    with pytest.raises(ValueError, match="diameter"):
        RegloIcc.capabilities(Container("x", Volume(50), Volume(0), Rate(1), Length(20)), {})
    with pytest.raises(ValueError, match=r"settings\.channel.*settings\.chanel"):
        RegloIcc.check_settings({"channel": 5, "chanel": 1})


async def test_a_program_that_does_not_fit_is_refused_and_nothing_is_sent():
    async with bench() as (driver, _, line):
        await driver.identify()
        line.heard.clear()
        for rate, volume, reason in (
            ("50", "35", "not a rate that the pump can hold"),
            ("0.54", "35", "below the pump's lowest rate"),
            ("600", "35", "above the pump's highest rate"),
            ("60", "1000", "above the pump's largest volume"),
            ("60", "35.001", "not a volume that the pump can hold"),
        ):
            outcome = await driver.load(PumpProgram((RateStep(Rate(rate), Volume(volume)),)))
            assert isinstance(outcome, Refused), rate
            assert reason in outcome.reasons[0]
        two = PumpProgram((*PROGRAM.steps, *PROGRAM.steps))
        assert "the pump holds 1" in (await driver.load(two)).reasons[0]
        assert line.heard == []


async def test_what_the_tubing_does_not_allow_is_refused_before_anything_is_set():
    async with bench(max_flow_ml_min=0.5) as (driver, _, line):
        await driver.identify()
        line.heard.clear()
        assert "above the 30 mL/h" in (await driver.load(PROGRAM)).reasons[0]
        assert set(line.heard) <= {"1~", "1E", "1?"}


async def test_an_identity_counts_only_if_the_pump_reports_it_twice():
    """The line has no check: ICC00001 with one bit wrong is another pump's number."""
    for question, misread in (("1xS", b"ICC00003\r\n"), ("1(", b"0209\r\n")):
        async with bench() as (driver, _, line):
            line.answer = lambda request, raw, q=question, m=misread: (
                m if request == q and line.received(q) == 1 else raw
            )
            outcome = await driver.identify()
            assert isinstance(outcome, Refused)
            assert f"{question[1:]}: the pump reported" in outcome.reasons[0]
            assert "has not been identified" in (await driver.load(PROGRAM)).reasons[0]
            assert isinstance(await driver.identify(), Done)


# -- a program and its run ---------------------------------------------------------------------------------------------


async def test_a_program_runs_as_ordered_and_ends_by_itself():
    for options, settings in (
        ({}, {}),
        ({"set_answers": "ok", "total_units": "auto", "flow_setpoint": False}, {}),
        ({"unit": "l"}, {"volume_unit": "l"}),
        ({}, {"asks_setpoint": False, "sets_backsteps": False, "asks_serial": False}),
    ):
        async with bench(settings, **options) as (driver, pump, line):
            await running(driver)
            for _ in range(40):
                at = await reading(driver)
                truth = pump.plant.truth().delivered_ml
                assert (at.state, at.rate, at.alarms) == (PumpState.INFUSING, Rate("52.5"), ())
                assert truth - 0.011 <= float(at.delivered.decimal) <= truth + 1e-6
                await asyncio.sleep(59)
            await asyncio.sleep(60)  # 35 mL at 52.5 mL/h take 40 min
            at = await reading(driver)
            assert (at.state, at.delivered) == (PumpState.STOPPED, Volume(35))
            assert line.received("1H") == 1
            assert await driver.release() == Done(None)
            assert pump.plant.truth().delivered_ml == pytest.approx(35)


async def test_counter_clockwise_is_the_other_way():
    async with bench({"direction": "counter-clockwise"}) as (driver, pump, _):
        await running(driver)
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml < 0


async def test_what_is_read_back_is_what_the_pump_holds():
    async with bench() as (driver, pump, line):
        await driver.identify()
        await driver.load(PROGRAM)
        channel = pump.device.channels[0]
        for change, reason in (
            ({"mode": "M"}, "xM: the pump holds M"),
            ({"clockwise": False}, "xD: the pump holds K"),
            ({"by_flow": False}, "xf: the pump holds 0"),
            ({"backsteps": 3}, "step back"),
            ({"volume_ml": Decimal(0)}, "no program"),
        ):
            held = channel.settings
            channel.keep(**change)
            assert reason in (await driver.read_back()).reasons[0]
            assert reason in (await driver.start(WATCHDOG)).reasons[0]
            channel.settings = held
        channel.keep(volume_ml=Decimal(36))
        assert "volume of step 1 is 36 mL, ordered" in (await driver.start(WATCHDOG)).reasons[0]
        assert line.received("1H") == 0


async def test_nothing_is_started_twice_from_one_load():
    """The pump gives the whole volume again at each start, so each start needs a load."""
    async with bench() as (driver, pump, line):
        assert isinstance(await driver.start(WATCHDOG), Refused)
        await driver.identify()
        assert "no program was loaded for this start" in (await driver.start(WATCHDOG)).reasons[0]
        await running(driver)
        assert "no program was loaded" in (await driver.start(WATCHDOG)).reasons[0]
        assert "infusing" in (await driver.load(PROGRAM)).reasons[0]
        assert "infusing" in (await driver.release()).reasons[0]
        pump.press("stop")
        await asyncio.sleep(1)
        assert "no program was loaded" in (await driver.start(WATCHDOG)).reasons[0]
        assert line.received("1H") == 1


async def test_nothing_is_started_after_part_of_it_was_given_at_the_panel():
    async with bench() as (driver, pump, line):
        await driver.identify()
        await driver.load(PROGRAM)
        pump.press("start")
        assert "infusing" in (await driver.start(WATCHDOG)).reasons[0]
        await asyncio.sleep(60)
        pump.press("stop")
        assert "total shows 0.87" in (await driver.start(WATCHDOG)).reasons[0]
        assert line.received("1H") == 0


# -- stop --------------------------------------------------------------------------------------------------------------


async def test_stop_works_when_idle_when_running_and_after_the_end():
    async with bench() as (driver, pump, _line):
        await driver.identify()
        assert await driver.stop() == Done(None)
        await running(driver)
        await asyncio.sleep(60)
        assert await driver.stop() == Done(None)
        given = pump.plant.truth().delivered_ml
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml == given
        assert (await reading(driver)).state is PumpState.STOPPED


async def test_after_a_stop_and_a_release_a_key_starts_nothing():
    async with bench() as (driver, pump, _):
        await running(driver)
        await driver.stop()
        given = pump.plant.truth().delivered_ml
        with contextlib.suppress(ValueError):
            pump.press("start")
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml == given
        await driver.load(PROGRAM)
        assert await driver.release() == Done(None)
        with contextlib.suppress(ValueError):
            pump.press("start")
        await asyncio.sleep(60)
        assert pump.plant.truth().delivered_ml == given


async def test_a_stop_is_done_only_when_the_pump_reports_no_flow_twice():
    async with bench() as (driver, pump, line):
        await running(driver)
        line.answer = lambda request, raw: b"-" if request == "1E" and line.received("1E") % 2 else raw
        pump.device.channels[0].stop = lambda *_: None  # it accepts, and runs on
        assert isinstance(await driver.stop(), Unknown)
        assert line.received("1I") == 6


async def test_a_stop_on_a_bad_line():
    for spoilt in (b"#", b"*", None):
        async with bench() as (driver, pump, line):
            await running(driver)
            seen = []

            def answer(request, raw, seen=seen, spoilt=spoilt):
                if request in ("1I", "1E") and len(seen) < 3:
                    seen.append(request)
                    return spoilt
                return raw

            line.answer = answer
            assert await driver.stop() == Done(None)
            assert not pump.plant.truth().running


async def test_a_stop_overtakes_a_load():
    async with bench() as (driver, _, _line):
        await driver.identify()
        load = asyncio.create_task(driver.load(PROGRAM))
        await asyncio.sleep(0.05)
        assert await driver.stop() == Done(None)
        assert isinstance(await load, Refused)
        assert isinstance(await driver.start(WATCHDOG), Refused)


# -- start -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-03")
async def test_a_start_is_sent_once_whatever_happens():
    """Its reply is lost, garbled, or a refusal although it runs: unknown."""
    for reply in (None, b"\xaa", b"+", b"#", b"-"):
        async with bench() as (driver, pump, line):
            await driver.identify()
            await driver.load(PROGRAM)
            line.answer = lambda request, raw, reply=reply: reply if request == "1H" else raw
            assert isinstance(await driver.start(WATCHDOG), Unknown), reply
            assert line.received("1H") == 1
            assert pump.plant.truth().running
            assert await driver.stop() == Done(None)


async def test_a_start_that_the_pump_refuses_gives_its_reason():
    async with bench(max_volume_ml=30) as (driver, pump, _line):
        await driver.identify()
        await driver.load(PROGRAM)
        outcome = await driver.start(WATCHDOG)
        assert outcome == Refused(("H: the pump refuses: its volume is 0 or too large (V 3000E+1)",))
        assert not pump.plant.truth().running


async def test_a_start_that_the_pump_accepts_but_does_not_carry_out_is_unknown():
    async with bench() as (driver, pump, line):
        await driver.identify()
        await driver.load(PROGRAM)
        pump.device.channels[0].start = lambda: True
        assert isinstance(await driver.start(WATCHDOG), Unknown)
        assert line.received("1H") == 1


# -- readings and alarms -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-14")
async def test_a_reply_of_another_form_or_after_a_sign_is_not_accepted():
    """`#5.00 ml` is 35.00 ml with one bit wrong: it is not 5 mL, and the next question is not answered by it."""
    async with bench() as (driver, _, line):
        await running(driver)
        await asyncio.sleep(600)
        before = await reading(driver)
        spoilt = []

        def answer(request, raw):
            if request == "1:" and not spoilt:
                spoilt.append(raw)
                return b"#" + raw[1:]
            return raw

        line.answer = answer
        after = await reading(driver)
        assert spoilt
        assert after.delivered >= before.delivered
        line.answer = lambda request, raw: b"8750E-1\r\n" if request == "1:" else raw
        assert isinstance(await driver.read(), Unknown)


async def test_the_total_is_read_again_before_it_counts_as_fallen():
    async with bench() as (driver, _, line):
        await running(driver)
        await asyncio.sleep(600)
        await reading(driver)
        spoilt = []

        def answer(request, raw):
            if request == "1:" and not spoilt:
                spoilt.append(raw)
                return b"0" + raw[1:]
            return raw

        line.answer = answer
        at = await reading(driver)
        assert at.alarms == ()
        assert at.delivered > Volume(8)


@pytest.mark.requirement("RUN-11")
async def test_a_power_cut_is_an_alarm_until_the_next_load():
    for options in ({}, {"channel_addressing": True}, {"keeps_total": True}):
        async with bench(**options) as (driver, pump, _):
            await running(driver)
            await asyncio.sleep(60)
            await reading(driver)
            pump.power(on=False)
            assert isinstance(await driver.read(), Unknown)
            pump.power(on=True)
            await asyncio.sleep(1)
            at = await reading(driver)
            assert (at.state, at.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_RESET,)), options
            assert isinstance(await driver.start(WATCHDOG), Refused)
            assert isinstance(await driver.load(PROGRAM), Done if options.get("channel_addressing") else Refused)
            assert await driver.stop() == Done(None)
            assert isinstance(await driver.identify(), Done)
            assert await driver.load(PROGRAM) == Done(None)
            assert (await reading(driver)).alarms == ()


async def test_a_pump_in_overload_is_a_fault():
    async with bench(after_stall="overload") as (driver, pump, line):
        await running(driver)
        pump.plant.jam()
        await asyncio.sleep(1)
        assert isinstance(await driver.read(), Refused)
        assert isinstance(await driver.stop(), Unknown)
        line.feed(b"1-\r")  # it is acknowledged at the panel
        at = await reading(driver)
        assert (at.state, at.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_FAULT,))
        assert await driver.stop() == Done(None)


async def test_a_stalled_pump_has_no_flow_and_its_volume_is_not_given():
    async with bench() as (driver, pump, _):
        await running(driver)
        await asyncio.sleep(60)
        pump.plant.jam()
        at = await reading(driver)
        assert (at.state, at.delivered < Volume(1)) == (PumpState.STOPPED, True)


async def test_after_a_pulled_cable_the_pump_is_identified_again():
    async with bench() as (driver, _pump, line):
        await running(driver)
        name = driver.link.port.removeprefix("memory://")
        memory.unplug(name)
        assert isinstance(await driver.read(), Refused)
        memory.plug(name)
        await asyncio.sleep(20)
        assert (await reading(driver)).state is PumpState.INFUSING  # it continued by itself
        assert "has not been identified" in (await driver.start(WATCHDOG)).reasons[0]
        assert await driver.stop() == Done(None)
        assert line.received("1H") == 1


async def test_without_a_gateway_the_pump_gives_its_volume_and_no_more():
    async with bench() as (driver, pump, _):
        await running(driver)
        await driver.close()
        await asyncio.sleep(24 * 3600)
        assert pump.plant.truth().delivered_ml == pytest.approx(35)


# -- channels ----------------------------------------------------------------------------------------------------------


async def test_two_channels_run_and_stop_separately():
    options = {"channels": 2, "running_query": "channel"}
    async with bench({"channels_apart": True}, **options) as (one, pump, _line):
        other = await RegloIcc.connect(one.link.port, {"channels_apart": True, "channel": 2})
        try:
            await running(one)
            await running(other, PumpProgram((RateStep(Rate(60), Volume(10)),)))
            await asyncio.sleep(60)
            await one.stop()
            await asyncio.sleep(60)
            first, second = await reading(one), await reading(other)
            assert (first.state, second.state) == (PumpState.STOPPED, PumpState.INFUSING)
            assert Volume("0.8") < first.delivered < Volume(1)
            assert Volume("1.9") < second.delivered < Volume("2.1")
            assert not pump.units[0].plant.truth().running
        finally:
            await other.close()


async def test_channels_without_separate_addresses_are_not_used_together():
    async with bench(channels=2) as (one, pump, _):
        with pytest.raises(PortError, match="channels_apart"):
            await RegloIcc.connect(one.link.port, {"channel": 2})
        await running(one)
        for key in ("mode=M", "rate=1"):
            pump.press(*key.split("="), unit=2)
        pump.press("start", unit=2)
        assert isinstance(await one.stop(), Unknown)  # `+` does not count for the other channel
        assert not pump.units[0].plant.truth().running
