"""Which instants two people may give to a dose that is dated in the future (PRG-28)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.correction import Between, between, objections
from tests.dosing.past import DAY, HOUR, MINUTE, NOW, S, began

pytestmark = pytest.mark.requirement("PRG-28")

AHEAD = began(NOW + 365 * DAY, session="s1")
LIMITS = Between(NOW - 5 * HOUR, NOW - 2 * HOUR)


def why(started_ns, dose=AHEAD, reason="the clock was wrong", limits=LIMITS, *, corrected=False):
    return [each.field for each in objections(dose, started_ns, reason, limits, NOW, corrected=corrected)]


def test_a_start_at_either_limit_is_possible_and_a_moment_outside_is_not():
    assert why(LIMITS.least_ns) == why(LIMITS.most_ns) == []
    assert why(LIMITS.least_ns - 1) == why(LIMITS.most_ns + 1) == ["started"]
    assert why(0, limits=replace(LIMITS, least_ns=None)) == []


def test_the_refusal_gives_both_limits():
    [found] = objections(AHEAD, NOW, "the clock was wrong", LIMITS, NOW, corrected=False)
    assert "not before 2026-03-30 05:00:00 UTC and not after 2026-03-30 08:00:00 UTC" in found.reason


def test_a_dose_that_is_not_ahead_of_now_cannot_be_moved_out_of_the_limits_of_spacing():
    past = began(NOW - HOUR)
    assert why(LIMITS.most_ns, past) == ["session"]
    assert why(LIMITS.most_ns, replace(past, seen_ns=NOW + S)) == []  # less than a day ahead
    assert why(LIMITS.most_ns, past, corrected=True) == []  # the correction was wrong


def test_an_infusion_under_way_is_not_corrected():
    assert why(LIMITS.most_ns, replace(AHEAD, running=True)) == ["session"]


@pytest.mark.requirement("AUD-08")
@pytest.mark.parametrize(("reason", "taken"), [("abc", True), ("ab", False), ("  a ", False), ("ab\ncd", False)])
def test_a_reason_of_three_letters_is_needed(reason, taken):
    assert why(LIMITS.most_ns, reason=reason) == ([] if taken else ["reason"])


# -- between which orders ----------------------------------------------------------------------------------------------


def test_the_nearest_orders_before_and_after_it_are_the_limits():
    orders = [(1, NOW - 9 * HOUR), (5, NOW - 8 * HOUR), (20, NOW - 3 * HOUR), (30, NOW - 2 * HOUR)]
    assert between(10, orders, HOUR, NOW) == Between(NOW - 8 * HOUR, NOW - 3 * HOUR)


def test_without_other_orders_it_began_before_now_less_the_time_that_it_lasted():
    assert between(10, [], 40 * MINUTE, NOW) == Between(None, NOW - 40 * MINUTE)


def test_an_order_that_is_itself_in_the_future_is_no_limit():
    orders = [(4, NOW - 9 * HOUR), (5, NOW + 1), (20, NOW + 300 * DAY), (30, NOW - 2 * HOUR)]
    assert between(10, orders, 0, NOW) == Between(NOW - 9 * HOUR, NOW - 2 * HOUR)


def test_an_order_afterwards_with_a_clock_in_the_past_does_not_let_the_dose_go_there():
    orders = [(5, NOW - 8 * HOUR), (20, NOW - 2000 * DAY), (30, NOW - 2 * HOUR)]
    assert between(10, orders, 0, NOW) == Between(NOW - 8 * HOUR, NOW - 2 * HOUR)


def test_when_the_orders_contradict_each_other_the_dose_can_still_be_corrected():
    assert between(10, [(5, NOW - 1)], HOUR, NOW) == Between(None, NOW - HOUR)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(1, 50), st.integers(NOW - DAY, NOW + DAY)), max_size=8),
    st.integers(0, DAY),
)
def test_there_is_always_an_instant_that_is_possible_and_none_is_in_the_future(number, orders, lasted_ns):
    found = between(number, orders, lasted_ns, NOW)
    assert found.most_ns + lasted_ns <= NOW
    assert found.least_ns is None or found.least_ns <= found.most_ns
    assert why(found.most_ns, limits=found) == []
