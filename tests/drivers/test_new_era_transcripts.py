"""How the New Era driver interprets each word that a pump can send. Whole dialogues: `transcripts/new-era.txt`.

Source of each: the protocol sheet, section in the docstring.
"""

import pytest

from pumpd.pump import Done, Identity, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume

from .toy_pump import ToyPump

LOADED = PumpProgram((RateStep(Rate(60), Volume(1)),), Length("26.59"))
FOUND = """
    > safe 0              # a status question, which changes nothing
    < basic 00S
    > basic 0
    < basic 00S
"""
MET = (
    FOUND
    + """
    > basic 0VER
    < basic 00S NE1000V3.92
    > basic 0TRGOF
    < basic 00S
"""
)
HELD = """
    > {0} 0DIA
    < {0} 00S 26.59
    > {0} 0PHN1
    < {0} 00S
    > {0} 0FUN
    < {0} 00S RAT
    > {0} 0RAT
    < {0} 00S 60.00MH
    > {0} 0VOL
    < {0} 00S 1.000ML
    > {0} 0DIR
    < {0} 00S INF
    > {0} 0PHN2
    < {0} 00S
    > {0} 0FUN
    < {0} 00S STP
    > {0} 0PHN1
    < {0} 00S
"""


async def test_identify_after_power_up_acknowledges_the_reset(follows):
    """Status and alarms: 'First reply after power-up is A?R'; 'that command is not executed', so it is asked again."""
    script = """
        > safe 0
        < basic 00A?R
        > basic 0
        < basic 00S
        > basic 0VER
        < basic 00S NE1000V3.92
        > basic 0TRGOF
        < basic 00S
    """
    async with follows(script) as driver:
        assert await driver.identify() == Done(Identity("NE-1000", "3.92"))
        assert driver.alarms == {}


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize(
    ("word", "model"),
    [
        ("NE1600V3.92", "NE-1600"),
        ("NE1000X2V3.92", "NE-1000X"),
        ("NE500V1.0", "NE-500"),
        ("NE10000V3.9", "NE-10000"),  # not an NE-1000 with a digit behind it
        ("AL1000V3.923", "AL-1000"),  # the same commands from another maker
    ],
)
async def test_identify_refuses_another_model_by_its_name(follows, word, model):
    """Commands: VER -> `NE<model>[X[n]]V<n>.<n>`."""
    script = FOUND + f"> basic 0VER\n< basic 00S{word}"
    async with follows(script) as driver:
        outcome = await driver.identify()
        assert isinstance(outcome, Refused)
        assert f"the pump reports {model}; the settings allow ne-1000" in outcome.reasons[0]


async def test_a_model_of_another_maker_may_be_allowed(follows):
    script = FOUND + "> basic 0VER\n< basic 00SAL1000V3.923\n> basic 0TRGOF\n< basic 00S?"
    async with follows(script, models=("al-1000",)) as driver:
        assert await driver.identify() == Done(Identity("AL-1000", "3.923"))


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("word", ["NE1000V3.61A", "NE1000V3.929-SIM", "NE1000", "NE1000V3.92 ", "NE1000Y2V3.92"])
async def test_a_version_that_nobody_understands_is_told_word_for_word(connect, word):
    async with connect(ToyPump(version=word)) as driver:
        outcome = await driver.identify()
        assert isinstance(outcome, Unknown)
        assert f'the answer was not understood: "\\x0200S{word}\\x03"' in outcome.cause


@pytest.mark.parametrize(
    ("rate", "volume", "direction", "why"),
    [
        ("52.50MH", "0.000ML", "INF", "never ends"),
        ("0.000MH", "35.00ML", "INF", "never ends"),
        ("52.50MH", "35.00ML", "WDR", "direction WDR"),
    ],
)
async def test_read_back_refuses_what_is_not_a_program(follows, rate, volume, direction, why):
    """Commands: 'VOL 0 = continuous'."""
    script = f"""
        > basic 0DIA
        < basic 00S 26.59
        > basic 0PHN1
        < basic 00S
        > basic 0FUN
        < basic 00S RAT
        > basic 0RAT
        < basic 00S {rate}
        > basic 0VOL
        < basic 00S {volume}
        > basic 0DIR
        < basic 00S {direction}
    """
    async with follows(MET + script) as driver:
        await driver.identify()
        outcome = await driver.read_back()
        assert isinstance(outcome, Refused)
        assert why in outcome.reasons[0]


@pytest.mark.parametrize("status", ["S", "P", "W", "U"])
async def test_a_run_answered_without_infusing_is_unknown(follows, status):
    """No error word and no alarm: nothing shows that it was not executed."""
    script = f"""
        {HELD.format("safe")}
        > safe 0SAF10
        < safe 00S
        > safe 0DIS
        < safe 00S I0.000W0.000ML
        > safe 0RUN
        < safe 00{status}
    """
    async with follows(script) as driver:
        driver._loaded, driver._loaded_on = LOADED, driver.connections
        assert isinstance(await driver.start(Duration(10)), Unknown)


@pytest.mark.parametrize(
    ("rate", "counters", "expected"),
    [
        ("52.50MH", "I12.34W0.000ML", (Rate("52.5"), Volume("12.34"))),
        ("875.0UM", "I12.34W0.000ML", (Rate("52.5"), Volume("12.34"))),
        ("0.875MM", "I500.0W0.000UL", (Rate("52.5"), Volume("0.5"))),
        ("1000.UH", "I1000.W0.000UL", (Rate(1), Volume(1))),
        ("1000MH", "I1000W0.000ML", (Rate(1000), Volume(1000))),
    ],
)
async def test_a_reading_accepts_all_units_and_both_forms_of_a_whole_number(follows, rate, counters, expected):
    """Number rules: '`1000.` style accepted' by some, '`1000`' by others."""
    script = f"> safe 0RAT\n< safe 00I{rate}\n> safe 0DIS\n< safe 00I{counters}"
    async with follows(script) as driver:
        outcome = await driver.read()
        assert isinstance(outcome, Done)
        assert (outcome.value.rate, outcome.value.delivered) == expected
        assert outcome.value.state is PumpState.INFUSING


@pytest.mark.parametrize(
    ("letter", "state"),
    [
        ("I", PumpState.INFUSING),
        ("W", PumpState.WITHDRAWING),
        ("S", PumpState.STOPPED),
        ("P", PumpState.PAUSED),
        ("T", PumpState.WAITING),
        ("U", PumpState.WAITING),
        ("X", PumpState.PURGING),
    ],
)
async def test_every_status_prompt_is_mapped(follows, letter, state):
    script = f"> safe 0RAT\n< safe 00{letter}1.000MH\n> safe 0DIS\n< safe 00{letter}I0.000W0.000ML"
    async with follows(script) as driver:
        assert (await driver.read()).value.state is state


@pytest.mark.parametrize(
    ("letter", "alarm"),
    [
        ("R", PumpAlarm.PUMP_RESET),
        ("S", PumpAlarm.OCCLUSION),
        ("T", PumpAlarm.PUMP_WATCHDOG),
        ("E", PumpAlarm.PUMP_PROGRAM_ERROR),
        ("O", PumpAlarm.PUMP_PROGRAM_ERROR),
    ],
)
async def test_every_alarm_is_mapped_and_stays_after_the_pump_has_reported_it(follows, letter, alarm):
    """The pump reports an alarm once; after that only the driver knows it."""
    script = f"""
        > safe 0RAT
        < safe 00A?{letter}
        > safe 0RAT
        < safe 00S1.000MH
        > safe 0DIS
        < safe 00SI0.000W0.000ML
        > safe 0RAT
        < safe 00S1.000MH
        > safe 0DIS
        < safe 00SI0.000W0.000ML
    """
    async with follows(script) as driver:
        first, second = (await driver.read()).value, (await driver.read()).value
        assert (first.state, first.alarms) == (PumpState.ALARM, (alarm,))
        assert (second.state, second.alarms) == (PumpState.STOPPED, (alarm,))
