"""Dose history: 24 hours, spacing and course, counting what was given, is still flowing or is uncertain."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.history import Dose, History, Wanted, position
from pumpd.dosing.history_limits import objections, warnings
from pumpd.dosing.library import Course, Spacing
from pumpd.quantities import Duration, Mass, Weight
from tests.dosing.samples import LIBRARY

RULES = LIBRARY.entries["ketamine-1mg-ml"].course
S = 1_000_000_000
MINUTE, HOUR, DAY = 60 * S, 3600 * S, 86_400 * S
NOW = int(datetime(2026, 3, 30, 10, tzinfo=UTC).timestamp()) * S
WANTED = Wanted(Mass(35), Weight(70))
M_W_F = (0, 2, 4, 7, 9, 11)  # days of six infusions

# Rules that permit two infusions in a day, so that only the daily dose is checked.
HOURLY = Course(
    daily_max="1 mg/kg",
    infusions=6,
    soft_min="1 h",
    soft_max="504 h",
    hard_max="672 h",
    spacing={"soft": "24 h", "hard": "24 h"},
    maintenance=2,
    maintenance_spacing={"soft": "24 h", "hard": "24 h"},
).model_copy(update={"spacing": Spacing.model_construct(soft=Duration(60), hard=Duration(60))})


def dose(ended_ns, given="35", session=None, *, lasted_ns=40 * MINUTE, **changes):
    plain = Dose(
        session=session or f"s{ended_ns}",
        patient="P-17",
        substance=frozenset({"ketamine"}),
        drug="ketamine",
        started_ns=ended_ns - lasted_ns,
        ended_ns=ended_ns,
        seen_ns=ended_ns,
        ordered=Mass(35),
        given=Mass(given),
    )
    return replace(plain, **changes)


def history(*doses):
    return History.of(doses, "P-17", {"ketamine"})


def started(*days_ago, **changes):
    """Infusions of 40 minutes that began this many days ago."""
    return [dose(NOW - int(days * DAY) + 40 * MINUTE, **changes) for days in days_ago]


def refused(doses, wanted=WANTED, now_ns=NOW, rules=RULES):
    return [refusal.requirement for refusal in objections(history(*doses), wanted, now_ns, rules)]


def warned(doses, wanted=WANTED, now_ns=NOW, rules=RULES):
    return [limit.id for limit in warnings(history(*doses), wanted, now_ns, rules)]


def test_a_patient_without_a_history_may_have_a_first_infusion():
    assert refused([]) == []
    assert warned([]) == []
    assert str(position(history(), WANTED, NOW, RULES)) == "infusion 1 of 6"


# -- the clock ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-12")
def test_without_a_known_time_nothing_is_checked_and_nothing_started():
    assert refused([], now_ns=None) == ["PWR-12"]
    assert refused(started(5), now_ns=None) == ["PWR-12"]


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_a_clock_before_the_last_dose_is_refused():
    def of_the_clock(seen_ns):
        past = history(*started(5, seen_ns=seen_ns))
        return [str(refusal) for refusal in objections(past, WANTED, NOW, RULES) if refusal.field == "clock"]

    assert of_the_clock(NOW) == []
    [reason] = of_the_clock(NOW + 1)
    assert reason.startswith("clock: it is 2026-03-30 10:00:00 UTC, before the last recorded dose (2026-03-30 10:00:01")


# -- spacing -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_an_infusion_begins_twenty_four_hours_after_the_end_of_the_last_or_later():
    assert refused([dose(NOW - DAY)]) == []
    assert refused([dose(NOW - DAY + 1)]) == ["PRG-17"]


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_less_than_forty_four_hours_is_a_soft_limit():
    assert warned([dose(NOW - 44 * HOUR)]) == []
    assert warned([dose(NOW - 44 * HOUR + 1)]) == ["spacing_low"]


@pytest.mark.requirement("PRG-17")
def test_the_refusal_gives_the_earliest_time():
    [refusal] = objections(history(dose(NOW - 23 * HOUR)), WANTED, NOW, RULES)
    assert refusal.field == "patient"
    assert "ended 2026-03-29 11:00:00 UTC" in refusal.reason
    assert "not before 2026-03-30 11:00:00 UTC, 24 h later" in refusal.reason


@pytest.mark.requirement("PRG-17")
def test_monday_wednesday_friday_is_within_all_limits():
    for number in range(6):
        past = started(*(M_W_F[number] - day for day in M_W_F[:number]))
        assert refused(past) == []
        assert warned(past) == []
        assert str(position(history(*past), WANTED, NOW, RULES)) == f"infusion {number + 1} of 6"


@pytest.mark.requirement("PRG-17")
def test_another_infusion_under_way_is_refused_whatever_the_clock_says():
    running = dose(NOW - 3 * DAY, given="10", still=Mass(25), running=True)
    [refusal] = objections(history(running), WANTED, NOW, RULES)
    assert "still under way" in refusal.reason


def test_an_infusion_that_certainly_gave_nothing_does_not_count():
    assert refused([dose(NOW - HOUR, given="0")]) == []
    assert refused([dose(NOW - HOUR, given="0", uncertain=True)]) == ["PRG-17"]


# -- 24 hours ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-14", "PRG-22")
def test_a_daily_dose_at_the_limit_is_allowed_and_one_step_more_is_not():
    earlier = [dose(NOW - 5 * HOUR, given="20"), dose(NOW - 9 * HOUR, given="15")]
    assert refused(earlier, Wanted(Mass(35), Weight(70)), rules=HOURLY) == []
    assert refused(earlier, Wanted(Mass("35.0001"), Weight(70)), rules=HOURLY) == ["PRG-14"]


@pytest.mark.requirement("PRG-14", "PRG-22")
def test_an_infusion_counts_whole_until_its_end_is_a_day_ago():
    wanted = Wanted(Mass(70), Weight(70))
    assert refused([dose(NOW - DAY)], wanted, rules=HOURLY) == []
    assert refused([dose(NOW - DAY + 1)], wanted, rules=HOURLY) == ["PRG-14"]


@pytest.mark.requirement("PRG-14")
def test_an_uncertain_dose_counts_as_all_that_was_ordered():
    wanted = Wanted(Mass(40), Weight(70))
    assert refused([dose(NOW - HOUR, given="1")], wanted, rules=HOURLY) == []
    assert refused([dose(NOW - HOUR, given="1", uncertain=True)], wanted, rules=HOURLY) == ["PRG-14"]
    # More than was ordered was reported: then that is the worst case.
    assert dose(NOW, given="36", uncertain=True).worst == Mass(36)


@pytest.mark.requirement("PRG-14")
def test_what_a_running_program_will_still_give_counts_before_it_is_given():
    """The counter-example of Vasicek et al. (ICLP 2024): the past alone is under the limit, past and future are not."""
    running = dose(NOW + 30 * MINUTE, given="10", still=Mass(25), running=True, seen_ns=NOW)
    wanted = Wanted(Mass(40), Weight(70))  # 10 + 40 <= 70 < 10 + 25 + 40
    assert refused([running], wanted, rules=HOURLY) == ["PRG-17", "PRG-14"]
    assert refused([replace(running, still=Mass(20))], wanted, rules=HOURLY) == ["PRG-17"]


@pytest.mark.requirement("PRG-14")
def test_the_reason_gives_both_sums():
    found = objections(history(dose(NOW - HOUR, given="36")), WANTED, NOW, HOURLY)
    assert "35 mg after up to 36 mg in the last 24 h is above the hard limit of 1 mg/kg = 70 mg" in found[0].reason


# -- the course --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-18")
def test_after_six_infusions_two_of_maintenance_follow_and_then_a_new_course():
    past = started(*(60 - day for day in M_W_F))
    assert str(position(history(*past), WANTED, NOW, RULES)) == "maintenance 1 of 2"
    past += started(40)
    assert str(position(history(*past), WANTED, NOW, RULES)) == "maintenance 2 of 2"
    assert refused(past) == []
    past += started(30)
    assert refused(past) == ["PRG-18"]


@pytest.mark.requirement("PRG-18", "PRG-22")
def test_an_infusion_on_the_twenty_eighth_day_belongs_to_the_course_and_a_later_one_is_maintenance():
    past = started(28, 20)
    assert str(position(history(*past), WANTED, NOW, RULES)) == "infusion 3 of 6"
    assert str(position(history(*past), WANTED, NOW + 1, RULES)) == "maintenance 1 of 2"
    assert refused([*past, *started(-1, -8)], now_ns=NOW + 20 * DAY) == ["PRG-18"]


@pytest.mark.requirement("PRG-18")
def test_a_new_course_starts_a_new_count_and_needs_a_reason():
    past = started(*(60 - day for day in M_W_F), 40, 30)
    again = replace(WANTED, course="2026-2")
    assert refused(past, again) == []
    assert str(position(history(*past), again, NOW, RULES)) == "infusion 1 of 6"
    assert warned(past, again) == ["course_new"]
    assert warned([*past, *started(5, course="2026-2")], again) == []


@pytest.mark.requirement("PRG-14", "PRG-17")
def test_a_new_course_lifts_neither_the_spacing_nor_the_daily_dose():
    again = Wanted(Mass(36), Weight(70), course="2026-2")
    assert refused([dose(NOW - HOUR)], again) == ["PRG-17", "PRG-14"]


@pytest.mark.requirement("PRG-18", "PRG-22")
def test_six_in_less_than_a_week_and_a_half_is_a_soft_limit():
    assert warned(started(10.5, 8.5, 6.5, 4.5, 2.5)) == []
    soon = [*started(8.5, 6.5, 4.5, 2.5), dose(NOW - int(10.5 * DAY) + 1, lasted_ns=0)]
    assert warned(soon) == ["course_fast"]
    assert warned([replace(each, course="another") for each in soon]) == ["course_fast", "course_new"]


@pytest.mark.requirement("PRG-18", "PRG-22")
def test_a_course_that_is_not_finished_in_three_weeks_is_a_soft_limit():
    assert warned(started(21, 14)) == []
    assert warned(started(21, 14), now_ns=NOW + 1) == ["course_slow"]
    assert warned(started(40, 30)) == ["course_slow"]  # then as maintenance
    assert warned(started(*(40 - day for day in M_W_F))) == []


@pytest.mark.requirement("PRG-17")
def test_maintenance_has_its_own_spacing():
    past = started(*(30 - day for day in M_W_F))
    assert warned([*past, dose(NOW - 164 * HOUR)]) == []
    assert warned([*past, dose(NOW - 164 * HOUR + 1)]) == ["spacing_low"]


# -- whose doses -------------------------------------------------------------------------------------------------------


def test_only_this_patient_s_doses_of_this_drug_count():
    assert refused([dose(NOW - HOUR, patient="P-18"), dose(NOW - HOUR, session="x", drug="esketamine")]) == []


def test_another_spelling_does_not_hide_a_dose():
    assert refused([dose(NOW - HOUR, patient="p-17")]) == ["PRG-17"]
    assert refused([dose(NOW - HOUR, drug="Ketamine")]) == ["PRG-17"]


# -- any history -------------------------------------------------------------------------------------------------------

MASSES = st.integers(0, 1000).map(lambda tenths: Mass(tenths).times(Decimal("0.1")))
LENGTHS = st.integers(0, 2 * HOUR)


@st.composite
def past_doses(draw):
    plain = dose(draw(st.integers(NOW - 70 * DAY, NOW)), session=str(draw(st.uuids())), lasted_ns=draw(LENGTHS))
    return replace(
        plain,
        ordered=draw(MASSES),
        given=draw(MASSES),
        still=draw(MASSES),
        running=draw(st.booleans()),
        uncertain=draw(st.booleans()),
        course=draw(st.sampled_from(["", "", "", "2"])),
    )


HISTORIES = st.lists(past_doses(), max_size=10)


def reasons_against(doses):
    past = history(*doses)
    return objections(past, WANTED, NOW, RULES), warnings(past, WANTED, NOW, RULES)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_doses_does_not_matter(doses, random):
    mixed = random.sample(doses, len(doses))
    assert history(*mixed) == history(*doses)
    assert reasons_against(mixed) == reasons_against(doses)


def parts(whole, cut_ns, given, still, ordered):
    """The dose as two parts: divided at an instant, with the masses shared between them."""
    first = replace(whole, ended_ns=cut_ns, seen_ns=cut_ns, given=given, still=still, ordered=ordered)
    rest = {"given": whole.given - given, "still": whole.still - still, "ordered": whole.ordered - ordered}
    return first, replace(whole, started_ns=cut_ns, running=False, uncertain=False, **rest)


@given(HISTORIES, past_doses(), st.data())
def test_a_dose_written_in_two_parts_is_the_same_dose(others, whole, data):
    def share(mass):
        return data.draw(st.integers(0, 10)) * mass.decimal / 10

    cut_ns = data.draw(st.integers(whole.started_ns, whole.ended_ns))
    two = parts(whole, cut_ns, *(Mass(share(mass)) for mass in (whole.given, whole.still, whole.ordered)))
    assert history(*others, *two) == history(*two[::-1], *others) == history(*others, whole)


@given(HISTORIES, past_doses())
def test_one_more_dose_never_removes_a_refusal(doses, more):
    """Nor a soft limit, except the two that need doses: a course just begun, and one that is too slow."""

    def strict(found):
        refusals, soft = found
        hard = {(refusal.field, refusal.requirement) for refusal in refusals}
        return hard | {limit.id for limit in soft if limit.id not in ("course_new", "course_slow")}

    assert strict(reasons_against([*doses, more])) >= strict(reasons_against(doses))


@given(HISTORIES, past_doses(), st.integers(-90 * DAY, 90 * DAY))
def test_one_more_dose_never_makes_a_refused_infusion_an_allowed_one(doses, more, shift_ns):
    """At any time, even before doses on record."""
    now_ns = NOW + shift_ns
    before, after = (objections(history(*each), WANTED, now_ns, RULES) for each in (doses, [*doses, more]))
    assert after or not before
