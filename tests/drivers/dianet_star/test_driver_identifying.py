"""The Dianet Star driver and the simulated pumps: which pump answers."""

import asyncio

import pytest

from pumpd.pump import (
    Done,
    Driver,
    PumpAlarm,
    PumpState,
    Refused,
    Unknown,
    family,
)
from pumpd.wire import memory
from pumpd_drivers.dianet_star.driver import DianetStar
from pumpd_drivers.dianet_star.segments import (
    Mode,
    Word,
)
from tests.drivers.dianet_star.driver_bench import (
    INFUSOMAT,
    LEASE,
    PERFUSOR,
    PROGRAM,
    PROGRAMS,
    bench,
    both,
    changes,
    modes,
    ready,
    running,
    sent_to_pump,
    watch,
)


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
                assert clock.ahead_s(later_ns, 10**15 + later_ns) == 0  # both run on from there


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
