"""The pure rules about vital signs: levels, ages, what counts and what is refused."""

import json

import pytest

from pumpd.infusion import events as ev
from pumpd.infusion.record import event_from_data, event_to_data, infusion_from_data, to_data
from pumpd.infusion.vitals import Level, SignLimits, VitalRules, VitalSample, newest
from pumpd.vital_signs import MEASURABLE, Sign
from tests.infusion.bench import MIN, S, infusion
from tests.infusion.patient import RULES, WELL, samples

NOW = 1000 * S


def one(sign=Sign.SPO2, value=97, at_ns=NOW) -> VitalSample:
    return VitalSample(sign, value, at_ns, "monitor m-1")


@pytest.mark.requirement("RUN-07")
@pytest.mark.parametrize(
    ("value", "level"),
    [
        (40, Level.CRITICAL),
        (41, Level.WARNING),
        (50, Level.WARNING),
        (51, Level.OK),
        (119, Level.OK),
        (120, Level.WARNING),
        (139, Level.WARNING),
        (140, Level.CRITICAL),
    ],
)
def test_a_value_at_a_limit_has_reached_it_and_one_step_before_it_has_not(value, level):
    assert RULES.level(one(Sign.HEART_RATE, value)) is level


def test_a_sign_without_limits_has_no_level_to_reach():
    assert VitalRules().level(one(value=50)) is Level.OK
    assert SignLimits(Sign.SPO2).level(50) is Level.OK


@pytest.mark.requirement("RUN-07")
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, ""),
        ({"spo2_percent": 92}, ""),
        ({"spo2_percent": 92, "heart_rate_bpm": 120}, "two warnings at once: SpO2 92 %, heart rate 120/min"),
        ({"systolic_mmhg": 160, "diastolic_mmhg": 100}, "two warnings at once: systolic pressure 160 mmHg"),
        ({"spo2_percent": 85}, "critical: SpO2 85 %"),
        ({"respiration_per_min": 6}, "critical: respiration 6/min"),
    ],
)
def test_one_critical_or_two_warnings_are_a_danger(values, why):
    found = RULES.danger(samples(NOW, **values))
    assert found.startswith(why)
    assert bool(found) is bool(why)


@pytest.mark.requirement("RUN-08")
@pytest.mark.parametrize("sign", MEASURABLE)
def test_an_impossible_value_is_refused_and_the_limits_of_the_possible_are_not(sign):
    least, most = MEASURABLE[sign]
    for value, taken in ((least, True), (most, True), (least - 1, False), (most + 1, False)):
        found, refused = newest((), [one(sign, value)], NOW)
        assert bool(found) is taken
        assert bool(refused) is not taken


@pytest.mark.requirement("RUN-08")
def test_an_impossible_sign_does_not_hide_the_others():
    found, refused = newest((), samples(NOW, spo2_percent=101, heart_rate_bpm=150), NOW)
    assert {each.sign for each in found} == {Sign.HEART_RATE, Sign.SYSTOLIC, Sign.DIASTOLIC}
    assert refused == ("spo2_percent: 101 is not between 0 and 100",)


@pytest.mark.requirement("RUN-08")
@pytest.mark.parametrize(
    ("last", "ahead_ns", "counts"), [(0, S, False), (97, S, False), (97, 0, True), (101, 0, False)]
)
def test_of_a_sign_that_comes_twice_at_once_nothing_counts_that_was_not_checked(last, ahead_ns, counts):
    again = one(value=last, at_ns=NOW + ahead_ns)
    found, refused = newest((), [one(value=-1), again], NOW)
    assert found == ((again,) if counts else ())
    assert bool(refused) is not counts


def test_a_diastolic_pressure_that_is_not_below_the_systolic_takes_both_away():
    found, refused = newest((), samples(NOW, systolic_mmhg=90, diastolic_mmhg=90), NOW)
    assert {each.sign for each in found} == {Sign.SPO2, Sign.HEART_RATE}
    assert refused == ("diastolic_mmhg: not below the systolic pressure",)


@pytest.mark.parametrize(("at_ns", "counts"), [(NOW - 1, False), (NOW, True), (NOW + 1, True)])
def test_a_sample_older_than_the_last_is_ignored(at_ns, counts):
    last, later = one(value=97), one(value=80, at_ns=at_ns)
    found, refused = newest([last], [later], NOW + 10)
    assert found == ((later,) if counts else (last,))
    assert bool(refused) is not counts


@pytest.mark.parametrize(("ahead_ns", "counts"), [(0, True), (1, False), (3600 * S, False)])
def test_a_sample_of_the_future_is_ignored(ahead_ns, counts):
    found, refused = newest((), [one(at_ns=NOW + ahead_ns)], NOW)
    assert bool(found) is counts
    assert counts or "in the future" in refused[0]


def test_a_value_that_stays_the_same_is_a_new_sample_each_time():
    found, refused = newest([one()], [one(at_ns=NOW + S)], NOW + S)
    assert found[0].at_ns == NOW + S
    assert not refused


@pytest.mark.requirement("STA-08")
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("stream_age_ns", "cuff_age_ns", "reasons"),
    [
        (5 * S, 10 * MIN, []),
        (5 * S + 1, 10 * MIN, ["heart rate: missing", "SpO2: missing"]),
        (0, 10 * MIN + 1, ["blood pressure: measured more than 10 min ago"]),
        (None, None, ["heart rate: missing", "SpO2: missing", "blood pressure: not measured yet"]),
    ],
)
def test_a_start_needs_fresh_signs_and_blood_pressure_within_ten_minutes(first, stream_age_ns, cuff_age_ns, reasons):
    known = []
    if stream_age_ns is not None:
        known += samples(NOW - stream_age_ns, (Sign.SPO2, Sign.HEART_RATE))
    if cuff_age_ns is not None:
        known += samples(NOW - cuff_age_ns, (Sign.SYSTOLIC, Sign.DIASTOLIC))
    found = RULES.objections(known, NOW, first=first)
    assert len(found) == len(reasons)
    assert all(why.startswith(begin) for why, begin in zip(found, reasons, strict=True))


@pytest.mark.requirement("STA-07")
@pytest.mark.parametrize(("age_ns", "refused"), [(15 * MIN, False), (15 * MIN + 1, True)])
def test_the_baseline_is_at_most_fifteen_minutes_old(age_ns, refused):
    """A rule for a monitor that sends heart rate alone: then SpO2 is only measured for the baseline."""
    rules = VitalRules(limits=RULES.limits, streaming=frozenset({Sign.HEART_RATE}))
    known = (*samples(NOW), *())
    known = tuple(one(at_ns=NOW - age_ns) if each.sign is Sign.SPO2 else each for each in known)
    assert rules.objections(known, NOW, first=True) == (("SpO2: not measured in the last 15 min",) if refused else ())
    assert rules.objections(known, NOW, first=False) == ()


@pytest.mark.requirement("STA-07")
def test_a_first_start_needs_every_sign_inside_the_limits_and_a_resume_no_danger():
    known = samples(NOW, heart_rate_bpm=120)
    assert RULES.objections(known, NOW, first=True) == ("heart rate 120/min: warning, outside the limits of this site",)
    assert RULES.objections(known, NOW, first=False) == ()
    known = samples(NOW, heart_rate_bpm=120, spo2_percent=92)
    assert len(RULES.objections(known, NOW, first=True)) == 2
    assert RULES.objections(known, NOW, first=False) == (
        "vital signs: two warnings at once: SpO2 92 %, heart rate 120/min",
    )


def test_half_a_blood_pressure_is_none():
    known = samples(NOW, (Sign.SPO2, Sign.HEART_RATE, Sign.SYSTOLIC))
    assert RULES.pressure_age_ns(known, NOW) is None
    assert RULES.objections(known, NOW, first=False) == ("blood pressure: not measured yet; measure it",)


def test_blood_pressure_is_as_old_as_its_older_half():
    known = (*samples(NOW - MIN, (Sign.SYSTOLIC,)), *samples(NOW, (Sign.DIASTOLIC,)))
    assert RULES.pressure_age_ns(known, NOW) == MIN


def test_rules_and_samples_survive_the_journal_and_an_older_journal_has_none():
    before = infusion().but(vital_rules=RULES, vitals=samples(NOW))
    assert infusion_from_data(json.loads(json.dumps(to_data(before)))) == before
    old = to_data(infusion())
    del old["vital_rules"], old["vitals"]
    assert infusion_from_data(old) == infusion()
    event = ev.VitalsTaken(NOW, samples(NOW))
    assert event_from_data(json.loads(json.dumps(event_to_data(event)))) == event


def test_a_moved_infusion_has_its_samples_at_moved_instants():
    moved = infusion().but(vitals=samples(NOW)).moved(-400 * S)
    assert {each.at_ns for each in moved.vitals} == {600 * S}
    assert {each.sign: each.value for each in moved.vitals} == WELL


def test_simulated_time_leaves_the_way_from_the_monitor_in_real_time():
    fast = RULES.for_time_scale(60)
    assert (fast.fresh_ns, fast.missing_ns, fast.lost_ns) == (5 * MIN, 30 * MIN, 60 * MIN)
    assert (fast.pressure_ns, fast.baseline_ns) == (10 * MIN, 15 * MIN)
