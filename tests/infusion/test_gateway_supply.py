"""PWR-07, STA-13: how a supply is rated. Minutes by hand: a limit itself is inside; an unknown value is no better."""

import pytest

from pumpd.host.supply_rules import ALARMS, Source, Supply, alarms, start_objections
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority

LOW, SHORT, ENDING = AlarmCode.SUPPLY_ON_BATTERY, AlarmCode.SUPPLY_SHORT, AlarmCode.SUPPLY_ENDING
UNKNOWN, VOLTAGE = AlarmCode.SUPPLY_UNKNOWN, AlarmCode.SUPPLY_UNDER_VOLTAGE
MIN = 60


def battery(left_s):
    return Supply(Source.BATTERY, left_s)


@pytest.mark.requirement("PWR-07")
def test_the_priorities_are_those_of_the_catalogue():
    priorities = {code: ALARM_TABLE[code].priority for code in (LOW, VOLTAGE, SHORT, ENDING)}
    assert priorities == {LOW: Priority.LOW, VOLTAGE: Priority.LOW, SHORT: Priority.MEDIUM, ENDING: Priority.HIGH}
    assert set(ALARMS) == {code for code in AlarmCode if code.value.startswith("supply_")}


@pytest.mark.requirement("PWR-07")
@pytest.mark.parametrize(
    ("left_s", "code"),
    [(30 * MIN + 1, LOW), (30 * MIN, SHORT), (10 * MIN + 1, SHORT), (10 * MIN, ENDING), (0, ENDING), (None, LOW)],
)
def test_a_battery_is_low_then_medium_at_thirty_minutes_and_high_at_ten(left_s, code):
    assert alarms(battery(left_s), ()) == {code}


@pytest.mark.requirement("PWR-07")
@pytest.mark.parametrize(
    ("before", "left_s", "code"),
    [
        (SHORT, 35 * MIN, SHORT),
        (SHORT, 35 * MIN + 1, LOW),
        (ENDING, 15 * MIN, ENDING),
        (ENDING, 15 * MIN + 1, SHORT),
        (ENDING, 35 * MIN + 1, LOW),
        (SHORT, 10 * MIN + 1, SHORT),  # the margin applies to an alarm that is already active
        (SHORT, 10 * MIN, ENDING),
        (LOW, 30 * MIN + 1, LOW),
        (ENDING, None, ENDING),  # it reported a time and no longer reports one
        (SHORT, None, SHORT),
    ],
)
def test_a_wavering_estimate_is_one_alarm_and_the_end_of_the_battery_is_believed(before, left_s, code):
    assert alarms(battery(left_s), {before}) == {code}


@pytest.mark.requirement("PWR-07")
def test_mains_power_clears_the_alarms_of_the_battery_and_not_that_of_the_voltage():
    assert alarms(Supply(Source.MAINS), {ENDING}) == frozenset()
    assert alarms(Supply(Source.MAINS, under_voltage=True), ()) == {VOLTAGE}
    assert alarms(Supply(Source.BATTERY, 5 * MIN, under_voltage=True), ()) == {VOLTAGE, ENDING}
    assert alarms(None, {ENDING}) == frozenset(), "nothing is watched"


@pytest.mark.requirement("PWR-07")
def test_an_unknown_supply_is_an_alarm_and_clears_none():
    assert alarms(Supply(Source.UNKNOWN), ()) == {UNKNOWN}
    assert alarms(Supply(Source.UNKNOWN), {ENDING}) == {UNKNOWN, ENDING}


@pytest.mark.requirement("STA-13")
@pytest.mark.parametrize(
    ("supply", "why"),
    [
        (None, ""),
        (Supply(Source.MAINS), ""),
        (Supply(Source.MAINS, 5 * MIN), ""),  # a gateway on mains power needs no battery
        (battery(60 * MIN), ""),
        (battery(60 * MIN - 1), "its battery lasts 59 min, at least 60 min are needed"),
        (battery(None), "it is not known for how long"),
        (Supply(Source.UNKNOWN), "what feeds it is not known"),
        (Supply(Source.MAINS, under_voltage=True), "its voltage is too low"),
    ],
)
def test_a_start_needs_mains_or_an_hour_of_battery(supply, why):
    reasons = start_objections(supply)
    assert [why in reason for reason in reasons] == ([True] if why else [])
