"""The Harvard driver against the simulated pump on a line in memory; sheet: harvard.md."""

import asyncio
import itertools

import pytest

from pumpd.pump import (
    Done,
    Driver,
    Identity,
    PumpAlarm,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
    family,
)
from pumpd.quantities import Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.harvard.driver import Harvard
from tests.drivers.harvard.rig import PROGRAM, SHORT, WATCHDOG, reading, rig, running

EXCHANGES = 31  # of a load and a start, which have 29


def test_the_family_is_found_by_its_entry_point():
    assert family("harvard") is Harvard


@pytest.mark.parametrize("model", Harvard.models)
async def test_a_whole_run(model):
    async with rig(model=model) as here:
        driver = here.driver
        assert isinstance(driver, Driver)
        assert await driver.load(SHORT) == Done(None)
        assert await driver.read_back() == Done(SHORT)
        assert (await reading(here)).state is PumpState.STOPPED
        assert await driver.start(WATCHDOG) == Done(None)
        last = Volume(0)
        for _ in range(14):
            await asyncio.sleep(4)
            now = await reading(here)
            assert (now.state, now.rate, now.alarms) == (PumpState.INFUSING, Rate(60), ())
            assert now.asked_ns <= now.answered_ns
            assert now.delivered > last
            assert float(now.delivered.decimal) == pytest.approx(here.pump.plant.moved()[0], abs=0.001)
            last = now.delivered
        await asyncio.sleep(10)
        now = await reading(here)
        assert (now.state, now.delivered) == (PumpState.STOPPED, Volume(1))
        assert here.pump.plant.moved()[0] == pytest.approx(1)
        assert await driver.stop() == Done(None)
        assert await driver.release() == Done(None)
        assert here.starts == 1


@pytest.mark.requirement("PRG-11")
async def test_both_targets_are_set_before_the_pump_is_started():
    async with rig() as here:
        await running(here)
        sent = b"".join(here.sent)
        assert sent.index(b"tvolume 35 ml") < sent.index(b"ttime 00:40:25") < sent.index(b"irun")
        # 35 mL at 52.5 mL/h take 2400 s; with one percent and a second more, 2425 s
        assert here.pump.device.display()["target_time"] == "00:40:25"


@pytest.mark.requirement("COM-10")
async def test_nothing_is_loaded_or_started_before_the_pump_is_known():
    async with rig(identified=False) as here:
        assert isinstance(await here.driver.load(PROGRAM), Refused)
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert here.sent == []
        assert await here.driver.identify() == Done(Identity("LEGATO 100", "v3.0.6", "D101754"))
        assert isinstance(await here.driver.start(WATCHDOG), Refused)  # nothing is loaded
        assert here.starts == 0


async def test_another_pump_is_refused():
    for settings, options in (
        ({"serial": "D1"}, {}),
        ({"address": 3}, {"addresses": "4"}),  # no pump replies as 3
    ):
        async with rig(options, settings, identified=False) as here:
            assert not isinstance(await here.driver.identify(), Done)


async def test_a_pump_that_reports_another_address_than_its_prompt_is_refused():
    reply = b"\nFirmware:      v3.0.6\r\nPump address:  5\r\nSerial number: D101754\r\n:\x11"
    async with rig(identified=False) as here:
        here.instead(b"version", reply)
        assert isinstance(await here.driver.identify(), Refused)


async def test_a_pump_with_echo_on_or_poll_off_is_brought_up_while_it_runs():
    async with rig(identified=False) as here:
        pump = here.pump.device.pumps[0]
        for words in ("irate 60 ml/hr", "echo on", "irun"):
            name, *arguments = words.split()
            pump.execute(name, arguments)
        assert (await here.driver.identify()).value.serial == "D101754"
        assert here.pump.plant.truth().running
        assert (await reading(here)).state is PumpState.INFUSING
        here.sent.clear()
        assert isinstance(await here.driver.load(PROGRAM), Refused)
        assert here.sent == [b"@status\r"]  # a running pump is sent no command
        assert isinstance(await here.driver.release(), Refused)
        assert here.pump.plant.truth().running
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("PRG-13")
async def test_a_program_that_does_not_fit_is_refused_and_nothing_is_sent():
    async with rig() as here:
        here.sent.clear()
        d = Length("26.72")
        for program, field in (
            (PumpProgram((RateStep(Rate("0.001"), Volume(1)),), d), "rate"),
            (PumpProgram((RateStep(Rate(5500), Volume(1)),), d), "rate"),
            (PumpProgram((RateStep(Rate("52.5555"), Volume(1)),), d), "rate"),
            (PumpProgram((RateStep(Rate(10), Volume(151)),), d), "volume"),
            (PumpProgram((RateStep(Rate(10), Volume("1.0005")),), d), "volume"),
            (PumpProgram((RateStep(Rate(10), Volume(1)), RateStep(Rate(20), Volume(1))), d), "steps"),
            (PumpProgram((RateStep(Rate(10), Volume(1)),), Length(34)), "diameter"),
            (PumpProgram((RateStep(Rate(10), Volume(1)),), None), "diameter"),
            (PumpProgram((RateStep(Rate("0.5"), Volume(100)),), d), "duration"),
        ):
            outcome = await here.driver.load(program)
            assert isinstance(outcome, Refused), program
            assert any(field in reason for reason in outcome.reasons), outcome
        assert here.sent == []


async def test_the_pump_is_asked_for_its_own_limits():
    async with rig({"fastest_mm_min": 1}) as here:
        outcome = await here.driver.load(PumpProgram((RateStep(Rate(60), Volume(1)),), Length("26.72")))
        assert isinstance(outcome, Refused)
        assert "own limits" in outcome.reasons[0]
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert here.starts == 0


async def test_a_pump_that_keeps_only_one_target_is_refused_unless_the_settings_allow_it():
    async with rig({"targets": "last"}) as here:
        assert isinstance(await here.driver.load(PROGRAM), Refused)
    async with rig({"targets": "last"}, {"target_time": "off"}) as here:
        await running(here, SHORT)
        await asyncio.sleep(100)
        assert here.pump.plant.moved()[0] == pytest.approx(1)


async def test_a_pump_that_counts_its_target_from_each_run_gives_no_more():
    async with rig({"target_counts": "run"}) as here:
        await running(here, SHORT)
        await asyncio.sleep(30)
        assert await here.driver.stop() == Done(None)
        outcome = await here.driver.start(WATCHDOG)  # what was given would be given again
        assert isinstance(outcome, Refused)
        assert here.starts == 1


@pytest.mark.requirement("COM-03")
async def test_a_lost_reply_to_irun_is_unknown_and_it_is_never_sent_again():
    async with rig() as here:
        assert await here.driver.load(PROGRAM) == Done(None)
        here.pump.fire("lost-reply:start")
        assert isinstance(await here.driver.start(WATCHDOG), Unknown)
        assert here.pump.plant.truth().running
        assert (await reading(here)).state is PumpState.INFUSING
        assert here.starts == 1
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("COM-02", "COM-06", "COM-14")
async def test_a_bad_line_never_makes_an_undone_command_count_as_done():
    """Each fault at each exchange of load and start, one at a time."""
    for kind, number in itertools.product(("lost", "late", "garbled", "twice", "other address"), range(EXCHANGES)):
        async with rig() as here:
            line, count = here.pump.line, itertools.count()
            real = line._from_pump

            def bad(data, kind=kind, number=number, real=real, count=count):
                if next(count) != number:
                    real(data)
                elif kind == "late":
                    asyncio.get_running_loop().call_later(0.9, real, data)
                elif kind == "garbled":
                    real(data[:1] + bytes([data[1] ^ 0x15]) + data[2:])
                elif kind == "twice":
                    real(data + data)
                elif kind == "other address":
                    real(data.replace(b"\n:", b"\n07:").replace(b"\n>", b"\n07>"))

            here.pump.device.attach(bad)
            loaded = await here.driver.load(SHORT)
            started = await here.driver.start(WATCHDOG)
            here.pump.device.attach(real)
            place = (kind, number, loaded, started)
            await asyncio.sleep(2)
            truly = here.pump.plant.truth().running
            assert here.starts <= 1, place
            if isinstance(loaded, Done):
                assert (await here.driver.read_back()) == Done(SHORT), place
            if isinstance(started, Done):
                assert truly, place
            if isinstance(started, Refused):
                assert not truly, place
            now = await reading(here)
            assert (now.state is PumpState.INFUSING) is truly, place
            assert await here.driver.stop() == Done(None)
            assert not here.pump.plant.truth().running, place


@pytest.mark.requirement("COM-14")
async def test_only_the_prompt_of_the_pump_itself_shows_that_it_runs():
    for answer in (b"\n:\x11", b"\n07>\x11", b"\n52.5 ml/hr\r\n>\x11", b"\n<\x11"):
        async with rig() as here:
            assert await here.driver.load(PROGRAM) == Done(None)
            here.instead(b"irun", answer)
            assert isinstance(await here.driver.start(WATCHDOG), Unknown), answer
            assert here.starts == 1
            assert (await reading(here)).state is PumpState.STOPPED


async def test_a_refused_irun_counts_as_refused_only_without_flow():
    error = b"\nCommand error:\r\n   Rate not set\r\n:\x11"
    async with rig() as here:
        assert await here.driver.load(PROGRAM) == Done(None)
        here.instead(b"irun", error)
        outcome = await here.driver.start(WATCHDOG)
        assert isinstance(outcome, Refused)
        assert "Rate not set" in outcome.reasons[0]
    async with rig() as here:
        assert await here.driver.load(PROGRAM) == Done(None)
        here.instead(b"irun", error)
        here.instead(b"ttime", b"\n00:40:25\r\n:\x11")
        pump, real = here.pump.device, here.pump.device._put
        pump._put = lambda data: (pump.pumps[0].execute("irun", []) if data is error else None, real(data))
        assert isinstance(await here.driver.start(WATCHDOG), Unknown)  # it refused, and flows


async def test_a_load_is_done_only_when_the_pump_holds_it():
    for command in (b"irate 52.5", b"tvolume 35", b"ttime 00", b"diameter 26"):
        async with rig() as here:
            here.instead(command, b"\n:\x11")  # it accepts and does nothing
            assert isinstance(await here.driver.load(PROGRAM), Refused), command
            assert isinstance(await here.driver.start(WATCHDOG), Refused), command
            assert here.starts == 0
    async with rig() as here:  # a pump that takes another value than it was sent
        assert await here.driver.load(SHORT) == Done(None)
        for command in (b"tvolume 35", b"ttime 00"):
            here.instead(command, b"\n:\x11")
        here.instead(b"ctvolume", b"\n:\x11")
        here.instead(b"cttime", b"\n:\x11")
        assert isinstance(await here.driver.load(PROGRAM), Refused)


async def test_a_stop_is_confirmed_when_the_motor_is_seen_at_rest():
    async with rig() as here:
        await running(here)
        here.instead(b"stp", b"\n:\x11")
        assert isinstance(await here.driver.stop(), Unknown)
        assert here.pump.plant.truth().running


async def test_stop_works_when_idle_when_running_twice_and_in_the_middle_of_a_load():
    async with rig() as here:
        assert await here.driver.stop() == Done(None)
        await running(here)
        await asyncio.sleep(60)
        assert await here.driver.stop() == Done(None)
        assert await here.driver.stop() == Done(None)
        given = here.pump.plant.moved()[0]
        await asyncio.sleep(60)
        assert here.pump.plant.moved()[0] == given
        assert (await reading(here)).state is PumpState.STOPPED
        load = asyncio.create_task(here.driver.load(PROGRAM))
        await asyncio.sleep(0.003)
        assert await here.driver.stop() == Done(None)
        assert not isinstance(await load, Done)
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert here.starts == 1


@pytest.mark.requirement("RUN-11")
async def test_a_stall_is_an_occlusion_until_the_next_load():
    for fault in ("occlusion", "stall"):
        async with rig() as here:
            await running(here)
            await asyncio.sleep(10)
            here.pump.fire(fault)
            await asyncio.sleep(60)  # 0.5 mL at 52.5 mL/h: 34 s
            for _ in range(2):
                now = await reading(here)
                assert (now.state, now.alarms) == (PumpState.ALARM, (PumpAlarm.OCCLUSION,))
            assert await here.driver.stop() == Done(None)
            assert (await reading(here)).alarms == (PumpAlarm.OCCLUSION,)
            here.pump.plant.release()
            here.pump.plant.free()
            assert await here.driver.load(PROGRAM) == Done(None)
            assert (await reading(here)).alarms == ()


async def test_a_power_cut_is_a_reset():
    for poll in ("off", "on"):
        async with rig({"poll_after_power": poll}) as here:
            await running(here)
            await asyncio.sleep(30)
            assert (await reading(here)).delivered > Volume(0)
            here.pump.power(on=False)
            assert isinstance(await here.driver.read(), Unknown)
            here.pump.power(on=True)
            now = await reading(here)
            assert (now.state, now.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_RESET,))
            assert isinstance(await here.driver.start(WATCHDOG), Refused)  # its target has been erased
            assert await here.driver.stop() == Done(None)
            assert here.starts == 1
            assert await here.driver.load(PROGRAM) == Done(None)
            assert (await reading(here)).alarms == ()


async def test_a_power_cut_before_the_first_reading_is_a_reset_too():
    async with rig() as here:
        await running(here)
        here.pump.power(on=False)
        here.pump.power(on=True)
        now = await reading(here)
        assert (now.state, now.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_RESET,))


async def test_a_stop_is_confirmed_by_a_pump_that_forgot_its_polling():
    async with rig() as here:
        await running(here)
        here.pump.device.pumps[0].switches["poll"] = "off"
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


async def test_changes_at_the_panel_are_seen():
    async with rig() as here:
        await running(here)
        here.pump.press("rate", "150%")
        assert (await reading(here)).rate == Rate("78.75")
        here.pump.press("stop")
        assert (await reading(here)).state is PumpState.STOPPED
        assert isinstance(await here.driver.read_back(), Refused)  # the time limit is not that of this rate


async def test_a_ramp_set_at_the_panel_does_not_count_as_a_program():
    async with rig() as here:
        assert await here.driver.load(PROGRAM) == Done(None)
        here.pump.device.pumps[0].execute("iramp", ["1", "ml/hr", "9", "ml/hr", "60"])
        assert isinstance(await here.driver.read_back(), Refused)


async def test_without_a_gateway_the_pump_ends_at_its_volume():
    async with rig() as here:
        await running(here, SHORT)
        memory.unplug(here.name)
        assert isinstance(await here.driver.read(), Refused)
        await asyncio.sleep(120)
        assert here.pump.plant.moved()[0] == pytest.approx(1)
        memory.plug(here.name)
        await asyncio.sleep(20)
        assert isinstance(await here.driver.load(SHORT), Refused)  # it may be another pump
        assert isinstance(await here.driver.identify(), Done)
        assert (await reading(here)).delivered == Volume(1)


async def test_two_pumps_of_a_chain_are_stopped_separately():
    async with rig({"addresses": "0,12"}) as here:
        other = await Harvard.connect(f"memory://{here.name}", {"address": 12})
        try:
            assert (await other.identify()).value.serial == "D101755"
            await running(here)
            assert await other.load(SHORT) == Done(None)
            assert await other.start(WATCHDOG) == Done(None)
            await asyncio.sleep(10)
            assert await other.stop() == Done(None)
            assert [plant.truth().running for plant in here.pump.device.plants] == [True, False]
            assert (await reading(here)).state is PumpState.INFUSING
        finally:
            await other.close()


async def test_the_other_choices_of_the_simulator():
    for options, settings in (
        ({"status_target_flag": False, "status_time": "s", "status_width": 0}, {}),
        ({"addresses": "1", "address_on_text": False}, {"address": 1}),
        ({"addresses": "1", "address_colon": "required"}, {"address": 1, "address_colon": True}),
        ({"addresses": "1", "address_colon": "refused"}, {"address": 1}),
        ({"show_address_zero": True}, {}),
        ({"has_nvram_none": False, "stp_clears_stall": False, "has_ver": False}, {"asks_ver": False}),
        ({"reply_delay_s": 0.3}, {}),
    ):
        async with rig(options, settings) as here:
            assert await here.driver.load(SHORT) == Done(None), options
            assert await here.driver.read_back() == Done(SHORT)
            assert await here.driver.start(WATCHDOG) == Done(None)
            await asyncio.sleep(70)
            now = await reading(here)
            assert (now.state, now.delivered) == (PumpState.STOPPED, Volume(1)), options


@pytest.mark.requirement("RUN-11")
async def test_an_alarm_is_not_forgotten_for_the_next_one():
    async with rig({}, {}) as here:
        assert await here.driver.load(SHORT) == Done(None)
        assert await here.driver.start(WATCHDOG) == Done(None)
        here.pump.fire("stall")
        await asyncio.sleep(1)
        assert (await reading(here)).alarms == (PumpAlarm.OCCLUSION,)
        here.pump.fire("power-cut/1s")
        await asyncio.sleep(2)
        assert set((await reading(here)).alarms) == {PumpAlarm.OCCLUSION, PumpAlarm.PUMP_RESET}
