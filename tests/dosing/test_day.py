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


@pytest.mark.requirement("PRG-14")
def test_while_a_dose_still_flows_the_refusal_names_no_time():
    last = given_in(40, 42, NOW - DAY - 30 * MINUTE, running=True)
    (reason,) = [
        str(each) for each in objections(history(last), Wanted(Mass(42), KG), NOW, RULES) if "last 24 h" in str(each)
    ]
    assert "not before" not in reason


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


# -- to the nanosecond, by hand: in mg per minute, and 10 s by which a flow may have ended later than recorded ---------

LATE = 10 * S
SLOW = given_in(100, 70, NOW - DAY)  # 0.7 mg/min


@pytest.mark.requirement("PRG-14", "COM-01")
def test_the_day_that_ends_with_the_infusion_is_exact():
    """It begins 40 minutes into the slow one: 60 minutes and 10 s of it are left."""
    assert most_in_a_day([SLOW], wanted(70, 40), NOW) == 70 + 42 + Fraction(7, 60)


@pytest.mark.requirement("PRG-14")
def test_the_day_that_ends_with_the_start_is_exact():
    """10 minutes and 10 s at 2.1 mg/min, of which each minute loses more than the requested 0.14 mg/min bring."""
    fast = given_in(20, 42, NOW - DAY - 10 * MINUTE)
    assert most_in_a_day([fast], wanted(7, 50), NOW) == Fraction(21, 10) * (10 + Fraction(1, 6))


@pytest.mark.requirement("PRG-14")
def test_a_day_that_begins_with_an_earlier_infusion_is_exact():
    """All of its 42 mg, and 10 minutes and 10 s of the requested 0.7 mg/min."""
    fast = given_in(20, 42, NOW - DAY + 10 * MINUTE)
    assert most_in_a_day([fast], wanted(35, 50), NOW) == 42 + 7 + Fraction(7, 60)


@pytest.mark.requirement("PRG-14")
def test_a_flow_that_takes_no_whole_number_of_nanoseconds_is_exact_too():
    """42 mg at 2.2 mg/min; the largest of the sums at each nanosecond around its begin."""
    program = PumpProgram((RateStep(Rate(132), Volume(42)),))
    fast = given_in(20, 42, NOW - DAY + 10 * MINUTE, program=program)
    flow, bring = Fraction(22, 10) / MINUTE, Fraction(7, 10) / MINUTE
    begin = 30 * MINUTE + LATE - int(42 / flow)
    sums = [min(42, flow * (30 * MINUTE + LATE - at)) + bring * at for at in range(begin - 3, begin + 4)]
    assert most_in_a_day([fast], wanted(35, 50), NOW) == max(sums)


@pytest.mark.requirement("PRG-14")
@pytest.mark.parametrize("changes", [{"running": True}, {"uncertain": True}, {"program": None}])
def test_what_nothing_bounds_counts_whole_until_the_last_nanosecond_before_its_end(changes):
    last = given_in(40, 42, NOW - DAY, **changes)
    brought = Fraction(42 * (40 * MINUTE - 1), 40 * MINUTE)
    assert most_in_a_day([last], wanted(42, 40), NOW) == 42 + brought


@pytest.mark.requirement("PRG-14", "PRG-22")
@pytest.mark.parametrize(("after_ns", "left"), [(0, 0), (1, Fraction(7, 10 * MINUTE) * (LATE + 1))])
def test_nothing_is_left_of_a_dose_that_ended_a_day_ago(after_ns, left):
    """Nor 10 s of its flow; with an end one nanosecond later, those count."""
    ended = given_in(100, 70, NOW - DAY - 100 * MINUTE + after_ns)
    assert most_in_a_day([ended], Wanted(Mass(70), KG), NOW) == 70 + left


@pytest.mark.requirement("PRG-14", "PRG-22")
def test_what_is_allowed_now_is_allowed_from_now_on():
    """At the limit too, and with a dose on record that leaves enough."""
    assert earliest_ns([], wanted(70, 40), NOW, Mass(70)) == NOW
    assert earliest_ns([], wanted("70.0001", 40), NOW, Mass(70)) is None
    little = given_in(40, 10, NOW - 5 * 60 * MINUTE)
    assert earliest_ns([little], wanted(60, 40), NOW, Mass(70)) == NOW


@pytest.mark.requirement("PRG-14", "PRG-22")
@pytest.mark.parametrize("minutes", [7, 8])
def test_the_earliest_time_is_exact(minutes):
    """An uncertain dose of 42 mg that ended this much less than a day ago, and 42 mg at once: 84 are too much."""
    last = given_in(40, 42, NOW - DAY - 40 * MINUTE + minutes * MINUTE, uncertain=True)
    until = earliest_ns([last], Wanted(Mass(42), KG), NOW, Mass(70))
    assert until == NOW + minutes * MINUTE
    assert above([last], Wanted(Mass(42), KG), until - 1, Mass(70))
