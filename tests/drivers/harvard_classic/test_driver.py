"""The driver for classic Harvard pumps on simulated pumps of each dialect; sheet: harvard-classic.md."""

import asyncio
import contextlib
import itertools

import pytest

from pumpd.pump import (
    Container,
    Done,
    Driver,
    Mark,
    PumpAlarm,
    PumpProgram,
    PumpState,
    RateStep,
    Refused,
    Unknown,
    family,
    mark_of,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.harvard_classic.driver import HarvardClassic
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.7")
PROGRAM = PumpProgram((RateStep(Rate(60), Volume(1)),), INNER)
WATCHDOG = Duration(10)
DIALECTS = {  # the simulator's model and options, and the driver's settings
    "22": ("model-22", {}, {}),
    "11": ("pump-11", {}, {"dialect": "11"}),
    "44": ("model-44", {}, {"dialect": "44"}),
    "phd-2000": ("phd-2000", {}, {"dialect": "44"}),
    "phd-2000-22": ("phd-2000-as-22", {"volume_mode": True}, {"phd_2000": True, "volume_mode": True}),
}
_names = itertools.count()


class Rig:
    def __init__(self, driver, pump):
        self.driver, self.pump, self.sent = driver, pump, []
        driver.taps.append(lambda way, data, _: self.sent.append(data) if way == "out" else None)

    @property
    def given_ml(self):
        return self.pump.plant.truth().delivered_ml

    async def must(self, call, *arguments):
        outcome = await getattr(self.driver, call)(*arguments)
        assert isinstance(outcome, Done), f"{call}: {outcome}"
        return outcome.value

    async def run(self, program=PROGRAM):
        await self.must("identify")
        await self.must("load", program)
        await self.must("start", WATCHDOG)


@contextlib.asynccontextmanager
async def rig(model, options=None, settings=None):
    pump, port = simulate("harvard-classic", model=model, options=options, plant=PlantSettings.ideal()), next(_names)
    memory.serve(f"classic-{port}", pump)
    driver = await HarvardClassic.connect(f"memory://classic-{port}", settings or {})
    try:
        yield Rig(driver, pump)
    finally:
        await driver.close()
        memory.withdraw(f"classic-{port}")
        pump.shut()


def test_the_family_is_found_by_its_entry_point():
    assert family("harvard-classic") is HarvardClassic


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_whole_run_sends_no_bare_cr_no_lf_and_no_rev(name):
    """A bare CR stops a chain of Models 44, a LF is unknown there, and REV has two meanings."""
    model, options, settings = DIALECTS[name]
    async with rig(model, options, settings) as here:
        assert isinstance(here.driver, Driver)
        await here.run()
        assert await here.must("read_back") == PROGRAM
        last = Volume(0)
        for _ in range(61):
            await asyncio.sleep(1)
            reading = await here.must("read")
            assert (reading.rate, reading.alarms) == (Rate(60), ())
            assert reading.delivered >= last
            last = reading.delivered
        assert (reading.state.no_flow, reading.delivered) == (True, Volume(1))
        assert here.given_ml == pytest.approx(1)
        await here.must("stop")
        await here.must("release")
        assert all(data.endswith(b"\r") and data.count(b"\r") == 1 for data in here.sent)
        assert all(data.strip(b"0123456789\r") for data in here.sent)
        assert not any(b"\n" in data or b"REV" in data for data in here.sent)


ALL = DIALECTS | {"33": ("model-33", {}, {"dialect": "33"})}
# A PHD 2000 in Model 22 mode may leave out its extra CR, so that a Model 22 is not told from it.
OTHERS = [
    pair for pair in itertools.permutations(["22", "11", "44", "phd-2000-22", "33"], 2) if pair != ("22", "phd-2000-22")
]


@pytest.mark.requirement("COM-10")
@pytest.mark.parametrize(("name", "configured"), OTHERS)
async def test_a_pump_of_another_dialect_is_not_identified_and_the_message_is_about_the_dialect(name, configured):
    model, options, _ = ALL[name]
    async with rig(model, options, ALL[configured][2]) as here:
        outcome = await here.driver.identify()
        assert isinstance(outcome, Refused | Unknown), outcome
        assert "dialect" in str(outcome)
        assert isinstance(await here.driver.load(PROGRAM), Refused)
        assert not any(b"RUN" in data for data in here.sent)


async def test_a_version_that_no_source_gives_is_accepted_only_where_the_settings_name_it():
    for name, text in (("44", "  PHD4400 v2"), ("11", "PLUS11"), ("44", "MODEL44")):
        model, _, settings = DIALECTS[name]
        for version, identified in (("", text.strip().startswith("PHD")), (text.strip()[:4], True), ("XX", False)):
            async with rig(model, {"version": text}, settings | {"version": version}) as here:
                outcome = await here.driver.identify()
                assert isinstance(outcome, Done) is identified, (text, version, outcome)
                assert identified or text.strip() in str(outcome)


@pytest.mark.requirement("STP-01")
@pytest.mark.parametrize(("name", "configured"), OTHERS)
async def test_a_stop_of_a_pump_of_another_dialect_is_done_and_true(name, configured):
    """STP is a word of each dialect, and the prompt at the end of each reply is the state."""
    model, options, _ = ALL[name]
    async with rig(model, {**options, "keypad": "live"}, ALL[configured][2]) as here:
        for command in (b"0MMD26.7\r", b"0MLH60\r", b"0RAT 60 MH\r"):
            here.pump.feed(command)
        here.pump.press("start")
        assert here.pump.plant.truth().running
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


def test_a_model_33_and_a_phd_2000_out_of_volume_mode_are_never_planned_with():
    syringe = Container("BD 60 mL", Volume(60), Volume(0), Rate(1), INNER)
    for settings, reason in (
        ({"dialect": "33"}, "no source shows a target volume"),
        ({"phd_2000": True}, "volume_mode"),
    ):
        with pytest.raises(ValueError, match=reason):
            HarvardClassic.capabilities(syringe, settings)


async def test_a_phd_2000_that_was_not_set_to_volume_mode_is_not_loaded():
    async with rig("phd-2000-as-22", {}, {"phd_2000": True}) as here:
        await here.must("identify")
        before = len(here.sent)
        assert isinstance(await here.driver.load(PROGRAM), Refused)
        assert here.sent[before:] == []


async def test_a_pump_11_whose_direction_was_turned_is_not_believed_to_infuse():
    """REV left it in reverse, and nothing can ask for that: only the prompt after RUN shows it."""
    async with rig("pump-11", {"keypad": "live"}, {"dialect": "11"}) as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        here.pump.feed(b"00REV\r")
        outcome = await here.driver.start(WATCHDOG)
        assert isinstance(outcome, Unknown)
        assert "backwards" in outcome.cause
        assert (await here.must("read")).state is PumpState.WITHDRAWING
        await here.must("stop")
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("RUN-11")
@pytest.mark.parametrize(
    ("name", "more", "stalled"),
    [
        ("22", {}, True),
        ("11", {}, True),
        ("44", {}, False),
        ("44", {"star_is_stall": True}, True),
        ("phd-2000-22", {"star_is_stall": True}, True),
    ],
)
async def test_what_a_star_means_depends_on_the_dialect(name, more, stalled):
    model, options, settings = DIALECTS[name]
    async with rig(model, options, settings | more) as here:
        await here.run()
        await asyncio.sleep(5)
        here.pump.fire("stall")
        reading = await here.must("read")
        assert reading.alarms == ((PumpAlarm.OCCLUSION,) if stalled else ())
        assert reading.state is (PumpState.ALARM if stalled else PumpState.PAUSED)


@pytest.mark.parametrize("name", ["44", "phd-2000-22"])
async def test_a_star_after_our_own_stop_or_at_the_target_is_no_stall(name):
    model, options, settings = DIALECTS[name]
    options, settings = options | {"target_prompt": "*"}, settings | {"star_is_stall": True}
    async with rig(model, options, settings) as here:
        await here.run()
        await asyncio.sleep(5)
        await here.must("stop")
        assert (await here.must("read")).alarms == ()
        await here.run()
        await asyncio.sleep(61)
        reading = await here.must("read")
        assert (reading.delivered, reading.alarms, reading.state) == (Volume(1), (), PumpState.PAUSED)


@pytest.mark.requirement("COM-16")
async def test_a_prompt_that_the_dialect_does_not_have_is_not_understood_and_never_at_rest():
    """`/` is a pause within a program of a Model 44, which may end at any moment."""
    async with rig("model-22") as here:
        await here.run()
        device = here.pump.device
        device.feed = lambda data: device._put(b"\r\n   0.010\r\n0/")
        for call in ("read", "stop", "identify"):
            outcome = await getattr(here.driver, call)()
            assert isinstance(outcome, Unknown)
            assert "not understood" in outcome.cause


# -- where no source is clear: the simulator's other choice --------------------------------------------------------

ANY_CHOICE = [  # the driver takes either, without a setting
    ("11", {"version": "11PLUS 2"}),
    ("22", {"prompt_gap": True}),
    ("22", {"spaced_oor": True}),
    ("22", {"stp_when_stopped": "NA"}),
    ("11", {"stp_when_stopped": "NA"}),
    ("11", {"rat_reply": "number"}),
    ("22", {"target_counts": "run"}),
    ("22", {"target_in_reverse": False}),
    ("22", {"reply_delay_s": 0.4}),
    ("44", {"stop_prompt": ":"}),
    ("44", {"target_prompt": "*"}),
    ("44", {"stall_prompt": ":"}),
    ("44", {"has_autofill": False}),
    ("44", {"digits": 6}),
    ("phd-2000-22", {"extra_cr": "lines"}),
    ("phd-2000-22", {"stop_prompt": ":"}),
]


@pytest.mark.parametrize(("name", "choice"), ANY_CHOICE)
async def test_the_driver_gives_the_program_and_no_more_with_either_choice(name, choice):
    model, options, settings = DIALECTS[name]
    async with rig(model, {**options, **choice}, settings) as here:
        await here.must("identify")
        await here.must("stop")
        await here.run()
        await asyncio.sleep(10)
        await here.must("stop")
        shown = (await here.must("read")).delivered
        assert float(shown.decimal) == pytest.approx(here.given_ml, abs=0.0005)
        before = here.given_ml
        await here.run()
        await asyncio.sleep(70)
        assert (await here.must("read")).state.no_flow
        assert here.given_ml - before == pytest.approx(1)


REFUSED = [  # nothing else is possible with such a pump
    ("11", {"knows": "MLH,CLV"}, {}, "TAR"),
    ("11", {"knows": "MLH,TAR"}, {}, "CLV"),
    ("11", {"knows": "TAR,CLV"}, {}, "MLH"),
    ("11", {"knows": "MLH,TAR,CLV", "rat_reply": "number"}, {}, "RNG"),
    ("44", {"digits": 2}, {}, "rate"),
    ("22", {"largest_target_ml": 0.5}, {}, "MLT"),
    ("22", {"fastest_mm_min": 1}, {}, "MLH"),
    ("22", {"slowest_mm_min": 40}, {}, "MLH"),
]


@pytest.mark.parametrize(("name", "choice", "more", "reason"), REFUSED)
async def test_a_pump_that_cannot_hold_the_program_is_refused_before_anything_flows(name, choice, more, reason):
    model, options, settings = DIALECTS[name]
    async with rig(model, {**options, **choice}, {**settings, **more}) as here:
        await here.must("identify")
        outcome = await here.driver.load(PumpProgram((RateStep(Rate("52.5"), Volume(1)),), INNER))
        assert isinstance(outcome, Refused)
        assert reason in str(outcome)
        assert not isinstance(await here.driver.start(WATCHDOG), Done)
        assert here.given_ml == 0


@pytest.mark.parametrize(
    ("options", "settings", "given_ml"),
    [
        ({"mlt_unit": "ul"}, {"mlt_unit": "ul"}, 1),
        ({"mlt_unit": "ul"}, {}, 0.001),  # it ends far too soon, which does no harm
        ({"knows": "TAR,CLV"}, {"rate_command": "ULM"}, 1),
    ],
)
async def test_a_pump_11_with_another_unit_or_without_mlh(options, settings, given_ml):
    async with rig("pump-11", options, {"dialect": "11", **settings}) as here:
        await here.run()
        await asyncio.sleep(70)
        assert here.given_ml == pytest.approx(given_ml)
        assert (await here.must("read")).state is PumpState.STOPPED


RESET = (PumpAlarm.PUMP_RESET,)


@pytest.mark.parametrize(("kept", "alarms"), [("settings", RESET), ("nothing", RESET), ("all", ())])
async def test_a_power_cut_is_told_by_a_counter_that_fell(kept, alarms):
    """A pump that keeps its counter is stopped, and no reply shows why."""
    async with rig("model-22", {"kept_without_power": kept}) as here:
        await here.run()
        await asyncio.sleep(10)
        assert (await here.must("read")).delivered > Volume(0)
        here.pump.power(on=False)
        here.pump.power(on=True)
        reading = await here.must("read")
        assert (reading.state.no_flow, reading.alarms) == (True, alarms)


# -- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-15")
def test_an_address_that_was_set_is_the_only_mark():
    assert HarvardClassic.marks == (Mark.ADDRESS,)
    assert mark_of(HarvardClassic, {}) is None
    assert mark_of(HarvardClassic, {"address": "3"}) is Mark.ADDRESS
    assert HarvardClassic.own_address({"dialect": "44", "address": 12}) == "12"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"dialect": "55"}, "dialect"),
        ({"address": 12}, "one digit"),
        ({"dialect": "44", "phd_2000": True}, "phd_2000"),
        ({"baudrate": 4800}, "baudrate"),
        ({"adress": 1}, "adress"),
    ],
)
def test_wrong_settings_are_named(settings, reason):
    with pytest.raises(ValueError, match=reason):
        HarvardClassic.check_settings(settings)


async def test_two_dialects_do_not_share_a_port():
    async with rig("model-22", {"addresses": "0,1"}) as here:
        assert here.driver
        other = f"memory://classic-{next(_names) - 1}"
        with pytest.raises(OSError, match="port"):
            await HarvardClassic.connect(other, {"dialect": "44", "address": 1})
