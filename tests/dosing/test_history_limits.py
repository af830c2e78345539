"""Every limit that follows from earlier doses, at its edge and one step beyond: clock, spacing, day, course, rest."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pumpd.dosing.history import Wanted, position
from pumpd.dosing.history_limits import earliest_ns, objections, rest_objections
from pumpd.dosing.library import Course, Spacing
from pumpd.quantities import Duration, Mass, Weight
from tests.dosing.past import (
    DAY,
    ENTRY,
    HOUR,
    M_W_F,
    MINUTE,
    NOW,
    RULES,
    WANTED,
    began,
    dose,
    history,
    refused,
    started,
    warned,
)

# Rules that permit several infusions in a day, so that only the daily dose is checked.
HOURLY = Course(
    daily_max="1 mg/kg",
    infusions=6,
    soft_min="1 h",
    soft_max="504 h",
    hard_max="672 h",
    spacing={"soft": "24 h", "hard": "24 h"},
    maintenance=2,
    maintenance_spacing={"soft": "24 h", "hard": "24 h"},
).model_copy(update={"spacing": Spacing.model_construct(soft=Duration(60), hard=Duration(60), gap=Duration(60))})


def test_a_patient_without_a_history_may_have_a_first_infusion():
    assert refused([]) == []
    assert warned([]) == []
    assert str(position(history(), WANTED, NOW, RULES)) == "infusion 1 of 6"


# -- the clock ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-12")
def test_without_a_known_time_nothing_is_checked_and_nothing_started():
    assert refused([], now_ns=None) == ["PWR-12"]
    assert refused(started(5), now_ns=None) == ["PWR-12"]


@pytest.mark.requirement("PRG-17", "PWR-12")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_clock_set_back_behind_the_last_of_several_doses_is_refused(order):
    """Whatever came before it, in whatever order the record lists them."""
    doses = [*started(12), *started(9), *started(5, seen_ns=NOW + 1, session="the-last")]
    found = objections(history(*(doses[place] for place in order)), WANTED, NOW, RULES)
    [reason] = [str(refusal) for refusal in found if refusal.field == "clock"]
    assert "before the last recorded dose (2026-03-30 10:00:01" in reason
    assert "pumpd history correct the-last" in reason


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_a_clock_before_the_last_dose_is_refused():
    def of_the_clock(seen_ns):
        past = history(*started(5, seen_ns=seen_ns, session="s5"))
        return [str(refusal) for refusal in objections(past, WANTED, NOW, RULES) if refusal.field == "clock"]

    assert of_the_clock(NOW) == []
    [reason] = of_the_clock(NOW + 1)
    assert reason.startswith("clock: it is 2026-03-30 10:00:00 UTC, before the last recorded dose (2026-03-30 10:00:01")
    assert "`pumpd history correct s5`" in reason


@pytest.mark.requirement("PRG-28", "PRG-22")
@pytest.mark.parametrize("ahead", ["started_ns", "seen_ns"])
def test_a_dose_more_than_a_day_ahead_is_suspect_and_says_how_it_is_corrected(ahead):
    def fields(ns):
        past = history(replace(began(NOW - 5 * DAY, session="s5"), **{ahead: ns}))
        return {(each.field, each.requirement): each.reason for each in objections(past, WANTED, NOW, RULES)}

    assert ("history", "PRG-28") not in fields(NOW + DAY)
    reason = fields(NOW + DAY + 1)["history", "PRG-28"]
    assert "is dated 2026-03-31 10:00:01 UTC, and it is 2026-03-30 10:00:00 UTC" in reason
    assert "two people must correct it, with `pumpd history correct s5`" in reason


@pytest.mark.requirement("PRG-28")
def test_a_suspect_dose_refuses_its_own_patient_for_the_same_substance_and_nobody_else():
    ahead = began(NOW + 365 * DAY)
    assert "PRG-28" in refused([ahead])
    assert refused([replace(ahead, patient="P-18")]) == []
    assert refused([replace(ahead, substance=frozenset({"midazolam"}), drug="midazolam")]) == []


# -- spacing -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_a_treatment_begins_twenty_four_hours_after_the_start_of_the_last_or_later():
    assert refused([began(NOW - DAY)]) == []
    assert refused([began(NOW - DAY + 1)]) == ["PRG-17"]


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_a_treatment_begins_twenty_hours_after_the_end_of_the_last_or_later():
    assert refused([dose(NOW - 20 * HOUR, lasted_ns=4 * HOUR)]) == []
    assert refused([dose(NOW - 20 * HOUR + 1, lasted_ns=4 * HOUR + 1)]) == ["PRG-17"]


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_less_than_forty_four_hours_from_start_to_start_is_a_soft_limit():
    assert warned([began(NOW - 44 * HOUR)]) == []
    assert warned([began(NOW - 44 * HOUR + 1)]) == ["spacing_low"]


@pytest.mark.requirement("PRG-17")
def test_the_same_hour_each_day_is_possible():
    """Daily for five days at 09:00, each of 40 minutes."""
    past = []
    for day in range(5):
        at = NOW + day * DAY
        assert refused(past, now_ns=at) == []
        assert refused([*past[:-1], began(at - DAY + 1)], now_ns=at) == ["PRG-17"]
        past.append(began(at))


@pytest.mark.requirement("PRG-17")
def test_the_refusal_gives_the_earliest_time_whichever_limit_it_comes_from():
    [refusal] = objections(history(began(NOW - 23 * HOUR)), WANTED, NOW, RULES)
    assert refusal.field == "patient"
    assert "began 2026-03-29 11:00:00 UTC" in refusal.reason
    assert "not before 2026-03-30 11:00:00 UTC, 24 h later" in refusal.reason
    [refusal] = objections(history(dose(NOW - 19 * HOUR, lasted_ns=5 * HOUR)), WANTED, NOW, RULES)
    assert "ended 2026-03-29 15:00:00 UTC at the latest" in refusal.reason
    assert "not before 2026-03-30 11:00:00 UTC, 20 h later" in refusal.reason


@pytest.mark.requirement("PRG-17")
@pytest.mark.parametrize("last", [began(NOW - 23 * HOUR), dose(NOW - 19 * HOUR, lasted_ns=5 * HOUR)])
def test_at_the_earliest_time_it_is_allowed_and_a_moment_before_it_is_not(last):
    until = earliest_ns(history(last), WANTED, NOW, RULES)
    assert until == NOW + HOUR
    assert refused([last], now_ns=until) == []
    assert refused([last], now_ns=until - 1) == ["PRG-17"]


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


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_maintenance_has_its_own_spacing():
    past = started(*(30 - day for day in M_W_F))
    assert warned([*past, began(NOW - 164 * HOUR)]) == []
    assert warned([*past, began(NOW - 164 * HOUR + 1)]) == ["spacing_low"]


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


@pytest.mark.requirement("PRG-14", "PRG-18")
def test_a_treatment_that_takes_no_place_counts_for_the_day_and_for_the_spacing():
    """3.4 of 35 mg are less than a tenth."""
    little = dose(NOW - HOUR, given="3.4")
    assert refused([little], Wanted(Mass("66.6"), Weight(70)), rules=HOURLY) == []
    assert refused([little], Wanted(Mass("66.7"), Weight(70)), rules=HOURLY) == ["PRG-14"]
    assert refused([little]) == ["PRG-17"]


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


@pytest.mark.requirement("PRG-18")
def test_open_ended_maintenance_goes_on_without_a_number_to_reach():
    rules = RULES.model_copy(update={"maintenance": "open-ended"})
    past = started(*(200 - day for day in M_W_F), 150, 120, 90, 60, 30)
    assert refused(past, rules=rules) == []
    assert warned(past, rules=rules) == []
    assert str(position(history(*past), WANTED, NOW, rules)) == "maintenance 6"


@pytest.mark.requirement("PRG-18")
def test_maintenance_as_ordered_needs_the_prescriber_s_reason_each_time_and_has_no_end():
    rules = RULES.model_copy(update={"maintenance": "as ordered"})
    six = started(*(200 - day for day in M_W_F))
    assert warned(six[:5], now_ns=NOW - 188 * DAY, rules=rules) == []
    for past in (six, [*six, *started(150, 120, 90, 60, 30)]):
        assert refused(past, rules=rules) == []
        assert warned(past, rules=rules) == ["maintenance_ordered"]


@pytest.mark.requirement("PRG-18", "PRG-22")
def test_a_treatment_of_which_less_than_the_least_share_was_given_takes_no_place():
    def place(given, **changes):
        return str(position(history(*started(7), *started(5, given=given, **changes)), WANTED, NOW, RULES))

    assert place("3.4999") == "infusion 2 of 6"
    assert place("3.5") == "infusion 3 of 6"
    assert place("0.1", uncertain=True) == "infusion 3 of 6"


@pytest.mark.requirement("PRG-18")
def test_two_infusions_that_ended_at_once_leave_the_course_its_six_places():
    past = started(*(60 - day for day in M_W_F[:4]))
    past += started(47, 45, given="0.875")  # a minute of 40
    assert str(position(history(*past), WANTED, NOW - 44 * DAY, RULES)) == "infusion 5 of 6"
    assert "course_fast" not in warned(past, now_ns=NOW - 44 * DAY)


@pytest.mark.requirement("PRG-18")
def test_a_site_may_let_every_started_treatment_take_a_place():
    rules = RULES.model_copy(update={"least_share": Decimal(0)})
    assert str(position(history(*started(5, given="0.001")), WANTED, NOW, rules)) == "infusion 2 of 6"


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
    soon = [*started(8.5, 6.5, 4.5, 2.5), began(NOW - int(10.5 * DAY) + 1)]
    assert warned(soon) == ["course_fast"]
    assert warned([replace(each, course="another") for each in soon]) == ["course_fast", "course_new"]


@pytest.mark.requirement("PRG-18", "PRG-22")
def test_a_course_that_is_not_finished_in_three_weeks_is_a_soft_limit():
    assert warned(started(21, 14)) == []
    assert warned(started(21, 14), now_ns=NOW + 1) == ["course_slow"]
    assert warned(started(40, 30)) == ["course_slow"]  # then as maintenance
    assert warned(started(*(40 - day for day in M_W_F))) == []


# -- the rest of a treatment -------------------------------------------------------------------------------------------

HALF = began(NOW - HOUR, given="17.5", session="first", lasted_ns=20 * MINUTE)
REST = Wanted(Mass("17.5"), Weight(70), treatment="first")


@pytest.mark.requirement("PRG-25", "PRG-17", "PRG-18")
def test_neither_spacing_nor_course_holds_back_the_rest_of_a_treatment():
    over = started(*(60 - day for day in M_W_F), 40, 30)
    assert refused([*over, HALF]) == ["PRG-17", "PRG-18"]
    assert refused([*over, HALF], REST) == []
    assert warned([*over, HALF], REST) == []


@pytest.mark.requirement("PRG-25", "PRG-14")
def test_the_daily_dose_counts_what_the_treatment_gave_before_its_rest():
    rules = RULES.model_copy(update={"daily_max": type(RULES.daily_max)("0.5")})  # 35 mg
    assert refused([HALF], REST, rules=rules) == []
    assert refused([HALF], replace(REST, dose=Mass("17.5001")), rules=rules) == ["PRG-14"]


@pytest.mark.requirement("PRG-25", "PRG-17")
def test_the_rest_waits_for_whatever_is_under_way():
    running = dose(NOW, given="1", session="x", running=True)
    assert refused([HALF, running], REST) == ["PRG-17"]
    assert refused([replace(HALF, running=True)], REST) == ["PRG-17"]


@pytest.mark.requirement("PRG-25", "PRG-22")
def test_the_rest_ends_within_two_hours_of_the_first_start():
    [treatment] = history(HALF).treatments
    until = HALF.started_ns + 2 * HOUR
    assert rest_objections(treatment, NOW, until, ENTRY.rest) == []
    [refusal] = rest_objections(treatment, NOW, until + 1, ENTRY.rest)
    assert "must be given within 120 min: by 2026-03-30 11:00:00 UTC" in str(refusal)


@pytest.mark.requirement("PRG-25")
def test_a_treatment_with_nothing_left_has_no_rest():
    def why(*doses):
        return [each.reason for each in rest_objections(history(*doses).find("first"), NOW, NOW, ENTRY.rest)]

    assert why(replace(HALF, given=Mass("34.9999"))) == []
    assert why(replace(HALF, given=Mass(35))) == ["up to 35 mg of 35 mg may have been given: there is no rest"]
    assert why(replace(HALF, uncertain=True)) == ["up to 35 mg of 35 mg may have been given: there is no rest"]
    second = began(NOW - 30 * MINUTE, session="second", given="17.5", ordered=Mass("17.5"), treatment="first")
    assert why(HALF, second) == ["up to 35 mg of 35 mg may have been given: there is no rest"]
    assert why(replace(HALF, completed=True)) == ["it was completed: there is no rest"]
    assert why() == ["nothing of it is on record, so it has no rest"]


@pytest.mark.requirement("PRG-25", "PRG-17")
def test_the_next_treatment_counts_from_the_first_start_and_the_last_end_of_all_deliveries():
    first = began(NOW - DAY, given="17.5", session="first", lasted_ns=20 * MINUTE)
    rest = began(NOW - DAY + HOUR, given="17.5", session="second", ordered=Mass("17.5"), treatment="first")
    assert refused([first, rest]) == []
    assert refused([replace(first, started_ns=first.started_ns + 1), rest]) == ["PRG-17"]
    late = replace(rest, ended_ns=NOW - 20 * HOUR + 1, seen_ns=NOW - 20 * HOUR + 1)
    assert refused([first, late]) == ["PRG-17"]


@pytest.mark.requirement("PRG-25", "PRG-22")
def test_a_rest_that_was_planned_before_more_was_booked_is_planned_again():
    [treatment] = history(HALF).treatments
    assert rest_objections(treatment, NOW, NOW, ENTRY.rest, Mass("17.5")) == []
    [refusal] = rest_objections(treatment, NOW, NOW, ENTRY.rest, Mass("17.4999"))
    assert "up to 17.5 mg may have been given, more than the 17.4999 mg of this plan" in str(refusal)


@pytest.mark.requirement("PRG-14", "PRG-22")
def test_a_dose_that_ended_a_day_ago_is_not_named_among_those_of_the_day():
    past = history(dose(NOW - DAY, given="20"), dose(NOW - HOUR, given="36"))
    assert "35 mg after up to 36 mg in the last 24 h" in str(objections(past, WANTED, NOW, HOURLY)[0])


@pytest.mark.requirement("PRG-28")
def test_of_several_suspect_doses_the_latest_is_named():
    ahead = [began(NOW + days * DAY, session=f"in-{days}") for days in (3, 5, 4)]
    [reason] = [str(each) for each in objections(history(*ahead), WANTED, NOW, RULES) if each.field == "history"]
    assert "pumpd history correct in-5" in reason
