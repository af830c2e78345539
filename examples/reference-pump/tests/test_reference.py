"""The frames of the firmware's README, and what the driver makes of a start, a lease, a reset and a light."""

import asyncio
import re
from pathlib import Path

import pytest

from pumpd.pump import Done, Mark, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, mark_of
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.virtual_time import VirtualTimeLoop
from reference_pump.codec import Garbage, Reply, ReplyFramer, Request, RequestFramer, check_of
from reference_pump.driver import Reference
from reference_pump.replies import STATUS

README = Path(__file__).parents[2] / "firmware" / "README.md"
PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), Length("26.59"))


def in_virtual_time(story):
    def test():
        async def run():
            pump = simulate("reference", plant=PlantSettings.ideal())
            memory.serve("reference", pump)
            driver = await Reference.connect("memory://reference", {})
            try:
                await story(driver, pump)
            finally:
                await driver.close()
                memory.withdraw("reference")
                pump.shut()

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run())

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


async def started(driver):
    assert (await driver.identify()).value.serial == "10000001"
    assert await driver.load(PROGRAM) == Done(None)
    assert await driver.start(Duration(10)) == Done(None)


def frames():
    return re.findall(r"^([:=][0-9A-F]{4}[A-Z]\S*)", README.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_check_is_crc_16_ccitt_false():
    assert check_of(b"123456789") == b"29B1"


def test_every_frame_of_the_readme_is_good_and_is_written_the_same():
    assert len(frames()) >= 16
    for text in frames():
        raw = text.encode() + b"\n"
        (frame,) = (RequestFramer() if text.startswith(":") else ReplyFramer()).feed(raw)
        assert frame.to_bytes() == raw


@in_virtual_time
async def test_the_session_of_the_readme(driver, pump):
    """The driver sends its requests in this order; sequence numbers aside, they are those of the README."""
    sent = []
    driver.taps.append(lambda way, data, _: sent.append(data[5:-5].decode()) if way == "out" else None)
    await started(driver)
    await driver.read_back()
    await driver.read()
    await driver.stop()
    assert await driver.signal(3) == Done(None)
    listed = [text[5:-4] for text in frames() if text.startswith(":")]
    assert set(sent) <= set(listed)
    assert {data[0] for data in sent} == set("ISPQGXB")


def test_half_a_frame_an_echo_and_a_changed_digit_are_no_replies():
    reply = Reply(1, 7, "X", 0, "0").to_bytes()
    framer = ReplyFramer()
    assert framer.feed(reply[:6]) == []
    first, second = framer.feed(reply)
    assert (first, second) == (Garbage(reply[:6]), Reply(1, 7, "X", 0, "0"))
    for bad in (Request(1, 7, "X").to_bytes(), reply.replace(b"X0", b"X1"), reply.replace(b"=01", b"=02")):
        assert all(isinstance(frame, Garbage) for frame in ReplyFramer().feed(bad)), bad


@in_virtual_time
async def test_a_monitor_s_question_does_not_renew_the_lease(driver, pump):
    await started(driver)
    for _ in range(11):
        await asyncio.sleep(1)
        await driver.question("S", "", STATUS)
    assert not pump.truth()["running"]
    reading = (await driver.read()).value
    assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))


@in_virtual_time
async def test_a_program_is_started_once(driver, pump):
    await started(driver)
    assert await driver.stop() == Done(None)
    assert isinstance(await driver.start(Duration(10)), Refused)
    assert not pump.truth()["running"]


@in_virtual_time
async def test_a_pump_that_has_just_started_has_no_alarm_and_one_that_lost_its_program_has(driver, pump):
    await driver.identify()
    assert (await driver.read()).value.alarms == ()
    await driver.load(PROGRAM)
    pump.fire("power-cut/1s")
    await asyncio.sleep(2)
    assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_RESET,)


@in_virtual_time
async def test_the_light_blinks_as_often_as_asked_and_never_while_it_infuses(driver, pump):
    await driver.identify()
    assert await driver.signal(3) == Done(None)
    assert pump.device.display()["blinks"] == "3"
    assert isinstance(await driver.signal(16), Refused)
    await started(driver)
    assert isinstance(await driver.signal(3), Refused)


def test_its_serial_number_shows_which_pump_it_is():
    assert mark_of(Reference, {}) is Mark.SERIAL
    with pytest.raises(ValueError, match="address"):
        Reference.check_settings({"address": "255"})
