"""The planned days of a course, what is next, and the response after it. None of it decides anything."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing import Refusals
from pumpd.dosing.course_plan import Assessment, CourseOrder, DayState
from pumpd.dosing.course_view import Now, course_view, numbers, proper_is_over
from pumpd.quantities import Duration
from tests.dosing.past import DAY, ENTRY, HOUR, M_W_F, MINUTE, NOW, RULES, began, history
from tests.dosing.samples import LIBRARY

pytestmark = pytest.mark.requirement("PRG-18")

MONDAY = date(2026, 3, 2)
GIVEN, PLANNED, MISSED = DayState.GIVEN, DayState.PLANNED, DayState.MISSED


def ordered(first_day=MONDAY, weekdays="mon wed fri"):
    return CourseOrder.from_text(
        "P-17", ENTRY.id, "C-1", first_day.isoformat(), weekdays.split(), LIBRARY, date(2026, 3, 1)
    )


def march(*days):
    return [date(2026, 3, day) for day in days]


def days(given_on=(), today=MONDAY, order=None, rules=RULES, not_before=None):
    given_on = [(on, f"t{number}") for number, on in enumerate(given_on, 1)]
    return [(day.number, day.date, day.state) for day in (order or ordered()).days(given_on, today, rules, not_before)]


def dates(state, *args, **kwargs):
    return [on for _, on, found in days(*args, **kwargs) if found is state]


def test_six_on_monday_wednesday_and_friday():
    assert days() == [(n, on, PLANNED) for n, on in enumerate(march(2, 4, 6, 9, 11, 13), 1)]


def test_the_first_day_is_the_first_ordered_weekday_from_then_on():
    assert dates(PLANNED, order=ordered(date(2026, 3, 3)))[:2] == march(4, 6)


def test_two_days_are_never_closer_than_the_hard_spacing():
    daily = ordered(weekdays="mon tue wed thu fri sat sun")
    assert dates(PLANNED, order=daily) == march(2, 3, 4, 5, 6, 7)
    for hours, expected in ((24, 1), (25, 2), (48, 2), (49, 3)):
        spacing = RULES.spacing.model_copy(update={"hard": Duration(hours * 3600)})
        first, second = dates(PLANNED, order=daily, rules=RULES.model_copy(update={"spacing": spacing}))[:2]
        assert (second - first).days == expected


def test_what_was_given_has_its_own_day_and_treatment():
    found = ordered().days([(MONDAY, "t1"), (date(2026, 3, 5), "t2")], date(2026, 3, 5), RULES)
    assert [(day.number, day.date, day.state, day.treatment) for day in found][:4] == [
        (1, MONDAY, GIVEN, "t1"),
        (2, date(2026, 3, 4), MISSED, ""),
        (2, date(2026, 3, 5), GIVEN, "t2"),
        (3, date(2026, 3, 6), PLANNED, ""),
    ]


def test_a_missed_day_moves_the_later_ones_to_the_next_allowed_weekdays():
    assert days(given_on=march(2), today=date(2026, 3, 5))[:4] == [
        (1, date(2026, 3, 2), GIVEN),
        (2, date(2026, 3, 4), MISSED),
        (2, date(2026, 3, 6), PLANNED),
        (3, date(2026, 3, 9), PLANNED),
    ]


def test_today_is_not_missed_before_it_is_over():
    assert days(given_on=march(2), today=date(2026, 3, 4))[1] == (2, date(2026, 3, 4), PLANNED)
    assert days(given_on=march(2), today=date(2026, 3, 5))[1] == (2, date(2026, 3, 4), MISSED)


def test_an_infusion_on_another_weekday_or_earlier_than_planned_misses_nothing():
    assert dates(MISSED, given_on=march(2, 3), today=date(2026, 3, 3)) == []
    assert dates(PLANNED, given_on=march(2, 3), today=date(2026, 3, 3))[0] == date(2026, 3, 4)


def test_a_course_never_begun_has_one_missed_day_however_long_ago():
    found = days(today=date(2026, 9, 1))  # a Tuesday
    assert found[:2] == [(1, MONDAY, MISSED), (1, date(2026, 9, 2), PLANNED)]
    assert len(found) == 7


def test_no_day_is_planned_before_another_dose_allows_it():
    assert dates(PLANNED, not_before=date(2026, 3, 5))[:2] == march(6, 9)


def test_days_after_the_longest_course_are_maintenance_and_not_planned():
    given_on = march(2, 4)
    assert dates(PLANNED, given_on=given_on, today=date(2026, 3, 30)) == march(30)  # the 28th day
    assert dates(PLANNED, given_on=given_on, today=date(2026, 3, 31)) == []


def test_a_finished_course_has_its_six_days_and_nothing_planned():
    assert days(given_on=march(2, 4, 6, 9, 11, 13), today=date(2026, 5, 1)) == [
        (n, on, GIVEN) for n, on in enumerate(march(2, 4, 6, 9, 11, 13), 1)
    ]


@given(
    st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1),
    st.lists(st.integers(0, 40), max_size=6, unique=True).map(sorted),
    st.integers(0, 60),
    st.sampled_from([24, 36, 48, 72, 100]),
)
def test_every_planned_day_is_allowed_not_past_and_far_enough_from_the_one_before(weekdays, given_after, later, hours):
    spacing = RULES.spacing.model_copy(update={"hard": Duration(hours * 3600)})
    rules = RULES.model_copy(update={"spacing": spacing})
    given_on = [MONDAY + timedelta(days=each) for each in given_after]
    today = max([MONDAY + timedelta(days=later), *given_on])
    found = days(given_on, today, ordered(weekdays=" ".join(weekdays)), rules)
    planned = [on for _, on, state in found if state is PLANNED]
    assert all(f"{on:%a}".lower() in weekdays and on >= today for on in planned)
    done = [*given_on[-1:], *planned]
    assert all((after - before) >= timedelta(hours=hours) for before, after in pairwise(done))
    assert [number for number, _, state in found if state is not MISSED] == list(
        range(1, len(given_on) + len(planned) + 1)
    )
    assert len(given_on) + len(planned) <= 6
    assert len(found) <= 12


# -- what may be ordered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"patient": "Jane Doe"}, "patient"),
        ({"course": ""}, "course"),
        ({"entry": "ketamin"}, "entry"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": ["mon", "Tuesday"]}, "weekdays"),
        ({"first_day": "2026-3-2"}, "first_day"),
        ({"first_day": "02.03.2026"}, "first_day"),
        ({"first_day": "20260302"}, "first_day"),
        ({"first_day": "2026-02-30"}, "first_day"),
        ({"first_day": "2027-03-03"}, "first_day"),
    ],
)
def test_what_cannot_be_a_course_is_refused_by_its_field(changes, field):
    asked = {"patient": "P-17", "entry": ENTRY.id, "course": "C-1", "first_day": "2026-03-02", "weekdays": ["mon"]}
    with pytest.raises(Refusals) as refused:
        CourseOrder.from_text(**{**asked, **changes}, library=LIBRARY, today=date(2026, 3, 1))
    assert [each.field for each in refused.value.reasons] == [field]


@pytest.mark.parametrize(
    ("response", "scale", "total", "fields"),
    [
        ("responder", "PHQ-9", 0, []),
        ("responder", "PHQ-9", 27, []),
        ("responder", "PHQ-9", 28, ["total"]),
        ("responder", "PHQ-9", -1, ["total"]),
        ("non-responder", "MADRS", 60, []),
        ("non-responder", "MADRS", 61, ["total"]),
        ("non-responder", None, None, []),
        ("not assessed", None, None, []),
        ("not assessed", "MADRS", 3, ["response"]),
        ("better", None, None, ["response"]),
        ("responder", "PHQ-9", None, ["total"]),
        ("responder", None, 9, ["total"]),
        ("responder", "HAM-D", 9, ["scale"]),
    ],
)
def test_a_response_is_one_of_three_and_a_total_is_within_its_scale(response, scale, total, fields):
    found = Assessment("P-17", "C-1", response, scale, total)
    if not fields:
        found.check()
        return
    with pytest.raises(Refusals) as refused:
        found.check()
    assert [each.field for each in refused.value.reasons] == fields


# -- where the course is -----------------------------------------------------------------------------------------------

AT = Now(NOW, lambda _: timedelta(0))  # 2026-03-30 10:00 UTC, a Monday


def view(*past, order=None, at=AT):
    return course_view("C-1", 1, ENTRY, history(*past), order, at)


def of_course(*days_ago, **changes):
    return [began(NOW - int(each * DAY), course="C-1", **changes) for each in days_ago]


def test_the_next_infusion_has_its_position_its_earliest_instant_and_its_day():
    found = view(*of_course(3, 5), order=ordered(date(2026, 3, 25)))
    assert (found.given, found.maintenance, str(found.next.position)) == (2, 0, "infusion 3 of 6")
    assert (found.next.earliest_ns, found.next.planned) == (NOW, date(2026, 3, 30))


def test_the_earliest_instant_comes_from_the_spacing_of_all_doses_whatever_their_course():
    found = view(*of_course(5), began(NOW - 23 * HOUR), order=ordered(date(2026, 3, 25)))
    assert found.next.earliest_ns == NOW + HOUR
    found = view(*of_course(5), began(NOW - HOUR), order=ordered(date(2026, 3, 25), "mon tue wed"))
    assert (found.next.earliest_ns, found.next.planned) == (NOW + 23 * HOUR, date(2026, 3, 31))


def test_a_day_is_that_of_local_time():
    late = began(NOW - 12 * HOUR, course="C-1")  # 22:00 UTC the day before
    assert [day.date for day in view(late).days] == [date(2026, 3, 29)]
    assert [day.date for day in view(late, at=Now(NOW, lambda _: timedelta(hours=2))).days] == [date(2026, 3, 30)]


def test_the_day_of_a_dose_stays_the_same_when_summer_time_begins():
    """22:30 UTC is 23:30 in winter; the clocks went forward since, and in summer it would be the next day."""
    late = began(NOW - 11 * HOUR - 30 * MINUTE, course="C-1")

    def ahead(at):
        return timedelta(hours=2 if at.date() >= date(2026, 3, 30) else 1)

    assert [day.date for day in view(late, at=Now(NOW, ahead)).days] == [date(2026, 3, 29)]


def test_without_an_order_of_the_course_no_day_is_planned():
    found = view(*of_course(3, 5))
    assert [(day.number, day.state) for day in found.days] == [(1, GIVEN), (2, GIVEN)]
    assert (str(found.next.position), found.next.planned) == ("infusion 3 of 6", None)


def test_an_infusion_that_ended_at_once_has_no_day():
    assert [day.number for day in view(*of_course(3), *of_course(5, given="0.875")).days] == [1]


def test_after_six_come_maintenance_without_planned_days_and_then_nothing():
    six = of_course(*(60 - each for each in M_W_F))
    found = view(*six, *of_course(30), order=ordered())
    assert (found.given, found.maintenance, str(found.next.position)) == (6, 1, "maintenance 2 of 2")
    assert found.next.planned is None
    assert view(*six, *of_course(30, 20), order=ordered()).next is None


def test_while_a_dose_is_dated_in_the_future_nothing_is_next():
    assert view(*of_course(5), began(NOW + 365 * DAY, course="C-1")).next is None


def test_courses_are_numbered_as_they_were_first_ordered_or_begun_and_keep_their_numbers():
    past = [*of_course(60), began(NOW - 20 * DAY, course="C-2"), began(NOW - 80 * DAY), *of_course(1)]
    assert numbers(history(*past), {}) == {"C-1": 1, "C-2": 2}
    assert numbers(history(*past), {"C-3": NOW, "C-2": NOW - 70 * DAY}) == {"C-2": 1, "C-1": 2, "C-3": 3}


def test_a_course_is_assessed_after_its_last_infusion_or_when_its_time_is_over():
    six = of_course(*(20 - each for each in M_W_F))
    assert not proper_is_over("C-1", ENTRY, history(), NOW)
    assert not proper_is_over("C-1", ENTRY, history(*six[:5]), NOW)
    assert proper_is_over("C-1", ENTRY, history(*six), NOW)
    assert proper_is_over("C-1", ENTRY, history(*six[:5]), NOW + 9 * DAY)
