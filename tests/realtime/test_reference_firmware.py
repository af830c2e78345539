"""The reference firmware on an emulated chip: what it does is counted by edges on its step pin, in the chip's own time.

The chip never runs ahead of the clock, so a busy machine makes it slower in every respect and changes no count.
"""

import asyncio
import contextlib
import math
import os
import select
import tty

import pytest

from benchmarks.firmware.chip import Chip, build_reference, build_runner
from pumpd.driving import DeclinedError
from pumpd.pump import Done, PumpAlarm, PumpProgram, PumpState, RateStep, Refused
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_simulators.bench import simulate
from reference_pump.codec import Reply, ReplyFramer, Request
from reference_pump.driver import Reference
from reference_pump.replies import NOTHING
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime

SERIAL = "10000001"
PINS = ("step=D2/D5", "led=B5")
DIAMETER = Length("26.59")
TICK_S = 1 / 4000  # of the firmware's timer: a step is late by one at most
PATIENT = {"reply_timeout_s": 5}  # the chip may be slow; how long it took is asked of its own clock


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("firmware")
    return build_runner(folder), build_reference(folder, SERIAL)


@pytest.fixture
def chip(built):
    with Chip(*built, PINS) as chip:
        yield chip


@contextlib.asynccontextmanager
async def driven(chip):
    driver = await Reference.connect(chip.port, PATIENT)
    try:
        assert isinstance(await driver.identify(), Done)
        yield driver
    finally:
        await driver.close()


def program(rate, volume):
    return PumpProgram((RateStep(Rate(rate), Volume(volume)),), DIAMETER)


def steps_of(volume_ml):
    """From the geometry alone: 3200 steps move the plunger of a 26.59 mm syringe by 1 mm."""
    return math.floor(volume_ml * 1000 / (math.pi / 4 * 26.59**2) * 3200)


async def start(driver, wanted, lease_s=60):
    assert await driver.load(wanted) == Done(None)
    assert await driver.read_back() == Done(wanted)
    assert await driver.start(Duration(lease_s)) == Done(None)


@pytest.mark.requirement("COM-02", "PRG-11")
async def test_a_whole_program_is_as_many_edges_as_its_volume_has_steps_however_much_is_asked(chip):
    async with driven(chip) as driver:
        before = chip.count()["pins"]["step"]
        assert before["high"] == before["low"] == 0
        await start(driver, program("300", "0.25"))
        reading = (await driver.read()).value
        while reading.state is PumpState.INFUSING:  # without a pause: the line is never quiet
            reading = (await driver.read()).value
        assert reading.alarms == ()
        assert (reading.state, reading.delivered) == (PumpState.STOPPED, Volume("0.25"))
        step = chip.count()["pins"]["step"]
        assert (step["high"], step["low"], chip.count()["overrun"]) == (steps_of(0.25), 0, 0)
        steps_per_s = 300 / 3600 * 1000 / (math.pi / 4 * 26.59**2) * 3200
        took = chip.seconds(step["last"] - step["first"])
        assert took == pytest.approx((step["high"] - 1) / steps_per_s, abs=2 * TICK_S)
        for between in (step["shortest"], step["longest"]):  # talking disturbs no step
            assert chip.seconds(between) == pytest.approx(1 / steps_per_s, abs=TICK_S + 100e-6)
        with pytest.raises(DeclinedError, match="no program that was not yet started"):  # the pump itself refuses it
            await driver.command("G", f"{SERIAL}67DE{300_000:08X}{250:08X}3C", NOTHING, driver.link.epoch)


@pytest.mark.requirement("COM-12", "COM-13")
async def test_the_flow_ends_when_the_lease_is_not_renewed(chip):
    async with driven(chip) as driver:
        await start(driver, program("300", "5"), lease_s=2)
        granted = chip.count()["last_received"]

        def over():
            seen = chip.count()
            return seen if chip.seconds(seen["cycles"] - granted) > 3 else None

        seen = await until(over)
        step = seen["pins"]["step"]
        flowed = chip.seconds(step["last"] - step["first"])
        assert 2 - 2 * chip.seconds(step["longest"]) <= flowed <= 2
        given = step["high"]
        reading = (await driver.read()).value
        assert (reading.state, reading.alarms) == (PumpState.ALARM, (PumpAlarm.PUMP_WATCHDOG,))
        assert chip.count()["pins"]["step"]["high"] == given, "a late renewal starts nothing"


@pytest.mark.requirement("STP-01", "STP-02")
async def test_a_stop_ends_the_steps_and_is_answered_at_once(chip):
    async with driven(chip) as driver:
        await start(driver, program("300", "5"))
        await until(lambda: chip.count()["pins"]["step"]["high"] > 100)
        assert await driver.stop() == Done(None)
        stopped = chip.count()
        assert stopped["pins"]["step"]["last"] <= stopped["last_received"] + 2 * TICK_S * chip.frequency
        assert chip.seconds(stopped["last_sent"] - stopped["last_received"]) < 0.02
        await until(lambda: chip.count()["cycles"] > stopped["cycles"] + chip.frequency // 2)
        assert chip.count()["pins"]["step"] == stopped["pins"]["step"]
        assert isinstance(await driver.start(Duration(60)), Refused), "a stopped program is loaded again first"


@pytest.mark.requirement("COM-10", "COM-15")
async def test_a_start_that_means_another_pump_or_program_moves_nothing(chip):
    async with driven(chip) as driver:
        wanted = program("300", "5")
        assert await driver.load(wanted) == Done(None)
        held = "67DE" + f"{300_000:08X}" + f"{5000:08X}"
        for named, why in ((f"10000002{held}", "another pump is meant"), (f"{SERIAL}{held[:-1]}9", "another program")):
            with pytest.raises(DeclinedError, match=why):
                await driver.command("G", f"{named}3C", NOTHING, driver.link.epoch)
        assert chip.count()["pins"]["step"]["high"] == 0


@pytest.mark.requirement("RUN-11", "STP-06")
async def test_the_key_a_stall_and_a_reset_end_the_flow_and_are_told(chip):
    async with driven(chip) as driver:
        for event, alarms in (
            ("pin C0 0", ()),
            ("pin C1 0", (PumpAlarm.OCCLUSION,)),
            ("reset", (PumpAlarm.PUMP_RESET,)),
        ):
            await start(driver, program("300", "5"))
            given = chip.count(event)["pins"]["step"]["high"]
            noticed = chip.count()["cycles"] + chip.frequency // 100
            await until(lambda noticed=noticed: chip.count()["cycles"] > noticed)
            reading = (await driver.read()).value
            assert reading.state.no_flow, event
            assert reading.alarms == alarms, event
            assert chip.count()["pins"]["step"]["high"] <= given + 1, event
            if event != "reset":
                chip.count(event[:-1] + "1")  # the key is released


async def test_it_shows_itself_by_its_light(chip):
    async with driven(chip) as driver:
        chip.count("clear")
        assert await driver.signal(3) == Done(None)
        asked = chip.count()["cycles"]
        seen = await until(lambda: (now := chip.count())["cycles"] > asked + 2 * chip.frequency and now)
        assert (seen["pins"]["led"]["seen"], seen["pins"]["step"]["high"]) == (3, 0)


# -- the simulator says what the firmware says ---------------------------------------------------------------------

HELD = "67DE0000EA6000000064"
SAID = [
    ("I", ""),
    ("S", ""),
    ("S", "00"),
    ("S", "3D"),
    ("S", "1"),
    ("Q", ""),
    ("G", SERIAL + "0" * 20 + "0A"),
    ("P", "12"),
    ("P", "0F9F0000EA6000000064"),  # 3.999 mm
    ("P", "9C410000EA6000000064"),  # 40.001 mm
    ("P", "67DE0000EA60" + "00000000"),
    ("P", "67DE0000EA60" + f"{100_001:08X}"),
    ("P", "67DE00000000" + "00000064"),
    ("P", "67DE" + f"{624_600:08X}" + "00000064"),  # 1000 steps/s are 624.7 mL/h
    ("P", "67DE" + f"{624_800:08X}" + "00000064"),
    ("P", HELD),
    ("P", HELD.lower()),
    ("Q", ""),
    ("S", ""),
    ("G", "10000002" + HELD + "0A"),
    ("G", SERIAL + HELD + "00"),
    ("G", SERIAL + HELD + "3D"),
    ("G", SERIAL + HELD[:-1] + "50A"),
    ("G", SERIAL + HELD),
    ("X", "whatever"),
    ("G", SERIAL + HELD + "0A"),
    ("T", ""),
    ("T", "bed 1"),
    ("T", "seventeen letters"),
    ("T", ""),
    ("B", "2"),
    ("B", ""),
    ("Z", ""),
    ("A", "1000000202"),
    ("A", SERIAL + "00"),
    ("A", SERIAL + "FF"),
    ("P", HELD),
    ("G", SERIAL + HELD + "3C"),
    ("P", HELD),
    ("G", SERIAL + HELD + "3C"),
    ("T", "not now"),
    ("B", "1"),
    ("A", SERIAL + "02"),
]


def of_the_chip(port, requests):
    end = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(end)
    try:
        return [_exchanged(end, request) for request in requests]
    finally:
        os.close(end)


def _exchanged(end, request):
    os.write(end, request)
    heard = b""
    while not heard.endswith(b"\n"):
        assert select.select([end], [], [], PATIENCE_S)[0], f"{request!r} was not answered"
        heard += os.read(end, 4096)
    return heard


async def test_the_simulator_answers_as_the_firmware(chip):
    requests = [Request(1, number, *said).to_bytes() for number, said in enumerate(SAID)]
    await until(lambda: chip.count()["cycles"] > chip.frequency // 100)  # it is past its reset
    real = await asyncio.to_thread(of_the_chip, chip.port, requests)
    pump, answered = simulate("reference"), []
    pump.attach(answered.append)
    for request in requests:
        pump.feed(request)
    pump.shut()
    replies = [ReplyFramer().feed(raw)[0] for raw in real]
    assert [str(reply) for reply in replies] == [str(ReplyFramer().feed(raw)[0]) for raw in answered]
    assert {reply.result for reply in replies} == set(range(8)), "every result was seen"


@pytest.mark.requirement("COM-06")
def test_what_is_damaged_or_meant_for_another_is_not_answered(chip):
    wrong = Request(1, 3, "I").to_bytes()
    for bad in (
        wrong[:5] + b"J" + wrong[6:],
        wrong[:-2] + b"0\n",
        Request(2, 4, "I").to_bytes(),  # for another pump
        Reply(1, 5, "I", 0).to_bytes(),  # a reply, as an adapter's echo brings it back
        b":01\n",
        b":" + b"A" * 300 + b"\n",
        b"\xff\x00" + wrong[:6],
    ):
        (answer,) = of_the_chip(chip.port, [bad + Request(1, 7, "I").to_bytes()])
        (reply,) = ReplyFramer().feed(answer)
        assert reply.sequence == 7, bad
