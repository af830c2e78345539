"""STA-07, STA-08, RUN-07 to RUN-09 in the state machine: vital signs refuse a start, stop a flow and pause it."""

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, Done
from tests.infusion.bench import MIN, S, bench
from tests.infusion.patient import CUFF, RULES, STREAM, watched

LATE, MISSING, OVERDUE = AlarmCode.VITALS_LATE, AlarmCode.VITALS_MISSING, AlarmCode.PRESSURE_OVERDUE


def records(here, kind):
    return [each for each in here.done if isinstance(each, ev.Record) and each.kind == kind]


def resume(here):
    here.send(ev.ResumeRequested(here.now_ns, "nurse-1"))
    here.wait(2 * S)
    assert here.state is State.READY
    here.confirm(request="r-2", nonce="n-2")
    here.wait(S)


def quiet_until(here, at_ns):
    """Readings go on, no vital signs come."""
    here.streaming, here.cuff_every_ns = False, None
    here.wait(at_ns - here.now_ns)


# -- before a start ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STA-07")
def test_a_start_records_the_baseline_before_the_intent():
    here = watched().run()
    assert here.pump.starts == 1
    (baseline,) = records(here, "baseline_recorded")
    assert {each["sign"]: each["value"] for each in baseline.body["signs"]} == {
        "spo2_percent": 97,
        "heart_rate_bpm": 72,
        "systolic_mmhg": 124,
        "diastolic_mmhg": 78,
    }
    assert here.done.index(baseline) < here.kinds().index(ev.StartPump)


@pytest.mark.requirement("STA-07", "STA-08", "RUN-08")
def test_without_any_vital_signs_nothing_starts_and_every_reason_is_given():
    here = watched(streaming=False, cuff_every_ns=None)
    here.confirm()
    here.wait(S)
    assert here.state is State.READY
    assert here.pump.starts == 0
    assert here.refused == [
        "heart rate: missing; no monitor has sent it",
        "SpO2: missing; no monitor has sent it",
        "blood pressure: not measured yet; measure it",
    ]


@pytest.mark.requirement("STA-07")
def test_a_baseline_outside_the_limits_refuses_the_first_start():
    here = watched()
    here.wait(S)
    here.take(heart_rate_bpm=120)
    here.streaming = False
    here.confirm()
    here.wait(S)
    assert here.pump.starts == 0
    assert here.refused == ["heart rate 120/min: warning, outside the limits of this site"]


@pytest.mark.requirement("STA-08")
@pytest.mark.parametrize(("age_ns", "starts"), [(5 * S, 1), (5 * S + 1, 0)])
def test_a_stream_that_is_older_than_five_seconds_refuses_the_start(age_ns, starts):
    here = watched(streaming=False)
    here.now_ns += 20 * S
    here.take(STREAM, age_ns=age_ns)
    here.confirm()
    assert here.pump.starts == starts


@pytest.mark.requirement("STA-08")
@pytest.mark.parametrize(("age_ns", "starts"), [(10 * MIN, 1), (10 * MIN + 1, 0)])
def test_a_blood_pressure_older_than_ten_minutes_refuses_the_start(age_ns, starts):
    here = watched(cuff_every_ns=None)
    here.now_ns += 20 * MIN
    here.pump.until(here.now_ns)
    here.take(CUFF, age_ns=age_ns)
    here.confirm()
    assert here.pump.starts == starts


def test_an_infusion_that_is_not_configured_for_them_ignores_vital_signs():
    here = bench().run()
    before = here.infusion
    assert here.send(ev.VitalsTaken(here.now_ns, watched().infusion.vitals)) == ()
    here.wait(25 * MIN)
    assert here.state is State.RUNNING
    assert here.infusion.vitals == before.vitals == ()
    assert not records(here, "baseline_recorded")


# -- one critical, two warnings ----------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-07")
@pytest.mark.parametrize(
    ("values", "stops"),
    [
        ({"spo2_percent": 85}, True),
        ({"spo2_percent": 86}, False),
        ({"heart_rate_bpm": 40}, True),
        ({"heart_rate_bpm": 140}, True),
        ({"heart_rate_bpm": 139}, False),
        ({"systolic_mmhg": 180}, True),
        ({"systolic_mmhg": 179, "diastolic_mmhg": 99}, False),
        ({"systolic_mmhg": 160, "diastolic_mmhg": 100}, True),
        ({"heart_rate_bpm": 120, "spo2_percent": 92}, True),
        ({"heart_rate_bpm": 120, "spo2_percent": 93}, False),
        ({"respiration_per_min": 6}, True),
    ],
)
def test_one_critical_or_two_warnings_stop_in_the_same_turn_and_latch(values, stops):
    here = watched().run()
    here.streaming = False
    actions = here.take(**values)
    assert any(isinstance(action, ev.StopPump) for action in actions) is stops
    if not stops:
        assert here.state is State.RUNNING
        return
    assert isinstance(actions[0], ev.StopPump)
    here.streaming = True  # from here on the patient is well
    here.wait(60 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.VITALS_CRITICAL,)
    assert AlarmCode.VITALS_CRITICAL in here.infusion.alarms
    assert not here.pump.flowing


@pytest.mark.requirement("RUN-07")
def test_two_warnings_that_come_one_after_the_other_stop_as_well():
    here = watched().run()
    here.take(CUFF, systolic_mmhg=165)
    here.wait(30 * S)
    assert here.state is State.RUNNING
    here.streaming = False
    here.take(heart_rate_bpm=121)
    assert here.state is State.STOPPING


@pytest.mark.requirement("RUN-07", "RUN-08")
def test_a_warning_does_not_end_because_its_probe_fell_off():
    here = watched().run()
    here.streaming = False
    here.take(spo2_percent=92)
    here.wait(20 * S)
    here.take(heart_rate_bpm=121)
    assert here.state is State.STOPPING


@pytest.mark.requirement("RUN-07")
def test_after_a_clear_flow_needs_signs_that_permit_it_and_a_new_confirmation():
    here = watched().run()
    here.streaming = False
    here.take(spo2_percent=80)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    here.send(ev.TripsCleared(here.now_ns, "nurse-1"))
    assert here.state is State.PAUSED
    assert AlarmCode.VITALS_CRITICAL not in here.infusion.alarms
    here.take(STREAM, spo2_percent=80)
    resume(here)
    assert here.state is State.READY
    assert here.pump.starts == 1
    assert "vital signs: critical: SpO2 80 %" in here.refused
    here.streaming = True
    here.wait(10 * S)
    assert here.pump.starts == 1  # signs that are well again start nothing
    here.confirm(request="r-3", nonce="n-3")
    here.wait(S)
    assert here.state is State.RUNNING
    assert here.pump.starts == 2


@pytest.mark.requirement("RUN-07", "STA-01")
def test_vital_signs_do_not_even_trigger_a_start_that_waits_for_nothing_else():
    here = watched(auto=False)
    here.read()
    here.send(ev.ProgramLoaded(here.now_ns, Done(None)))
    here.send(ev.ProgramReadBack(here.now_ns, Done(here.infusion.segment.program)))
    here.confirm()
    assert here.state is State.ARMED
    here.infusion = here.infusion.but(reading=here.pump.reading(here.now_ns), read_back=here.infusion.segment.program)
    assert here.take(STREAM) == ()
    assert here.state is State.ARMED
    here.send(ev.TimePassed(here.now_ns))
    assert here.state is State.STARTING


def test_vital_signs_repeat_no_stop_that_is_under_way():
    here = watched().run()
    here.line = lambda what: "lost-request" if what == "stop" else "ok"
    here.send(ev.StopRequested(here.now_ns, "nurse-1", "enough"))
    assert here.state is State.STOPPING
    here.now_ns += 2 * S
    assert not any(isinstance(action, ev.StopPump) for action in here.take(STREAM, spo2_percent=80))
    here.wait(S)
    assert here.count(ev.StopPump) >= 2  # the next reading repeats it


def test_a_resume_is_permitted_with_one_warning():
    here = watched().run()
    here.send(ev.PauseRequested(here.now_ns, "nurse-1", "toilet"))
    here.wait(5 * S)
    here.streaming = False
    here.take(STREAM, heart_rate_bpm=125)
    resume(here)
    assert here.state is State.RUNNING


# -- missing -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-08")
def test_a_missing_sign_is_low_then_medium_then_stops():
    here = watched().run()
    last_ns = here.now_ns
    quiet_until(here, last_ns + 5 * S)
    assert here.infusion.alarms == frozenset()
    for at_s, alarms in ((6, {LATE}), (29, {LATE}), (30, {MISSING}), (59, {MISSING})):
        quiet_until(here, last_ns + at_s * S)
        assert here.infusion.alarms == alarms, at_s
        assert here.state is State.RUNNING
    quiet_until(here, last_ns + 60 * S)
    assert here.state in (State.STOPPING, State.TRIPPED)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.VITALS_LOST,)


@pytest.mark.requirement("RUN-08")
@pytest.mark.parametrize("sign", STREAM)
def test_each_required_sign_alone_stops_when_it_is_missing(sign):
    here = watched().run()
    here.streaming = False
    for _ in range(59):
        here.take([each for each in STREAM if each is not sign])
        here.wait(S)
    assert here.state is State.RUNNING
    here.wait(S)
    assert here.state is State.STOPPING


@pytest.mark.requirement("RUN-07")
@pytest.mark.parametrize("sign", ["heart_rate_bpm", "spo2_percent"])
def test_a_heart_that_does_not_beat_is_critical_and_not_missing(sign):
    here = watched().run()
    here.take(**{sign: 0})
    assert here.infusion.trips == (AlarmCode.VITALS_CRITICAL,)


@pytest.mark.requirement("RUN-08")
def test_impossible_values_count_as_missing():
    here = watched().run()
    here.streaming = False
    for _ in range(60):
        here.take(spo2_percent=101, heart_rate_bpm=72)
        here.wait(S)
    assert here.infusion.trips == (AlarmCode.VITALS_LOST,)


@pytest.mark.requirement("RUN-08")
def test_a_sign_that_comes_again_ends_its_alarm():
    here = watched().run()
    quiet_until(here, here.now_ns + 31 * S)
    assert here.infusion.alarms == {MISSING}
    here.streaming = True
    here.wait(S)
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("RUN-08")
def test_time_alone_stops_when_neither_signs_nor_readings_come():
    here = watched().run()
    here.now_ns += 61 * S
    here.send(ev.TimePassed(here.now_ns))
    assert AlarmCode.VITALS_LOST in here.infusion.trips


def test_the_alarms_of_missing_signs_end_with_the_infusion():
    here = watched().run()
    quiet_until(here, here.now_ns + 40 * S)
    here.send(ev.StopRequested(here.now_ns, "nurse-1", "enough"))
    here.wait(5 * S)
    assert here.state is State.STOPPED
    assert here.infusion.alarms == frozenset()


# -- blood pressure ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-09")
def test_an_overdue_blood_pressure_is_medium_after_five_minutes_and_pauses_after_ten():
    here = watched().run()
    measured_ns = next(each.at_ns for each in here.infusion.vitals if each.sign in CUFF)
    here.cuff_every_ns = None
    here.wait(measured_ns + 15 * MIN - S - here.now_ns)
    assert here.infusion.alarms == frozenset()
    here.wait(S)
    assert here.infusion.alarms == {OVERDUE}
    here.wait(5 * MIN - S)
    assert here.state is State.RUNNING
    here.wait(S)
    assert here.state is State.PAUSING
    here.wait(4 * S)
    assert here.state is State.PAUSED
    assert here.infusion.pauses == 1
    assert here.infusion.trips == ()
    assert here.infusion.alarms == {OVERDUE}
    resume(here)
    assert here.pump.starts == 1
    assert "blood pressure: measured more than 10 min ago; measure it again" in here.refused
    here.take(CUFF)
    here.wait(S)
    assert here.infusion.alarms == frozenset()
    assert here.pump.starts == 1
    here.confirm(request="r-3", nonce="n-3")
    here.wait(S)
    assert here.state is State.RUNNING


@pytest.mark.requirement("RUN-09")
def test_a_measurement_in_time_starts_the_ten_minutes_again():
    here = watched().run()
    here.wait(19 * MIN)
    assert here.infusion.alarms == frozenset()
    assert here.state is State.RUNNING


@pytest.mark.requirement("RUN-09")
def test_without_a_pause_left_an_overdue_blood_pressure_trips():
    here = watched().run()
    here.infusion = here.infusion.but(pauses=here.infusion.limits.pauses)
    here.cuff_every_ns = None
    here.wait(20 * MIN)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (OVERDUE,)
    here.send(ev.TripsCleared(here.now_ns, "nurse-1"))
    assert here.state is State.PAUSED


def test_rules_of_the_site_are_the_ones_that_count():
    assert watched().infusion.vital_rules == RULES
