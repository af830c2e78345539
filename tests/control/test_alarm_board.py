"""ALM-05, ALM-06, ALM-14, COM-11: what sounds, how long it may be silenced, and what happens when nobody comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.control.alarms.board import AUDIO_PAUSE_NS, ESCALATE_NS, AudioResumed, Board, Ended, Escalated
from pumpd.control.alarms.burst import PULSE_MS, REST_MS, burst
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority

S = 10**9
HIGH, LOW = ("bed1", AlarmCode.OCCLUSION), ("bed1", AlarmCode.BATTERY_LOW)
MEDIUM = ("bed2", AlarmCode.PAUSE_TOO_LONG)


def board(*keys, at=0):
    return Board().update(frozenset(keys), at)[0]


@pytest.mark.requirement("ALM-05")
def test_a_pause_of_the_sound_ends_after_two_minutes_by_itself():
    paused = board(LOW).pause_audio("nurse", "t", 10 * S)
    assert paused.sounding is None
    assert paused.next_ns() == 130 * S
    still, changes = paused.tick(130 * S - 1)
    assert (still.sounding, changes) == (None, ())
    heard, changes = paused.tick(130 * S)
    assert heard.sounding is Priority.LOW
    assert changes == (AudioResumed(Ended.TIME),)


@pytest.mark.requirement("ALM-06")
@pytest.mark.parametrize("new", [HIGH, MEDIUM, ("", AlarmCode.TABLET_LOST)])
def test_any_new_alarm_breaks_the_pause(new):
    paused = board(LOW).pause_audio("nurse", "t", 0)
    heard, changes = paused.update(frozenset({LOW, new}), S)
    assert heard.sounding is max(Priority.LOW, ALARM_TABLE[new[1]].priority)
    assert changes == (AudioResumed(Ended.NEW_ALARM),)


def test_a_cleared_alarm_leaves_the_pause_and_the_last_one_ends_it():
    paused = board(LOW, HIGH).pause_audio("nurse", "t", 0)
    fewer, changes = paused.update(frozenset({LOW}), S)
    assert (fewer.sounding, changes) == (None, ())
    none, changes = fewer.update(frozenset(), 2 * S)
    assert (none.pause, changes) == (None, (AudioResumed(Ended.NO_ALARM),))


@pytest.mark.requirement("COM-11")
def test_losing_the_tablet_that_paused_the_sound_ends_the_pause_and_losing_another_does_not():
    paused = board(HIGH).pause_audio("nurse", "t1", 0)
    assert paused.tablet_lost("t2") == (paused, ())
    heard, changes = paused.tablet_lost("t1")
    assert heard.sounding is Priority.HIGH
    assert changes == (AudioResumed(Ended.TABLET_LOST),)


@pytest.mark.requirement("ALM-14")
def test_an_unacknowledged_high_alarm_escalates_once_after_a_minute():
    there = board(HIGH, MEDIUM, LOW)
    assert there.next_ns() == 60 * S
    assert there.tick(60 * S - 1)[1] == ()
    escalated, changes = there.tick(60 * S)
    assert changes == (Escalated(HIGH),)
    assert escalated.tick(600 * S)[1] == ()
    seen = there.acknowledge(HIGH, "nurse", 59 * S)
    assert seen.tick(600 * S)[1] == ()
    again, _ = seen.update(frozenset({MEDIUM, LOW}), 700 * S)
    again, _ = again.update(frozenset({MEDIUM, LOW, HIGH}), 701 * S)  # raised again: nobody has acknowledged this one
    assert again.tick(761 * S)[1] == (Escalated(HIGH),)


def test_acknowledging_neither_clears_nor_silences_and_the_first_one_is_kept():
    there = board(HIGH)
    seen = there.acknowledge(HIGH, "first", 5 * S).acknowledge(HIGH, "second", 6 * S)
    assert seen.sounding is Priority.HIGH
    assert set(seen.active) == {HIGH}
    assert (seen.active[HIGH].acknowledged_by, seen.active[HIGH].acknowledged_ns) == ("first", 5 * S)
    with pytest.raises(KeyError):
        seen.acknowledge(LOW, "nurse", 7 * S)


KEYS = [(pump, code) for pump in ("", "bed1", "bed2") for code in AlarmCode]
STEPS = st.one_of(
    st.tuples(st.just("see"), st.frozensets(st.sampled_from(KEYS), max_size=6)),
    st.tuples(st.just("pause"), st.sampled_from(["t1", "t2"])),
    st.tuples(st.just("lost"), st.sampled_from(["t1", "t2"])),
    st.tuples(st.just("acknowledge"), st.sampled_from(KEYS)),
    st.tuples(st.just("wait"), st.integers(0, 200 * S)),
)


@pytest.mark.requirement("ALM-05", "ALM-06", "ALM-14")
@given(st.lists(STEPS, max_size=40))
def test_silence_is_always_short_and_never_covers_a_new_alarm(steps):
    """A model beside the board: when silence began, for which alarms, and since when a HIGH alarm is unacknowledged."""
    there, now = Board(), 0
    silent_since, silent_for, unseen = None, frozenset(), {}
    for what, value in steps:
        now += value if what == "wait" else S
        if what == "see":
            there, _ = there.update(value, now)
            if silent_since is not None and (value - silent_for or not value):
                silent_since = None
            silent_for &= value
            highs = {key for key in value if ALARM_TABLE[key[1]].priority is Priority.HIGH}
            unseen = {key: at for key, at in unseen.items() if key in value} | {
                key: now
                for key in highs
                if key not in unseen and there.active[key].acknowledged_ns is None and not there.active[key].escalated
            }
        elif what == "pause":
            there = there.pause_audio("nurse", value, now)
            silent_since, silent_for, tablet = now, frozenset(there.active), value
        elif what == "lost":
            there, _ = there.tablet_lost(value)
            if silent_since is not None and value == tablet:
                silent_since = None
        elif what == "acknowledge" and value in there.active:
            there = there.acknowledge(value, "nurse", now)
            unseen.pop(value, None)
        before = there
        there, changes = there.tick(now)
        if silent_since is not None and now - silent_since >= AUDIO_PAUSE_NS:
            silent_since = None
        assert (there.pause is None) is (silent_since is None)
        assert there.highest == max((ALARM_TABLE[key[1]].priority for key in there.active), default=None)
        assert there.sounding == (there.highest if silent_since is None else None)
        due = {key for key, at in unseen.items() if now - at >= ESCALATE_NS}
        assert {each.key for each in changes if isinstance(each, Escalated)} == due
        unseen = {key: at for key, at in unseen.items() if key not in due}
        assert set(before.active) == set(there.active)
        assert there.next_ns() is None or there.next_ns() > now


@pytest.mark.requirement("ALM-07")
@pytest.mark.parametrize(("priority", "pulses"), [(Priority.HIGH, 10), (Priority.MEDIUM, 3), (Priority.LOW, 2)])
def test_a_burst_has_as_many_pulses_as_its_priority_requires(priority, pulses):
    """Safety reference 3.1: 10, 3 and 1 to 2 pulses of 75..200 and 125..250 ms; bursts 2.5 s apart or more."""
    played = list(burst(priority))
    least, most = (75, 200) if priority is Priority.HIGH else (125, 250)
    assert [on for on, _ in played] == [True, False] * pulses
    assert all(least <= ms <= most for on, ms in played if on)
    assert played[-1] == (False, REST_MS[priority])
    assert 2_500 <= REST_MS[priority] <= (15_000 if priority is Priority.HIGH else 30_000)
    assert set(PULSE_MS) == set(REST_MS) == set(Priority)
