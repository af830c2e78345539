"""The Dianet Star driver and the simulated pumps: stop, keys, alarms, power cuts and a bad line."""

import asyncio
from dataclasses import replace

import pytest

from pumpd.driving import DeclinedError
from pumpd.pump import (
    Done,
    PumpAlarm,
    PumpState,
    Refused,
)
from pumpd.quantities import Rate, Volume
from pumpd_drivers.dianet_star import replies
from pumpd_drivers.dianet_star.codec import Reply, Request
from pumpd_drivers.dianet_star.segments import (
    LEAVE_32,
    Action,
    Alarm,
    CcMode,
    DoIt,
    Mode,
    Refusal,
    State,
    Word,
)
from pumpd_simulators.faults import Kind
from tests.drivers.dianet_star.driver_bench import (
    INFUSOMAT,
    LEASE,
    PERFUSOR,
    PROGRAM,
    PROGRAMS,
    bench,
    both,
    modes,
    ready,
    running,
    sent_to_pump,
    starts,
    watch,
)

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
