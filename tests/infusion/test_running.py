"""What stops a running infusion, and what does not."""

import itertools
from fractions import Fraction

import pytest

from pumpd.infusion import Limits, State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpAlarm, PumpState
from pumpd.quantities import Duration, Rate, Volume
from tests.infusion.bench import MIN, Bench, S, bench, infusion, program

TOLERANCE = Fraction(1, 10)  # mL, RUN-04


def alone(**limits: object) -> Bench:
    """A running infusion whose volume mismatch (RUN-03) never trips, so that another interlock has to."""
    return Bench(infusion(limits=Limits(mismatch_floor=Volume("99"), **limits))).run()


@pytest.mark.requirement("WIN-01", "RUN-04")
def test_forty_minutes_give_the_dose_and_end():
    here = bench().run()
    here.wait(41 * MIN)
    assert here.state is State.COMPLETED
    assert here.given == 35
    assert here.infusion.running_ns(here.now_ns) == pytest.approx(40 * MIN, abs=2 * S)
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("RUN-05")
def test_a_stepped_profile_runs_through_its_own_steps_without_an_alarm():
    here = bench(program(("31.5", "5.25"), ("59.5", "29.75"))).run()
    here.wait(42 * MIN)
    assert here.state is State.COMPLETED
    assert here.given == 35
    assert here.count(ev.StartPump) == 1
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("RUN-05", "RUN-06")
@pytest.mark.parametrize("rate", ["52.6", "52.4", "105", "525", "5.25"])
def test_a_rate_changed_at_the_panel_is_found_within_two_seconds(rate):
    here = bench().run()
    here.wait(7 * MIN)
    here.pump.panel_rate = Rate(rate)
    here.wait(2 * S)
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)
    assert not here.pump.flowing


@pytest.mark.requirement("RUN-06")
def test_a_stop_at_the_panel_latches():
    here = bench().run()
    here.wait(7 * MIN)
    here.pump.flowing = False
    here.wait(6 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)


@pytest.mark.requirement("RUN-06")
def test_a_start_at_the_panel_of_a_paused_pump_is_stopped():
    here = bench().run()
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(5 * S)
    assert here.state is State.PAUSED
    here.pump.flowing = True
    here.wait(2 * S)
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)
    assert not here.pump.flowing


@pytest.mark.requirement("RUN-02")
def test_free_flow_stops_at_once():
    here = alone(deviation_floor=Rate("99"))
    here.wait(MIN)
    here.pump.rate_error = Fraction(2)
    here.wait(11 * S)
    assert AlarmCode.FREE_FLOW in here.infusion.trips


@pytest.mark.requirement("RUN-02")
def test_a_counter_that_does_not_move_while_the_pump_reports_infusing_stops():
    here = alone()
    here.wait(MIN)
    here.pump.rate_error = Fraction(1, 10**9)
    here.wait(11 * S)
    assert AlarmCode.NOT_FLOWING in here.infusion.trips


@pytest.mark.requirement("RUN-02")
def test_a_flow_of_eight_percent_too_much_stops_and_too_little_warns():
    fast = alone()
    fast.pump.rate_error = Fraction(108, 100)
    fast.wait(2 * MIN)
    assert fast.infusion.trips == (AlarmCode.FLOW_DEVIATION,)
    slow = alone()
    slow.pump.rate_error = Fraction(92, 100)
    slow.wait(2 * MIN)
    assert AlarmCode.FLOW_DEVIATION in slow.infusion.alarms
    assert slow.state is State.RUNNING


@pytest.mark.requirement("RUN-02")
def test_a_flow_within_two_percent_never_alarms():
    for error in (Fraction(985, 1000), Fraction(1015, 1000)):
        here = bench().run()
        here.pump.rate_error = error
        here.wait(36 * MIN)
        assert here.infusion.alarms == frozenset()
        here.wait(3 * MIN)
        assert here.infusion.alarms == {AlarmCode.NEAR_END}
        assert here.state is State.RUNNING


@pytest.mark.requirement("RUN-03")
def test_a_volume_that_the_rate_does_not_add_up_to_stops():
    here = bench().run()
    here.wait(5 * MIN)
    here.pump.counter += Fraction(1, 4)
    here.wait(2 * S)
    assert set(here.infusion.trips) & {AlarmCode.VOLUME_MISMATCH, AlarmCode.FREE_FLOW}


@pytest.mark.requirement("RUN-03")
def test_a_counter_that_goes_back_stops_and_what_was_given_stays_booked():
    here = bench().run()
    here.wait(5 * MIN)
    before = here.infusion.delivered
    here.pump.counter = Fraction(0)
    here.wait(5 * S)
    assert here.infusion.trips == (AlarmCode.VOLUME_MISMATCH, AlarmCode.DELIVERY_UNCERTAIN)
    assert here.infusion.delivered >= before


@pytest.mark.requirement("RUN-04")
def test_more_than_the_program_stops():
    here = alone(counter_slack=Volume("99"))  # so that no check of the rate can catch it
    here.wait(39 * MIN + 50 * S)
    here.pump.held = program(("52.5", "60"))  # a pump that ignores its volume
    here.wait(2 * MIN)
    assert AlarmCode.OVER_DELIVERY in here.infusion.trips
    assert here.given <= 35 + TOLERANCE


@pytest.mark.requirement("RUN-10", "RUN-11", "STP-05")
@pytest.mark.parametrize("alarm", [alarm for alarm in PumpAlarm if alarm.stops_flow])
def test_an_alarm_of_the_pump_stops_latches_and_needs_clearing_and_a_new_confirmation(alarm):
    here = bench().run()
    here.wait(10 * MIN)
    here.pump.flowing, here.pump.alarms = False, (alarm,)
    here.wait(6 * S)
    assert here.state is State.TRIPPED
    assert alarm.code in here.infusion.trips
    here.pump.alarms = ()  # the cause goes away by itself
    here.wait(2 * MIN)
    assert here.state is State.TRIPPED
    starts = here.count(ev.StartPump)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.TRIPPED
    here.send(ev.TripsCleared(here.now_ns, "nurse"))
    here.wait(10 * S)
    assert here.state in (State.PAUSED, State.STOPPED)
    assert here.count(ev.StartPump) == starts == 1


@pytest.mark.requirement("RUN-10")
def test_after_an_occlusion_the_rest_runs_only_when_confirmed_again():
    here = bench().run()
    here.wait(10 * MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    here.send(ev.TripsCleared(here.now_ns, "nurse"))
    here.send(ev.ResumeRequested(here.now_ns, "nurse"))
    assert here.state is State.READY
    here.wait(30 * S)
    assert not here.pump.flowing
    here.confirm(request="r-2", nonce="n-2")
    here.wait(45 * MIN)
    assert here.state is State.COMPLETED
    assert abs(here.given - 35) <= TOLERANCE


@pytest.mark.requirement("RUN-11")
def test_an_alarm_without_a_name_stops_as_well():
    here = bench().run()
    here.wait(S)
    reading = here.pump.reading(here.now_ns)
    from dataclasses import replace

    here.send(ev.ReadingTaken(here.now_ns, replace(reading, state=PumpState.ALARM)))
    assert here.infusion.trips == (AlarmCode.PUMP_FAULT,)


@pytest.mark.requirement("RUN-11")
def test_a_low_battery_warns_and_stops_nothing():
    here = bench().run()
    here.pump.alarms = (PumpAlarm.BATTERY_LOW,)
    here.wait(10 * S)
    assert here.infusion.alarms == {AlarmCode.BATTERY_LOW}
    assert here.state is State.RUNNING


@pytest.mark.requirement("RUN-01", "COM-01")
def test_a_silent_pump_warns_after_five_seconds_and_is_stopped_when_the_lease_ends():
    here = bench().run()
    here.wait(10 * S)
    here.line = lambda _what: "down"
    here.silence(5 * S)
    assert AlarmCode.READING_STALE not in here.infusion.alarms
    here.silence(1 * S)
    assert AlarmCode.READING_STALE in here.infusion.alarms
    assert here.state is State.RUNNING
    here.silence(5 * S)
    assert here.state is State.STOPPING
    assert here.infusion.trips == (AlarmCode.LEASE_LAPSED,)


@pytest.mark.requirement("COM-01")
def test_the_lease_lasts_ten_seconds_and_is_renewed_every_two():
    here = bench().run()
    here.wait(30 * S)
    renewals = [action.until_ns for action in here.done if isinstance(action, ev.RenewLease)]
    gaps = {b - a for a, b in itertools.pairwise(renewals)}
    assert gaps == {2 * S}
    assert here.infusion.lease_until_ns is not None
    assert 8 * S <= here.infusion.lease_until_ns - here.now_ns <= 10 * S


@pytest.mark.requirement("COM-01")
def test_time_alone_never_renews_the_lease():
    here = bench().run()
    last_reading_ns = here.now_ns
    while here.state is State.RUNNING:
        here.now_ns += S // 4
        here.send(ev.TimePassed(here.now_ns))
        assert (here.infusion.lease_until_ns or 0) <= last_reading_ns + 10 * S
    assert here.now_ns <= last_reading_ns + 10 * S


@pytest.mark.requirement("WIN-03")
def test_a_slow_pump_is_stopped_at_forty_two_minutes_of_flow():
    here = alone()
    here.pump.rate_error = Fraction(94, 100)
    here.wait(41 * MIN + 50 * S)
    assert here.state is State.RUNNING
    here.wait(15 * S)
    assert AlarmCode.WINDOW_CLOSED in here.infusion.trips
    assert here.infusion.running_ns(here.now_ns) <= 42 * MIN + 5 * S
    undelivered = 35 - here.given
    assert undelivered > TOLERANCE
    assert abs(Fraction(here.infusion.remaining.decimal) - undelivered) <= TOLERANCE  # and known (WIN-09)


@pytest.mark.requirement("WIN-02")
def test_the_whole_volume_before_thirty_eight_minutes_trips():
    here = bench(program(("56", "35"))).run()  # a program that is itself too fast for its window
    here.wait(40 * MIN)
    assert AlarmCode.WINDOW_TOO_FAST in here.infusion.trips


@pytest.mark.requirement("WIN-02")
def test_five_minutes_of_more_than_105_percent_trip():
    here = alone(deviation_floor=Rate("9"))
    here.pump.rate_error = Fraction(104, 100)
    here.wait(8 * MIN)
    assert here.state is State.RUNNING
    here.pump.rate_error = Fraction(107, 100)
    here.wait(6 * MIN)
    assert here.infusion.trips == (AlarmCode.WINDOW_TOO_FAST,)


@pytest.mark.requirement("WIN-04")
def test_sixty_minutes_after_the_start_the_window_is_closed_for_good():
    here = bench().run()
    for _ in range(3):
        here.wait(5 * MIN)
        here.send(ev.PauseRequested(here.now_ns, "n", "x"))
        here.wait(3 * MIN + 10 * S)
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.confirm(request=f"r{here.now_ns}", nonce=f"n{here.now_ns}")
        here.wait(2 * S)
        assert here.state is State.RUNNING, here.infusion.reason
    here.pump.rate_error = Fraction(1, 1)
    here.wait(60 * MIN)
    assert here.state.ended
    assert here.infusion.elapsed_ns(here.infusion.since_ns) <= 60 * MIN + 10 * S


@pytest.mark.requirement("WIN-04")
def test_a_tripped_infusion_cannot_be_resumed_after_its_window():
    here = bench().run()
    here.wait(10 * MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(51 * MIN)
    here.send(ev.TripsCleared(here.now_ns, "nurse"))
    assert here.state is State.STOPPED


@pytest.mark.requirement("WIN-05")
@pytest.mark.parametrize(("length", "allowed"), [(5 * MIN - 5 * S, True), (5 * MIN + S, False)])
def test_one_pause_lasts_at_most_five_minutes(length, allowed):
    here = bench().run()
    here.wait(5 * MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(length)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is (State.READY if allowed else State.STOPPED)


@pytest.mark.requirement("WIN-05")
def test_all_pauses_together_last_at_most_ten_minutes():
    here = bench().run()
    for _ in range(2):
        here.wait(5 * MIN)
        here.send(ev.PauseRequested(here.now_ns, "n", "x"))
        here.wait(4 * MIN + 50 * S)
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.confirm(request=f"r{here.now_ns}", nonce=f"n{here.now_ns}")
        here.wait(2 * S)
        assert here.state is State.RUNNING
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(30 * S)
    assert here.state is State.STOPPED
    assert AlarmCode.PAUSE_TOO_LONG in here.infusion.alarms


@pytest.mark.requirement("WIN-05")
def test_a_fourth_pause_is_refused_and_stop_still_works():
    here = bench().run()
    for _ in range(3):
        here.wait(MIN)
        here.send(ev.PauseRequested(here.now_ns, "n", "x"))
        here.wait(10 * S)
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.confirm(request=f"r{here.now_ns}", nonce=f"n{here.now_ns}")
        here.wait(2 * S)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    assert here.state is State.RUNNING
    assert "used up" in here.refused[-1]
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    assert here.state is State.STOPPED


@pytest.mark.requirement("WIN-06")
def test_an_end_outside_the_window_is_recorded_as_a_deviation():
    def off_window(here):
        ends = [a for a in here.done if isinstance(a, ev.Record) and a.kind == "infusion_ended"]
        assert len(ends) == 1
        return ends[0].body["off_window"]

    good = bench().run()
    good.wait(42 * MIN)
    assert off_window(good) is False
    early = bench().run()
    early.wait(20 * MIN)
    early.send(ev.StopRequested(early.now_ns, "n", "x"))
    early.wait(4 * S)
    assert off_window(early) is True


@pytest.mark.requirement("WIN-08")
def test_no_event_makes_a_window_longer():
    import dataclasses

    here = bench().run()
    window = here.infusion.window
    here.wait(MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(MIN)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    here.confirm(request="r-2", nonce="n-2")
    here.wait(MIN)
    assert here.infusion.window == window
    fields = {field.name for kind in ev.Event.__subclasses__() for field in dataclasses.fields(kind)}
    assert not fields & {"window", "duration", "prescribed", "limits"}  # no event extends it


@pytest.mark.requirement("RUN-04", "PRG-15")
def test_over_three_pauses_the_parts_add_up_to_the_dose():
    here = bench().run()
    for _ in range(3):
        here.wait(6 * MIN)
        here.send(ev.PauseRequested(here.now_ns, "n", "x"))
        here.wait(MIN)
        assert abs(Fraction(here.infusion.delivered.decimal) - here.given) <= TOLERANCE
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.confirm(request=f"r{here.now_ns}", nonce=f"n{here.now_ns}")
    here.wait(30 * MIN)
    assert here.state is State.COMPLETED
    assert abs(here.given - 35) <= TOLERANCE
    assert abs(Fraction(here.infusion.delivered.decimal) - here.given) <= TOLERANCE


@pytest.mark.requirement("PRG-15")
def test_after_a_pause_the_rate_is_the_programmed_one():
    here = bench().run()
    here.wait(10 * MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * MIN)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    loads = [action.program for action in here.done if isinstance(action, ev.LoadProgram)]
    assert [step.rate for step in loads[-1].steps] == [Rate("52.5")]
    assert loads[-1].duration < Duration(31 * 60)
