"""What the deadman writes, family by family: the protocol sheet's own bytes, for only one pump of a line (STP-09)."""

import asyncio

import pytest

from pumpd.pump import Container, Done, LossOfControl, PumpProgram, RateStep, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import simulate

SYRINGE = Container("50 mL syringe", Volume(50), Volume(1), Rate(1), Length("29.2"))
BAG = Container("100 mL bag", Volume(100), Volume(1), Rate(1))
BAGS = ("reglo-icc", "zyno-miva")


async def running(name, settings, *, port="line", container=SYRINGE):
    """A driver whose pump flows."""
    driver = await family(name).connect(f"memory://{port}", settings)
    program = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), container.diameter)
    for outcome in (await driver.identify(), await driver.load(program), await driver.start(Duration(10))):
        assert isinstance(outcome, Done), outcome
    return driver


@pytest.fixture
def line():
    pumps = []

    def serve(name, **made):
        pumps.append(simulate(name, **made))
        memory.serve("line", pumps[0])
        return pumps[0]

    yield serve
    memory.withdraw("line")
    pumps[0].shut()


# Each frame as the family's sheet gives it, or put together from what the sheet gives.
FRAMES = [
    ("new-era", {}, {}, ["02 08 30 53 54 50 B3 F9 03"]),
    ("new-era", {"safe_mode": "off"}, {}, [b"0STP\r"]),
    ("harvard", {}, {}, [b"@stp\r"]),
    ("harvard", {"address": 2}, {"addresses": "2"}, [b"02@stp\r"]),
    ("harvard-classic", {}, {}, [b"0STP\r"]),
    ("harvard-classic", {"address": 7}, {"addresses": "7"}, [b"7STP\r"]),
    ("reglo-icc", {"channel": 2, "channels_apart": True}, {"channels": 2}, [b"2I\r"]),
    ("poseidon", {"motor": 3}, {}, [b"<STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0>"]),
    ("alaris-asena", {}, {}, [b"!INF_STOP|CD57\r"]),
    ("zyno-miva", {}, {}, ["02 57 54 30 32 30 44 03"]),
    ("fresenius-base-a", {"stops_unheard": True}, {}, ["06 02 31 50 4F 32 46 03", "06 02 30 44 43 34 38 03",
     "06 02 31 50 4F 32 46 03", b"\x06\x021DC47\x03", "06 02 31 50 4F 32 46 03", "06 02 31 4D 4F 3B 32 43 35 03"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "options", "frames"), FRAMES)
async def test_the_stop_frames_are_those_of_the_sheets(line, name, settings, options, frames):
    line(name, options=options)
    driver = await running(name, settings, container=BAG if name in BAGS else SYRINGE)
    wanted = tuple(each if isinstance(each, bytes) else bytes.fromhex(each) for each in frames)
    assert driver.stop_frames.frames == wanted
    assert driver.fileno() is None  # in memory there is no descriptor, and no deadman
    await driver.close()


@pytest.mark.parametrize("name", ["dianet-star", "fresenius-base-a"])
async def test_a_pump_that_wants_a_dialogue_has_no_frames_and_declares_no_deadman(line, name):
    line(name)
    driver = await running(name, {})
    assert driver.stop_frames is None
    assert LossOfControl.DEADMAN not in family(name).capabilities(SYRINGE, {}).loss_of_control
    await driver.close()


@pytest.mark.requirement("STP-09")
async def test_a_rack_that_closed_its_sessions_accepts_the_stop_where_the_settings_declare_it(line):
    pump = line("fresenius-base-a")
    driver = await running("fresenius-base-a", {"stops_unheard": True})
    stop = driver.stop_frames
    await driver.close()
    pump.attach(lambda _: None)  # its ENQ is not answered
    await asyncio.sleep(12)
    assert pump.truth()["running"]
    assert not pump.device.base_open
    for frame in stop.frames:
        pump.feed(frame)
    assert not pump.truth()["running"]
    pump.detach()


CLASSES = [
    ("new-era", {}, ["native", "deadman"]),
    ("new-era", {"safe_mode": "if-supported"}, ["deadman", "vtbi_only"]),
    ("harvard", {}, ["deadman", "vtbi_only"]),
    ("harvard-classic", {}, ["deadman", "vtbi_only"]),
    ("reglo-icc", {}, ["deadman", "vtbi_only"]),
    ("poseidon", {}, ["deadman", "vtbi_only"]),
    ("zyno-miva", {}, ["deadman", "vtbi_only"]),
    ("zyno-miva", {"stops_unheard": False}, ["vtbi_only"]),
    ("alaris-asena", {}, ["native", "deadman"]),
    ("alaris-asena", {"token_lapse_s": 0}, ["deadman", "vtbi_only"]),
    ("dianet-star", {}, ["native"]),
    ("dianet-star", {"stops_when_control_is_lost": False}, ["vtbi_only"]),
    ("fresenius-base-a", {}, ["vtbi_only"]),
    ("fresenius-base-a", {"stops_unheard": True}, ["deadman", "vtbi_only"]),
]


@pytest.mark.requirement("COM-13")
@pytest.mark.parametrize(("name", "settings", "classes"), CLASSES)
def test_each_family_declares_what_ends_its_flow(name, settings, classes):
    given = family(name).capabilities(BAG if name in BAGS else SYRINGE, settings)
    assert list(given.loss_of_control) == classes


SHARED = [
    ("new-era", {"network": "0,7"}, {"address": 0}, {"address": 7}, SYRINGE),
    ("fresenius-base-a", {"modules": "1,3"}, {"module": 1, "stops_unheard": True}, {"module": 3}, SYRINGE),
    (
        "reglo-icc",
        {"channels": 2, "running_query": "channel"},
        {"channel": 1, "channels_apart": True},
        {"channel": 2, "channels_apart": True},
        BAG,
    ),
    ("harvard", {"addresses": "0,2"}, {"address": 0}, {"address": 2}, SYRINGE),
    ("harvard-classic", {"addresses": "0,2"}, {"address": 0}, {"address": 2}, SYRINGE),
]


@pytest.mark.requirement("STP-09")
@pytest.mark.parametrize(("name", "options", "one", "other", "container"), SHARED)
async def test_on_a_shared_line_the_stop_frames_stop_one_pump_and_no_other(line, name, options, one, other, container):
    pumps = line(name, options=options)
    first, second = [await running(name, settings, container=container) for settings in (one, other)]
    assert pumps.truth(1)["running"]
    assert pumps.truth(2)["running"]
    stop = first.stop_frames
    for _ in range(8):
        for frame in stop.frames:
            pumps.feed(frame)
            await asyncio.sleep(stop.gap_s)
        assert isinstance(await second.read(), Done)
        await asyncio.sleep(0.2)
    assert not pumps.truth(1)["running"]
    assert pumps.truth(2)["running"]
    await first.close()
    await second.close()
