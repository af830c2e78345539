"""Which values wait for control, and how old they are said to be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.vitals.newest import FromTheFutureError, Newest, Sample, age_s

WALL = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def sample(arrived_s=100.0, measured_ago_s=None, patient=None, **signs) -> Sample:
    measured = None if measured_ago_s is None else WALL - timedelta(seconds=measured_ago_s)
    return Sample("monitors/7/vitals", arrived_s, measured, patient, signs)


def requests(newest, now_s=100.0):
    return [signs for _, signs in newest.waiting(now_s, WALL)]


def test_the_newest_value_of_each_sign_waits_with_the_age_of_its_own_message():
    newest = Newest("bed1")
    newest.add(sample(90.0, systolic_mmhg=120, diastolic_mmhg=80, spo2_percent=97), WALL)
    newest.add(sample(99.0, spo2_percent=88), WALL)
    first, second = requests(newest)
    assert first.model_dump(exclude_none=True) == {
        "op": "vital_signs", "pump": "bed1", "source": "monitors/7/vitals", "age_s": 10.0,
        "systolic_mmhg": 120, "diastolic_mmhg": 80,
    }  # fmt: skip
    assert (second.spo2_percent, second.systolic_mmhg, second.age_s) == (88, None, 1.0)


def test_a_flood_leaves_one_value_of_each_sign():
    newest = Newest("bed1")
    for number in range(10_000):
        newest.add(sample(spo2_percent=number % 100), WALL)
    assert [each.spo2_percent for each in requests(newest)] == [99]


def test_what_control_has_no_longer_waits_and_what_came_meanwhile_does():
    newest = Newest("bed1")
    newest.add(sample(spo2_percent=97, heart_rate_bpm=70), WALL)
    ((taken, _),) = newest.waiting(100.0, WALL)
    newest.add(sample(spo2_percent=96), WALL)
    newest.taken(taken)
    (left,) = requests(newest)
    assert (left.spo2_percent, left.heart_rate_bpm) == (96, None)


def test_a_value_is_as_old_as_its_own_time_says_and_never_younger_than_its_arrival():
    assert age_s(sample(99.0), 100.0, WALL) == 1.0
    assert age_s(sample(99.0, 30.0), 100.0, WALL) == 30.0
    assert age_s(sample(99.0, 0.2), 100.0, WALL) == 1.0
    assert age_s(sample(99.0, -1.5), 100.0, WALL) == 1.0  # the monitor's clock is a little ahead


@given(st.floats(0, 1e6), st.none() | st.floats(-2, 1e6))
def test_no_age_is_negative_or_below_the_time_since_the_arrival(since_arrival_s, measured_ago_s):
    assert age_s(sample(0.0, measured_ago_s), since_arrival_s, WALL) >= round(since_arrival_s, 3)


def test_a_value_of_the_future_is_refused_because_its_age_is_unknown():
    newest = Newest("bed1")
    with pytest.raises(FromTheFutureError, match="3600 s ahead"):
        newest.add(sample(measured_ago_s=-3600, spo2_percent=97), WALL)
    assert requests(newest) == []


def test_a_message_that_comes_twice_or_late_brings_nothing_new():
    newest = Newest("bed1")
    assert newest.add(sample(measured_ago_s=5, spo2_percent=97), WALL)
    ((taken, _),) = newest.waiting(100.0, WALL)
    newest.taken(taken)
    assert not newest.add(sample(measured_ago_s=5, spo2_percent=97), WALL)
    assert not newest.add(sample(measured_ago_s=6, spo2_percent=71), WALL)
    assert requests(newest) == []
    assert newest.add(sample(measured_ago_s=4, spo2_percent=71), WALL)


def test_without_a_time_what_arrives_later_is_newer():
    newest = Newest("bed1")
    newest.add(sample(99.0, spo2_percent=97), WALL)
    newest.add(sample(99.5, spo2_percent=96), WALL)
    assert [each.spo2_percent for each in requests(newest)] == [96]


def test_the_token_of_the_patient_goes_with_its_own_values():
    newest = Newest("bed1")
    newest.add(sample(patient="P-1", heart_rate_bpm=70), WALL)
    newest.add(sample(patient="P-2", spo2_percent=97), WALL)
    assert [(each.patient, each.spo2_percent) for each in requests(newest)] == [("P-1", None), ("P-2", 97)]
