"""Answers that a family understands in part, and lines that return what is sent (COM-16).

What every family must do is in the conformance suite; here is what only one of them can read.
"""

import asyncio
import contextlib
import itertools
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from pumpd.pump import Done, PumpProgram, RateStep, Refused, Unknown, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.alaris_asena.codec import Framer as AlarisFramer
from pumpd_drivers.alaris_asena.codec import Message
from pumpd_drivers.fresenius_base_a.codec import Frame
from pumpd_drivers.fresenius_base_a.codec import ReplyFramer as FreseniusFramer
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

from .toy_pump import ToyPump

INNER = Length("26.59")
PROGRAM = PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER)
LEASE = Duration(10)

_names = itertools.count()


class Changing:
    """A pump on a line that changes its answers."""

    def __init__(self, pump):
        self.pump, self.change, self.sent = pump, lambda data: data, []

    def attach(self, send):
        self.pump.attach(lambda data: send(self.change(data)))

    def detach(self):
        self.pump.detach()

    def feed(self, data):
        self.sent.append(data)
        self.pump.feed(data)


@contextlib.asynccontextmanager
async def running(name, settings=None, *, program=PROGRAM, change=None, **options):
    """A flowing pump, and the line to it."""
    line, port = Changing(simulate(name, options=options, plant=PlantSettings.ideal())), f"answers-{next(_names)}"
    line.change = change or line.change
    memory.serve(port, line)
    driver = await family(name).connect(f"memory://{port}", settings or {})
    try:
        for outcome in (await driver.identify(), await driver.load(program), await driver.start(LEASE)):
            assert isinstance(outcome, Done), outcome
        await asyncio.sleep(1)
        assert line.pump.units[0].plant.truth().running
        yield driver, line
    finally:
        await driver.close()
        memory.withdraw(port)
        line.pump.shut()


# -- NULs that stand for nothing ------------------------------------------------------------------------------------

OF_TEXT = {
    "alaris-asena": {},
    "harvard": {},
    "harvard-classic": {"program": PumpProgram(PROGRAM.steps, Length("26.7"))},
    "poseidon": {},
    "reglo-icc": {"program": PumpProgram(PROGRAM.steps), "settings": {"volume_unit": "ml"}},
}
IDLE_NULS = {
    "a break on the idle line": lambda data: b"\0" + data,
    "a Telnet line": lambda data: data.replace(b"\r", b"\r\0"),
    "both": lambda data: b"\0\0" + data.replace(b"\r", b"\r\0\0"),
}


@pytest.mark.requirement("COM-14", "STP-02")
@pytest.mark.parametrize("how", IDLE_NULS)
@pytest.mark.parametrize("name", OF_TEXT)
async def test_nuls_before_a_reply_and_after_a_cr_do_not_keep_a_pump_from_being_used(name, how):
    async with running(name, **OF_TEXT[name], change=IDLE_NULS[how]) as (driver, line):
        reading = await driver.read()
        assert isinstance(reading, Done)
        assert reading.value.state.flowing
        assert await driver.stop() == Done(None)
        assert not line.pump.units[0].plant.truth().running


@pytest.mark.parametrize("name", ["harvard-classic", "poseidon", "reglo-icc"])
async def test_a_nul_within_a_text_is_still_not_believed(name):
    """It may stand for a digit that was lost."""
    async with running(name, **OF_TEXT[name]) as (driver, line):
        line.change = lambda data: data.replace(b"0", b"\0")
        assert not isinstance(await driver.read(), Done)


# -- New Era: each reply begins with address and status --------------------------------------------------------------


def basic(data):
    """An answer in basic mode with a trailing blank, a NUL in its data, or other data than asked for."""
    return [data[:-1] + tail + data[-1:] for tail in (b" ", b"\0", b"~7")]


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("kind", range(3))
async def test_a_status_letter_confirms_a_stop_although_the_rest_is_not_understood(kind):
    async with running("new-era", {"safe_mode": "off"}) as (driver, line):
        line.change = lambda data: basic(data)[kind]
        assert await driver.stop() == Done(None)
        assert not line.pump.units[0].plant.truth().running
        assert line.sent.count(b"0STP\r") == 3  # it pauses; it stops; and its letter is read a second time


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("letter", [b"I", b"W", b"P", b"X", b"U", b"T"])
async def test_a_status_letter_of_flow_never_confirms_a_stop(connect, letter):
    pump = ToyPump()
    real = pump._reply
    pump._reply = lambda raw: real(b"\x0200" + letter + b" \0\x03")
    async with connect(pump) as driver:
        outcome = await driver.stop()
        assert isinstance(outcome, Unknown)
        assert f'not understood: "\\x0200{letter.decode()} \\x00\\x03"' in outcome.cause


async def test_the_status_letter_of_another_address_confirms_nothing(connect):
    pump = ToyPump()
    real = pump._reply
    pump._reply = lambda raw: real(b"\x0207S \0\x03")
    async with connect(pump) as driver:
        assert isinstance(await driver.stop(), Unknown)


async def test_a_damaged_safe_frame_confirms_no_stop(connect):
    """Its letter may be damaged too: only the check sum would tell."""
    pump = ToyPump()
    real = pump._reply
    pump._reply = lambda raw: real(bytes.fromhex("02 07 30 30 53 AA A7 03"))  # 00S, one bit of the check sum wrong
    async with connect(pump) as driver:
        assert isinstance(await driver.stop(), Unknown)


# -- New Era: its trigger input --------------------------------------------------------------------------------------


async def test_the_trigger_is_switched_off_when_a_pump_is_identified_and_again_with_each_program(connect):
    pump = ToyPump()
    async with connect(pump) as driver:
        await driver.identify()
        assert pump.texts().count("TRGOF") == 1
        await driver.load(PROGRAM)
        assert pump.texts().count("TRGOF") == 2
        await driver.start(LEASE)
        await driver.identify()
        assert pump.texts().count("TRGOF") == 2, "nothing is changed on a flowing pump"


async def test_a_pump_that_does_not_know_the_trigger_command_is_used_and_this_is_noted(connect):
    pump = ToyPump(unknown=("TRG",))
    with capture_logs() as logs:
        async with connect(pump) as driver:
            assert isinstance(await driver.identify(), Done)
            assert isinstance(await driver.load(PROGRAM), Done)
    assert {entry["setting"] for entry in logs if entry["event"] == "command_unknown_to_pump"} == {"trigger_command"}


async def test_a_pump_that_refuses_the_trigger_command_is_refused_with_the_name_of_the_setting(connect):
    pump = ToyPump()
    real = pump._execute
    pump._execute = lambda text: "?OOR" if text == "TRGOF" else real(text)
    async with connect(pump) as driver:
        outcome = await driver.identify()
        assert isinstance(outcome, Refused)
        assert "the setting trigger_command" in outcome.reasons[0]
    async with connect(pump, trigger_command="") as driver:
        assert isinstance(await driver.identify(), Done)
        assert pump.texts().count("TRGOF") == 1


def with_a_variable(data):
    """Frames that hold data get a variable that the driver does not know."""
    frames = FreseniusFramer().feed(data)
    return b"".join(
        (replace(each, text=each.text + ";z0001") if isinstance(each, Frame) and each.data else each).to_bytes()
        for each in frames
    )


# -- others ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-16", "STP-03")
async def test_an_alaris_status_that_is_too_short_does_not_end_a_stop():
    async with running("alaris-asena") as (driver, line):
        cut = []

        def once(data):
            (message,) = AlarisFramer().feed(data)
            if message.word != "INF" or cut:
                return data
            cut.append(data)
            return Message("INF", message.fields[:5]).to_bytes()

        line.change = once
        assert await driver.stop() == Done(None)
        assert cut
        assert line.sent.count(Message("INF_STOP").to_bytes()) == 2


def in_units(rate_unit, volume_unit="ml", rate=None):
    """INF as a pump reports it whose units a person changed: field 3 is the rate, 4 and 7 are the units."""

    def change(data):
        (message,) = AlarisFramer().feed(data)
        if message.word != "INF":
            return data
        fields = list(message.fields)
        fields[4], fields[7] = rate_unit, volume_unit
        fields[3] = fields[3] if rate is None else rate
        return Message("INF", tuple(fields)).to_bytes()

    return change


@pytest.mark.requirement("COM-16", "STP-02")
async def test_an_alaris_stop_is_confirmed_in_any_unit_and_nothing_else_is_believed_in_it():
    for change in (in_units("ug/min"), in_units("ml/h", "ul")):
        async with running("alaris-asena") as (driver, line):
            line.change = change
            assert isinstance(await driver.read(), Unknown)
            assert await driver.stop() == Done(None)
            assert not line.pump.units[0].plant.truth().running
            assert isinstance(await driver.load(PROGRAM), Unknown)


@pytest.mark.requirement("COM-16", "STP-02")
@pytest.mark.parametrize("rate", ["0.01", "60.00", "---", ""])
async def test_an_alaris_rate_in_another_unit_confirms_no_stop_unless_it_is_0(rate):
    async with running("alaris-asena") as (driver, line):
        line.change = in_units("ug/min", rate=rate)
        assert isinstance(await driver.stop(), Unknown)


@pytest.mark.requirement("COM-16")
async def test_a_fresenius_rate_of_0_confirms_a_stop_although_there_is_an_unknown_variable():
    async with running("fresenius-base-a") as (driver, line):
        line.change = with_a_variable
        assert await driver.stop() == Done(None)
        assert not line.pump.units[0].plant.truth().running


@pytest.mark.requirement("COM-16")
async def test_a_fresenius_rate_confirms_no_stop_of_a_pump_that_ignores_it():
    async with running("fresenius-base-a") as (driver, line):
        line.change = with_a_variable
        feed = line.pump.feed
        line.pump.feed = lambda data: None if b"PO" in data else feed(data)
        assert isinstance(await driver.stop(), Unknown)
        assert line.pump.units[0].plant.truth().running
