"""How the New Era driver handles a bad line and a pump in trouble; nothing goes well here."""

import asyncio
import random
from decimal import Decimal

import pytest

from pumpd.pump import Done, Driver, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import Direction, memory
from pumpd_drivers.new_era.driver import NewEra

from .new_era_session import PROGRAM, WATCHDOG, call, session
from .toy_pump import ToyPump

KINDS = [
    "lost request",
    "lost reply",
    "late reply",
    "very late reply",
    "duplicated reply",
    "duplicated later",
    "garbled reply",
    "split reply",
    "noise before",
    "foreign reply",
    "other address",
]
HARMLESS = ("duplicated reply", "duplicated later", "split reply", "noise before")
COMMANDS = {
    "identify": ["", "SAF0", "VER", "TRGOF"],
    "load": [
        "SAF",
        "PF0",
        "TRGOF",
        "DIA",
        "VOLML",
        "PHN1",
        "FUNRAT",
        "RAT",
        "VOL1",
        "DIR",
        "PHN3",
        "FUNSTP",
        "CLDINF",
        "CLDWDR",
    ],
    "read_back": ["DIA", "PHN2", "FUN", "RAT", "VOL", "DIR"],
    "start": ["DIA", "VOL", "SAF", "DIS", "RUN"],
    "read": ["RAT", "DIS"],
    "stop": ["STP", "DIS"],
    "release": ["", "SAF0"],
}
CASES = [(method, command, kind) for method, commands in COMMANDS.items() for command in commands for kind in KINDS]


def test_the_family_is_found_by_its_entry_point():
    assert family("new-era") is NewEra


async def test_a_whole_session_runs(driver, pump):
    assert isinstance(driver, Driver)
    await session(driver, "read")
    for _ in range(15):
        await asyncio.sleep(2)
        reading = (await driver.read()).value
    assert (reading.state, reading.rate) == (PumpState.INFUSING, Rate(60))
    assert reading.delivered.decimal == pytest.approx(Decimal("0.5"), abs=Decimal("0.02"))  # 60 mL/h is 1 mL a minute
    assert reading.asked_ns < reading.answered_ns
    for _ in range(30):
        await asyncio.sleep(2)
        reading = (await driver.read()).value
    assert (reading.state, reading.delivered) == (PumpState.STOPPED, Volume("1.5"))  # the third phase is a stop
    assert await driver.stop() == Done(None)
    assert await driver.release() == Done(None)
    assert not pump.safe
    assert pump.runs == 1


@pytest.mark.requirement("COM-02", "COM-03", "COM-14")
@pytest.mark.parametrize(("method", "command", "kind"), CASES, ids=["-".join(case) for case in CASES])
async def test_a_bad_line_never_repeats_a_run_and_never_makes_an_undone_command_count_as_done(
    connect, method, command, kind
):
    pump = ToyPump()
    async with connect(pump) as driver:
        await session(driver, method)
        if (method, command) == ("identify", "SAF0"):
            pump.safe = True  # left over from an earlier session
        pump.fault = (command, kind)
        done_before, runs_before = len(pump.executed), pump.runs
        outcome = await call(driver, method)
        await asyncio.sleep(4)  # late replies arrive now
        executed = pump.executed[done_before:]
        assert pump.fault is None, "the fault did not happen"
        assert pump.texts().count("RUN") == pump.runs == runs_before + (method == "start" and "RUN" in executed)
        assert pump.runs <= 1
        match outcome:
            case Done():
                if method == "start":
                    assert pump.runs == 1
                elif method == "stop":
                    assert not pump.running
                    assert pump.state == "S"
                elif method == "release":
                    assert not pump.safe
            case Refused():
                assert method != "start" or pump.runs == 0
            case Unknown():
                assert kind not in HARMLESS
        if method in ("read", "stop") or kind in HARMLESS:
            assert isinstance(outcome, Done), outcome
        if command == "RUN" and kind not in HARMLESS:
            assert isinstance(outcome, Unknown)
        if method == "load" and isinstance(outcome, Done):
            assert await driver.read_back() == Done(PROGRAM)
        # whatever happened, reading and stopping still work
        assert isinstance(await driver.identify(), Done)
        assert await driver.stop() == Done(None)
        assert not pump.running


@pytest.mark.requirement("COM-03")
async def test_a_lost_reply_to_run_is_unknown_although_the_pump_runs(driver, pump):
    await session(driver, "start")
    pump.fault = ("RUN", "lost reply")
    assert isinstance(await driver.start(WATCHDOG), Unknown)
    assert pump.running
    await asyncio.sleep(5)
    assert (await driver.read()).value.state is PumpState.INFUSING
    assert pump.texts().count("RUN") == 1


@pytest.mark.requirement("COM-06")
async def test_a_read_is_repeated_three_times_and_then_unknown(driver, pump):
    await session(driver, "read")
    pump.heard.clear()
    real, pump._reply = pump._reply, lambda raw: None
    assert isinstance(await driver.read(), Unknown)
    assert pump.texts() == ["RAT"] * 4
    pump._reply = real
    assert isinstance(await driver.read(), Done)


@pytest.mark.requirement("COM-06")
async def test_a_basic_frame_is_not_accepted_in_safe_mode(driver, pump):
    """The rest of a damaged safe frame may look like a basic frame; without a check sum it is not accepted."""
    await session(driver, "read")
    real = pump._reply
    pump._reply = lambda raw: real(b"\x02" + raw[2:-3] + b"\x03")
    assert isinstance(await driver.read(), Unknown)


@pytest.mark.requirement("COM-03")
@pytest.mark.parametrize("word", ["SAF", "DIS", "RUN"])
async def test_an_alarm_that_swallows_a_command_of_start_never_repeats_run(driver, pump, word):
    """An alarm is raised just before the pump receives a command of `start`."""
    await session(driver, "start")
    due, real = [word], pump._answer

    def answer(request):
        if request.text[:3] in due:
            due.clear()
            pump.raise_alarm("S")
        return real(request)

    pump._answer = answer
    outcome = await driver.start(WATCHDOG)
    assert due == []
    if word == "RUN":
        assert isinstance(outcome, Refused)
        assert pump.runs == 0
    assert pump.texts().count("RUN") == 1
    reading = (await driver.read()).value
    assert PumpAlarm.OCCLUSION in reading.alarms


async def test_a_refusal_of_run_does_not_count_while_the_pump_flows(driver, pump):
    """An alarm reply that is not the answer to RUN: the pump executed it, and a reading shows it."""
    await session(driver, "start")
    real = pump._reply

    def reply(raw):
        if pump.running and pump.texts()[-1] == "RUN":
            raw = bytes.fromhex("02 09 30 30 41 3F 53 75 A7 03")  # 00A?S
        real(raw)

    pump._reply = reply
    outcome = await driver.start(WATCHDOG)
    assert isinstance(outcome, Unknown)
    assert "infusing" in outcome.cause


async def test_a_spontaneous_alarm_is_kept_and_does_not_shift_the_answers(driver, pump):
    """'In safe mode alarms are sent spontaneously', which 'does not clear the alarm'."""
    await session(driver, "read")
    await asyncio.sleep(5)
    pump.raise_alarm("S", spontaneous=True)
    await asyncio.sleep(1)
    reading = (await driver.read()).value
    assert reading.alarms == (PumpAlarm.OCCLUSION,)
    assert not reading.state.flowing
    # and one that comes while a question is in flight
    pump.raise_alarm("E", spontaneous=True)
    reading = (await driver.read()).value
    assert set(reading.alarms) == {PumpAlarm.OCCLUSION, PumpAlarm.PUMP_PROGRAM_ERROR}
    assert (await driver.read()).value.rate == Rate(60)


async def test_a_spontaneous_alarm_is_kept_although_the_pump_no_longer_reports_it(driver, pump):
    """Unsolicited, and silenced at the panel before the next poll: it is reported all the same."""
    await session(driver, "read")
    pump.raise_alarm("S", spontaneous=True)
    pump.alarms.clear()
    await asyncio.sleep(1)
    assert (await driver.read()).value.alarms == (PumpAlarm.OCCLUSION,)


@pytest.mark.requirement("COM-14")
@pytest.mark.parametrize("spontaneous", [True, False])
async def test_an_alarm_that_no_source_names_is_a_fault_and_keeps_no_stop_from_being_confirmed(
    driver, pump, spontaneous
):
    await session(driver, "read")
    pump.raise_alarm("Q", spontaneous=spontaneous)
    await asyncio.sleep(1)
    reading = (await driver.read()).value
    assert reading.alarms == (PumpAlarm.PUMP_FAULT,)
    pump.raise_alarm("Q", spontaneous=spontaneous)
    assert await driver.stop() == Done(None)
    assert not pump.running


async def test_after_an_alarm_the_driver_waits_for_a_quiet_line(driver, pump):
    """A spontaneous alarm may have arrived before the reply, which then follows and answers nothing."""
    await session(driver, "read")
    sent = []
    driver.link.taps.append(lambda way, data, t_ns: sent.append(t_ns / 1e9) if way is Direction.OUT else None)
    pump.raise_alarm("S")
    await driver.read()
    assert len(sent) == 3
    assert sent[1] - sent[0] > 0.2
    assert sent[2] - sent[1] < 0.1


async def test_the_watchdog_of_the_pump_ends_the_flow_and_is_reported(driver, pump):
    await session(driver, "read")
    await asyncio.sleep(60)
    reading = (await driver.read()).value
    assert PumpAlarm.PUMP_WATCHDOG in reading.alarms
    assert not pump.running


async def test_a_power_cut_is_reported_until_the_next_program(driver, pump):
    await session(driver, "read")
    pump.power_up()
    for _ in range(3):
        reading = (await driver.read()).value
        assert reading.alarms == (PumpAlarm.PUMP_RESET,)
    assert isinstance(await driver.identify(), Done)
    assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_RESET,)
    assert await driver.load(PROGRAM) == Done(None)
    assert (await driver.read()).value.alarms == ()


async def test_load_is_refused_by_a_pump_that_is_not_idle(driver, pump):
    await session(driver, "read")
    outcome = await driver.load(PROGRAM)
    assert isinstance(outcome, Refused)
    assert "infusing, not stopped" in outcome.reasons[0]
    assert pump.phases[1]["VOL"] == 1.0


async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte(driver, pump):
    await driver.identify()
    heard = len(pump.heard)
    outcome = await driver.load(PumpProgram((RateStep(Rate(1700), Volume(10000)),), Length("26.59")))
    assert isinstance(outcome, Refused)
    assert len(outcome.reasons) == 2
    assert len(pump.heard) == heard


@pytest.mark.parametrize("watchdog", ["0.5", "256"])
async def test_a_watchdog_that_cannot_be_set_is_refused(driver, pump, watchdog):
    await session(driver, "start")
    assert isinstance(await driver.start(Duration(watchdog)), Refused)
    assert pump.runs == 0


async def test_a_start_of_a_running_pump_is_refused_without_a_second_run(driver, pump):
    await session(driver, "read")
    assert isinstance(await driver.start(WATCHDOG), Refused)
    assert pump.texts().count("RUN") == 1


# -- the port ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-02", "COM-03")
@pytest.mark.parametrize("method", ["load", "read_back", "start", "read", "stop"])
async def test_the_cable_comes_out_at_any_exchange_and_nothing_is_sent_again(connect, method):
    length_ms = {"load": 400, "read_back": 250, "start": 60, "read": 40, "stop": 60}[method]
    for delay_ms in range(0, length_ms, max(1, length_ms // 40)):
        pump = ToyPump()
        async with connect(pump) as driver:
            await session(driver, method)
            task = asyncio.create_task(call(driver, method))
            await asyncio.sleep(delay_ms / 1000)
            name = driver.link.port.removeprefix("memory://")
            memory.unplug(name)
            outcome = await task
            await asyncio.sleep(0.01)  # the pump still processes what it has received
            heard = len(pump.heard)
            memory.plug(name)
            await asyncio.sleep(20)
            assert driver.link.connected
            assert len(pump.heard) == heard
            assert pump.texts().count("RUN") <= 1
            if isinstance(outcome, Refused) and method == "start":
                assert pump.runs == 0
            if isinstance(outcome, Done) and method == "start":
                assert pump.runs == 1
            assert isinstance(await driver.identify(), Done)
            assert await driver.stop() == Done(None)


# -- other pumps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("integers", ["1000.", "1000"])
@pytest.mark.parametrize("unknown", [("SAF",), ("SAF", "PF"), ("SAF", "PF", "PHN", "FUN"), ("PHN", "FUN"), ()])
async def test_a_pump_with_fewer_commands_can_be_tried_on_the_bench(connect, unknown, integers):
    program = PumpProgram((RateStep(Rate(1200), Volume(1)),), Length("26.59"))
    pump = ToyPump(unknown=unknown, integers=integers)
    async with connect(pump, **NewEra.bench_settings) as driver:
        assert isinstance(await driver.identify(), Done)
        assert await driver.load(program) == Done(None)
        assert await driver.read_back() == Done(program)
        assert await driver.start(WATCHDOG) == Done(None)
        assert driver.native_lease is ("SAF" not in unknown)
        assert (await driver.read()).value.rate == Rate(1200)
        assert await driver.stop() == Done(None)
        assert await driver.release() == Done(None)


async def test_without_safe_mode_nothing_is_loaded_or_started_when_it_is_required(connect):
    pump = ToyPump(unknown=("SAF",))
    async with connect(pump) as driver:
        assert isinstance(await driver.identify(), Done)
        outcome = await driver.load(PROGRAM)
        assert isinstance(outcome, Refused)
        assert "nothing would stop it if this gateway died" in outcome.reasons[0]
        assert isinstance(await driver.start(WATCHDOG), Refused)
        assert pump.runs == 0


@pytest.mark.requirement("STA-05", "COM-16")
async def test_a_volume_whose_unit_follows_the_diameter_is_not_started(connect):
    """Commands: 'default units UL if DIA <= 14.00 mm'. This pump keeps to them, and holds a thousandth of it."""
    pump, program = ToyPump(), PumpProgram((RateStep(Rate(60), Volume("0.05")),), Length("11.99"))
    real = pump._execute
    pump._execute = lambda text: "" if text == "VOLML" else real(text)
    async with connect(pump) as driver:
        await driver.identify()
        assert await driver.load(program) == Done(None)
        outcome = await driver.start(WATCHDOG)
        assert isinstance(outcome, Refused)
        assert "volume of step 1 is 0.00005 mL, ordered 0.05 mL" in outcome.reasons[0]
        assert pump.runs == 0


async def test_two_steps_do_not_go_into_a_pump_without_phases(connect):
    async with connect(ToyPump(unknown=("PHN", "FUN"))) as driver:
        await driver.identify()
        outcome = await driver.load(PROGRAM)
        assert isinstance(outcome, Refused)
        assert "has no phases" in outcome.reasons[0]


async def test_a_pump_at_another_address_does_not_answer(connect):
    async with connect(ToyPump(address=7)) as driver:
        outcome = await driver.identify()
        assert isinstance(outcome, Unknown)
        assert "at address 0 and 19200 baud" in outcome.cause
    async with connect(ToyPump(address=7), address=7) as driver:
        assert isinstance(await driver.identify(), Done)


@pytest.mark.requirement("COM-03")
@pytest.mark.parametrize("seed", range(12))
async def test_sessions_on_a_line_that_loses_doubles_delays_and_garbles_at_random(connect, seed):
    """A fault at every tenth command or so, for ten sessions: RUN is received at most once per start."""
    chance = random.Random(seed)
    pump = ToyPump()
    async with connect(pump) as driver:
        real = pump._handle

        def handle(request):
            if chance.random() < 0.1 and pump.fault is None:
                pump.fault = (getattr(request, "text", ""), chance.choice(KINDS))
            real(request)

        pump._handle = handle
        for _ in range(10):
            before, starts = pump.texts().count("RUN"), 0
            await driver.identify()
            if isinstance(await driver.load(PROGRAM), Done) and isinstance(await driver.read_back(), Done):
                starts = 1
                outcome = await driver.start(WATCHDOG)
                if isinstance(outcome, Done):
                    assert pump.runs > before
                if isinstance(outcome, Refused):
                    assert not pump.running
                for _ in range(3):
                    await driver.read()
                    await asyncio.sleep(0.5)
            for _ in range(3):  # as the caller does: until it is confirmed
                if isinstance(await driver.stop(), Done):
                    break
            assert not pump.running
            assert pump.texts().count("RUN") - before <= starts
