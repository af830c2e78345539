"""Dialogues with a New Era pump, word for word. Source of each: the protocol sheet, section in the docstring."""

import pytest

from pumpd.pump import Done, Identity, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), Length("26.59"))
STEPPED = PumpProgram(
    (RateStep(Rate("26.2"), Volume("4.366")), RateStep(Rate("61.2"), Volume("30.63"))), Length("26.59")
)

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
"""
)


async def test_identify_after_power_up_acknowledges_the_reset(follows):
    """Status and alarms: 'First reply after power-up is A?R'; 'that command is not executed', so it is asked again."""
    script = """
        > safe 0
        < basic 00A?R
        > basic 0
        < basic 00S
        > basic 0VER
        < basic 00S NE1000V3.92
    """
    async with follows(script) as driver:
        assert await driver.identify() == Done(Identity("NE-1000", "3.92"))
        assert driver.alarms_at_bring_up == (PumpAlarm.PUMP_RESET,)


async def test_identify_brings_a_pump_left_in_safe_mode_back_to_basic(follows):
    """Safe mode: 'Persists over power cycles'; 'a SAF0 safe-framed packet always brings the pump back to basic'."""
    script = """
        > safe 0
        < safe 00A?R
        > safe 0
        < safe 00S
        > safe 0SAF0
        < basic 00S
        > basic 0VER
        < basic 00S NE1000V3.92
    """
    async with follows(script) as driver:
        assert await driver.identify() == Done(Identity("NE-1000", "3.92"))


async def test_identify_leaves_the_watchdog_of_a_running_pump_alone(follows):
    """A gateway that comes back while the pump runs: no SAF0, the conversation goes on in safe mode."""
    script = """
        > safe 0
        < safe 00I
        > safe 0
        < safe 00I
        > safe 0VER
        < safe 00I NE1000V3.92
    """
    async with follows(script) as driver:
        assert await driver.identify() == Done(Identity("NE-1000", "3.92"))


async def test_identify_finds_a_pump_that_knows_basic_mode_only(follows):
    """Such a pump takes the safe frames for a line of noise: nothing, then an error word, then its answer."""
    script = """
        > safe 0
        > safe 0SAF0
        > basic 0
        < basic 00S?
        > basic 0
        < basic 00S
        > basic 0VER
        < basic 00S NE1000V3.92
    """
    async with follows(script) as driver:
        assert await driver.identify() == Done(Identity("NE-1000", "3.92"))


@pytest.mark.parametrize("word", ["NE1600V3.92", "NE1000X2V3.92", "NE500V1.0"])
async def test_identify_refuses_another_model(follows, word):
    """Commands: VER -> `NE<model>[X[n]]V<n>.<n>`."""
    script = FOUND + f"> basic 0VER\n< basic 00S{word}"
    async with follows(script) as driver:
        outcome = await driver.identify()
        assert isinstance(outcome, Refused)
        assert "the settings allow ne-1000" in outcome.reasons[0]


async def test_a_stepped_program_ends_in_a_phase_that_says_stop(follows):
    """Programs: 'phase after the last must be set to FUN STP or delivery continues'. Numbers: four digits."""
    script = """
        > safe 0DIS
        < basic 00S I0.000W0.000ML
        > safe 0SAF255
        < safe 00S
        > safe 0PF0
        < safe 00S
        > safe 0DIA26.59
        < safe 00S
        > safe 0VOLML
        < safe 00S
        > safe 0PHN1
        < safe 00S
        > safe 0FUNRAT
        < safe 00S
        > safe 0RAT26.20MH
        < safe 00S
        > safe 0VOL4.366
        < safe 00S
        > safe 0DIRINF
        < safe 00S
        > safe 0PHN2
        < safe 00S
        > safe 0FUNRAT
        < safe 00S
        > safe 0RAT61.20MH
        < safe 00S
        > safe 0VOL30.63
        < safe 00S
        > safe 0DIRINF
        < safe 00S
        > safe 0PHN3
        < safe 00S
        > safe 0FUNSTP
        < safe 00S
        > safe 0CLDINF
        < safe 00S
        > safe 0CLDWDR
        < safe 00S
        > safe 0PHN1
        < safe 00S
    """
    async with follows(script) as driver:
        assert await driver.load(STEPPED) == Done(None)


async def test_an_alarm_swallows_the_setting_that_it_answers(follows):
    """'acknowledged by being sent in reply to any valid command; that command is not executed'."""
    script = """
        > basic 0DIS
        < basic 00S I0.000W0.000ML
        > basic 0PF0
        < basic 00S?            # a pump that does not know the command has nothing to switch off
        > basic 0DIA26.59
        < basic 00A?S
        > basic 0DIA26.59
        < basic 00S
        > basic 0VOLML
        < basic 00S
        > basic 0PHN1
        < basic 00S?            # nor does it know phases: it holds one step
        > basic 0RAT52.50MH
        < basic 00S
        > basic 0VOL35.00
        < basic 00S
        > basic 0DIRINF
        < basic 00S
        > basic 0CLDINF
        < basic 00S
        > basic 0CLDWDR
        < basic 00S
    """
    async with follows(MET + script, safe_mode="off") as driver:
        await driver.identify()
        assert await driver.load(PROGRAM) == Done(None)


async def test_read_back_asks_for_every_value(follows):
    script = """
        > basic 0DIA
        < basic 00S 26.59
        > basic 0PHN1
        < basic 00S
        > basic 0FUN
        < basic 00S RAT
        > basic 0RAT
        < basic 00S 52.50MH
        > basic 0VOL
        < basic 00S 35.00ML
        > basic 0DIR
        < basic 00S INF
        > basic 0PHN2
        < basic 00S
        > basic 0FUN
        < basic 00S STP
        > basic 0PHN1
        < basic 00S
    """
    async with follows(MET + script) as driver:
        await driver.identify()
        assert await driver.read_back() == Done(PROGRAM)


@pytest.mark.parametrize(
    ("rate", "volume", "direction", "why"),
    [
        ("52.50MH", "0.000ML", "INF", "never ends"),
        ("0.000MH", "35.00ML", "INF", "never ends"),
        ("52.50MH", "35.00ML", "WDR", "direction WDR"),
    ],
)
async def test_read_back_refuses_what_is_no_program(follows, rate, volume, direction, why):
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


async def test_start_arms_the_watchdog_sees_the_pump_at_rest_and_runs(follows):
    script = """
        > safe 0SAF10
        < safe 00S
        > safe 0DIS
        < safe 00S I0.000W0.000ML
        > safe 0RUN
        < safe 00I
    """
    async with follows(script) as driver:
        assert await driver.start(Duration(10)) == Done(None)


@pytest.mark.parametrize("status", ["S", "P", "W", "U"])
async def test_a_run_answered_without_infusing_is_unknown(follows, status):
    """No error word and no alarm: nothing says that it was not executed."""
    script = f"""
        > safe 0SAF10
        < safe 00S
        > safe 0DIS
        < safe 00S I0.000W0.000ML
        > safe 0RUN
        < safe 00{status}
    """
    async with follows(script) as driver:
        assert isinstance(await driver.start(Duration(10)), Unknown)


async def test_stop_is_pause_then_stop_then_seen_to_be_so(follows):
    """Commands: STP 'first = pause (P), second = stop and reset program (S)'."""
    script = """
        > safe 0STP
        < safe 00P
        > safe 0STP
        < safe 00S
        > safe 0DIS
        < safe 00S I12.34W0.000ML
    """
    async with follows(script) as driver:
        assert await driver.stop() == Done(None)


async def test_stop_is_repeated_when_an_alarm_swallowed_it(follows):
    script = """
        > safe 0STP
        < safe 00A?S
        > safe 0STP
        < safe 00S
        > safe 0DIS
        < safe 00S I12.34W0.000ML
    """
    async with follows(script) as driver:
        assert await driver.stop() == Done(None)


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
async def test_a_reading_understands_units_and_both_ways_to_write_a_whole_number(follows, rate, counters, expected):
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
async def test_every_alarm_is_mapped_and_stays_after_the_pump_has_told_it(follows, letter, alarm):
    """The pump tells an alarm once: from then on only the driver knows of it."""
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


async def test_release_takes_the_watchdog_off(follows):
    script = "> safe 0\n< safe 00S\n> safe 0SAF0\n< basic 00S"
    async with follows(script) as driver:
        assert await driver.release() == Done(None)


async def test_release_leaves_the_watchdog_on_a_pump_that_flows(follows):
    async with follows("> safe 0\n< safe 00I") as driver:
        assert isinstance(await driver.release(), Refused)
