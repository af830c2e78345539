"""The daily dose in every window of 24 hours, not only in the one that ends with the start (PRG-14)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.day import above, earliest_ns, most_in_a_day
from pumpd.dosing.history import Wanted
from pumpd.dosing.history_limits import earliest_ns as next_ns
from pumpd.dosing.history_limits import objections
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Concentration, Duration, Mass, Rate, Volume, Weight
from tests.dosing.past import DAY, MINUTE, NOW, RULES, S, began, history, refused

KG = Weight(70)


def given_in(minutes, mg, started_ns, **changes):
    """A dose of a program of that length at 1 mg/mL."""
    program = PumpProgram((RateStep(Rate(Volume(mg).decimal * 60 / minutes), Volume(mg)),))
    fields = {"program": program, "concentration": Concentration(1), "weight": KG, "ordered": Mass(mg)}
    return began(started_ns, str(mg), lasted_ns=minutes * MINUTE, **{**fields, **changes})


def wanted(mg, minutes):
    return Wanted(Mass(mg), KG, fastest=Duration(minutes * 60))


@pytest.mark.requirement("PRG-14", "PRG-17")
@pytest.mark.parametrize("mg", [35, 42, 52, 66])
def test_the_same_hour_each_day_is_possible_at_any_dose(mg):
    """Daily for five days at 09:00 and of 40 minutes, with up to nearly all of the daily dose of 70 mg."""
    past = []
    for number in range(5):
        at = NOW + number * DAY
        assert refused(past, wanted(mg, 40), now_ns=at) == []
        past.append(given_in(40, mg, at))


@pytest.mark.requirement("PRG-14", "PRG-22")
def test_a_fast_infusion_after_a_slow_one_is_not_too_much_in_a_day():
    """70 mg in 100 minutes, then 70 mg in 40: the day that ends with the second holds 70 and 42 of the first."""
    slow = given_in(100, 70, NOW - DAY)
    assert refused([slow], wanted(70, 40)) == ["PRG-14"]
    assert float(most_in_a_day([slow], wanted(70, 40), NOW)) == pytest.approx(70 + 42, abs=0.2)  # and 10 s of flow


@pytest.mark.requirement("PRG-14")
@pytest.mark.parametrize("changes", [{"program": None}, {"concentration": None}, {"uncertain": True}])
def test_a_dose_of_which_nothing_bounds_the_flow_counts_whole_until_its_end_is_a_day_ago(changes):
    last = given_in(40, 42, NOW - DAY, **changes)
    assert refused([last], wanted(42, 40)) == ["PRG-14"]
    assert refused([last], wanted(42, 40), now_ns=NOW + 40 * MINUTE) == []


@pytest.mark.requirement("PRG-14")
def test_the_refusal_says_from_when_on_and_the_next_infusion_of_a_course_waits_as_long():
    last = given_in(40, 42, NOW - DAY - 30 * MINUTE, uncertain=True)
    at_once = Wanted(Mass(42), KG)
    [reason] = [str(each) for each in objections(history(last), at_once, NOW, RULES)]
    assert "not before 2026-03-30 10:10:00 UTC" in reason
    assert next_ns(history(last), at_once, NOW, RULES) == NOW + 10 * MINUTE


def test_a_dose_above_the_daily_one_is_never_possible():
    last = given_in(40, 42, NOW - DAY - 30 * MINUTE)
    assert earliest_ns([last], wanted(71, 40), NOW, Mass(70)) is None
    assert "not before" not in str(objections(history(last), wanted(71, 40), NOW, RULES)[-1])


@pytest.mark.requirement("PRG-14")
@given(
    earlier=st.lists(st.tuples(st.integers(1, 100), st.integers(5, 70), st.integers(0, 30 * 60)), max_size=3),
    minutes=st.integers(40, 100),
    mg=st.integers(5, 70),
)
def test_no_window_of_a_day_holds_more_than_was_allowed(earlier, minutes, mg):
    """Counted by hand, minute by minute: each dose flows evenly over its time."""
    doses = [given_in(length, dose, NOW - (ago + length) * MINUTE, session=f"s{at}") for at, (length, dose, ago) in
             enumerate(earlier)]  # fmt: skip
    start = earliest_ns(doses, wanted(mg, minutes), NOW, Mass(70))
    assert not above(doses, wanted(mg, minutes), start, Mass(70))
    flows = [(each.started_ns, each.ended_ns, Fraction(each.given.decimal)) for each in doses]
    flows.append((start, start + minutes * MINUTE, Fraction(mg)))
    for end in range(start, start + (minutes + 1) * MINUTE, MINUTE):
        inside = sum(_between(flow, end - DAY, end) for flow in flows)
        assert inside <= 70 or not any(_between(flow, end - DAY, end) for flow in flows[-1:])


def _between(flow, from_ns, until_ns):
    began_ns, ended_ns, mg = flow
    overlap = min(ended_ns, until_ns) - max(began_ns, from_ns)
    return mg * max(overlap, 0) / (ended_ns - began_ns)


def test_a_program_s_shortest_time_is_that_of_its_highest_rate():
    steps = (RateStep(Rate(30), Volume(5)), RateStep(Rate(60), Volume(30)))
    assert PumpProgram(steps).fastest.ns == pytest.approx(35 * 60 * S, abs=2_000_000)
