"""The stop button, the light and the buzzer at the gateway (STP-01, ALM-07), with lines that a test can move."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from pumpd.control.alarms.burst import flash
from pumpd.control.infusions.pump_service import stop_all
from pumpd.control.local_signals.lines import Line
from pumpd.control.local_signals.service import HELD_S
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.settings import GpioSettings
from tests.control.testbed import open_testbed
from tests.control.wire_tap import Tap

ALL = {"stop_button": 17, "light": 27, "buzzer": 22, "debounce_ms": 20}
DEBOUNCE_S = 0.02


class Chip:
    """GPIO lines without a chip. `press` and `release` move the button; `taken` is false once it was pulled out."""

    def __init__(self) -> None:
        self.state = dict.fromkeys(Line, False)
        self.edges: list[tuple[float, Line, bool]] = []
        self.there, self.held, self.wired = True, False, True
        self._on_edge: Callable[[], None] = lambda: None

    def open(self, _settings, on_edge):
        if not self.there:
            raise FileNotFoundError(2, "No such file or directory")
        assert not self.held, "taken twice"
        self.held, self._on_edge = True, on_edge
        return self

    def active(self, line):
        self._look()
        return self.state[line]

    def switch(self, line, *, on):
        self._look()
        if self.wired:
            self.state[line] = on
        self.edges.append((asyncio.get_running_loop().time(), line, on))

    def close(self):
        self.held = False

    def press(self, *, pressed=True, edge=True):
        self.state[Line.STOP_BUTTON] = pressed
        if edge:
            self._on_edge()

    def _look(self):
        if not self.there:
            raise OSError(19, "No such device")


@contextlib.asynccontextmanager
async def gateway(tmp_path, monkeypatch, chip=None, gpio=None, **more):
    chip = chip or Chip()
    monkeypatch.setattr("pumpd.control.gateway.open_lines", chip.open)
    async with open_testbed(tmp_path, top={"gpio": gpio or ALL}, **more) as here:
        yield here, chip
    assert not chip.held, "the lines were not given back"


def codes(here):
    return [alarm.code for alarm in here.gateway.alarms.active() if not alarm.pump]


def stops(monkeypatch):
    """When all pumps are stopped, and by whom, from now on."""
    asked = []

    def noted(pumps, by, reason, **more):
        asked.append((asyncio.get_running_loop().time(), by))
        return stop_all(pumps, by, reason, **more)

    monkeypatch.setattr("pumpd.control.infusions.pumps.stop_all", noted)
    return asked


# -- the button --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STP-01")
async def test_a_press_stops_every_pump_within_one_debounce_and_says_who(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch, beds=("bed1", "bed2")) as (here, chip):
        await here.start()
        taps = {name: Tap(pump) for name, pump in here.pumps.items()}
        asked = stops(monkeypatch)
        begun = asyncio.get_running_loop().time()
        chip.press()
        await here.until("stopped")
        ((at, by),) = asked
        assert at - begun == pytest.approx(DEBOUNCE_S)
        assert all(tap.count("STP") for tap in taps.values())
        assert by == "button at the gateway"
        assert by in str([entry.fields for entry in here.entries() if entry.pump == "bed1"])
        chip.press(pressed=False)


async def test_a_disturbance_shorter_than_the_debounce_stops_nothing(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        await here.start()
        for _ in range(20):
            chip.press()
            await asyncio.sleep(DEBOUNCE_S * 0.9)
            chip.press(pressed=False)
            await asyncio.sleep(DEBOUNCE_S * 0.2)
        assert here.state() == "running"


async def test_a_button_that_bounces_stops_once(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        await here.start()
        asked = stops(monkeypatch)
        for pressed in (True, False, True, False, True):
            chip.press(pressed=pressed)
            await asyncio.sleep(0.003)
        await asyncio.sleep(5)
        assert len(asked) == 1
        chip.press(pressed=False)
        await asyncio.sleep(1)
        chip.press()
        await asyncio.sleep(1)
        assert len(asked) == 2
        chip.press(pressed=False)


async def test_a_press_whose_edge_was_lost_is_found_within_a_second(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        await here.start()
        chip.press(edge=False)
        await here.until("stopping", "stopped", within_s=1 + 2 * DEBOUNCE_S)
        chip.press(pressed=False)


@pytest.mark.requirement("STA-09")
async def test_a_button_that_is_held_from_the_start_is_a_fault_that_starts_and_stops_nothing(tmp_path, monkeypatch):
    chip = Chip()
    chip.state[Line.STOP_BUTTON] = True
    async with gateway(tmp_path, monkeypatch, chip) as (here, _):
        await asyncio.sleep(2)
        assert codes(here) == [AlarmCode.LOCAL_SIGNALS_FAILED]
        answer = await here.order()
        assert not answer.ok
        assert any("stop button: the stop button is pressed all the time" in reason for reason in answer.reasons)
        assert not [entry for entry in here.entries() if entry.fields.get("by") == "button at the gateway"]
        chip.press(pressed=False)
        await asyncio.sleep(2)
        assert codes(here) == []
        await here.start()
        chip.press()
        await here.until("stopped")
        chip.press(pressed=False)


async def test_a_button_that_stays_pressed_becomes_a_fault_and_refuses_the_next_order_before(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        chip.press()
        await asyncio.sleep(1)
        assert codes(here) == []
        assert any("the stop button is pressed" in reason for reason in (await here.order()).reasons)
        await asyncio.sleep(HELD_S)
        assert codes(here) == [AlarmCode.LOCAL_SIGNALS_FAILED]
        chip.press(pressed=False)
        await asyncio.sleep(1)
        assert codes(here) == []


# -- the chip ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ALM-07")
async def test_a_chip_that_is_lost_raises_an_alarm_and_is_taken_again(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        await here.start()
        chip.there = False
        await asyncio.sleep(2.5)
        assert codes(here) == [AlarmCode.LOCAL_SIGNALS_FAILED]
        assert ALARM_TABLE[AlarmCode.LOCAL_SIGNALS_FAILED].priority is Priority.MEDIUM
        assert here.state() == "running", "it affects no infusion"
        chip.there = True
        await asyncio.sleep(4)
        assert codes(here) == []
        chip.press()
        await here.until("stopped")
        chip.press(pressed=False)


@pytest.mark.requirement("STA-09")
async def test_without_the_chip_no_order_is_taken_and_the_reasons_name_it(tmp_path, monkeypatch):
    chip = Chip()
    chip.there = False
    async with gateway(tmp_path, monkeypatch, chip) as (here, _):
        reasons = (await here.order()).reasons
        assert any("stop button" in reason and "/dev/gpiochip0" in reason for reason in reasons)
        assert any("buzzer of the gateway" in reason for reason in reasons)


@pytest.mark.requirement("STA-09")
async def test_an_output_that_does_not_read_back_fails_the_test(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        assert (await here.ask(op="self_test", pump="bed1")).ok
        found = {each["what"]: each["state"] for each in here.gateway.status()["pumps"][0]["self_test"]["results"]}
        assert (found["speaker"], found["stop_button"]) == ("passed", "passed")
        switched = {line for _, line, on in chip.edges if on}
        assert switched == {Line.LIGHT, Line.BUZZER}
        assert not any(chip.state.values()), "as they were"
        chip.wired = False
        answer = await here.order()
        assert any("light of the gateway was switched on and does not read so" in reason for reason in answer.reasons)


# -- light and buzzer --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ALM-07")
async def test_the_buzzer_follows_the_sound_and_the_light_the_alarm(tmp_path, monkeypatch):
    async with gateway(tmp_path, monkeypatch) as (here, chip):
        await here.start()
        chip.edges.clear()
        here.pump.fire("occlusion")
        await here.until("tripped", within_s=120)
        await asyncio.sleep(6)
        sounded = [on for _, line, on in chip.edges if line is Line.BUZZER]
        assert sounded[sounded.index(True) :][:20] == [True, False] * 10
        lit = [at for at, line, on in chip.edges if line is Line.LIGHT and on]
        gaps = {round(later - earlier, 3) for earlier, later in itertools.pairwise(lit)}
        assert gaps == {0.5}  # 2 Hz


@pytest.mark.requirement("ALM-03")
@pytest.mark.parametrize(("priority", "low_hz", "high_hz"), [(Priority.HIGH, 1.4, 2.8), (Priority.MEDIUM, 0.4, 0.8)])
def test_a_light_flashes_as_the_standard_says(priority, low_hz, high_hz):
    (first, on_ms), (second, off_ms) = flash(priority)
    assert (first, second) == (True, False)
    assert low_hz <= 1000 / (on_ms + off_ms) <= high_hz
    assert 0.2 <= on_ms / (on_ms + off_ms) <= 0.6


def test_a_low_alarm_lights_without_flashing():
    assert all(on for on, _ in flash(Priority.LOW))


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"), [({}, "is needed"), ({"light": 4, "buzzer": 4}, "same line"), ({"stop_button": -1}, "greater")]
)
def test_lines_that_cannot_be_are_refused(given, why):
    with pytest.raises(ValidationError, match=why):
        GpioSettings(**given)
