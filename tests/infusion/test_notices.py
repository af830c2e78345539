"""Notices of time that runs out: the near end of an infusion (RUN-12) and of a pause (ALM-17). They stop nothing."""

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.evaluate import _no_more_flow
from pumpd.infusion.interlocks.near_end import _given_by_then
from pumpd.infusion.limits import Limits
from pumpd.infusion.pause_ends import pause_ends_ns
from pumpd.infusion.record import from_data, to_data
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority, PumpAlarm
from pumpd.quantities import Volume

from .bench import MIN, Bench, S, bench, infusion, program


def raised(here: Bench, code: AlarmCode) -> int:
    return here.done.count(ev.RaiseAlarm(code))


def cleared(here: Bench, code: AlarmCode) -> int:
    return here.done.count(ev.ClearAlarm(code))


def paused(here: Bench) -> Bench:
    here.send(ev.PauseRequested(here.now_ns, "nurse", "x"))
    here.wait(3 * S)
    assert here.state is State.PAUSED
    return here


def left_ns(here: Bench) -> int:
    rest = here.infusion.segment.program.after(here.infusion.counted)
    return 0 if rest is None else rest.duration.ns


@pytest.mark.requirement("RUN-12")
def test_the_notice_comes_three_minutes_before_the_end_and_goes_with_it():
    here = bench().run()
    while AlarmCode.NEAR_END not in here.infusion.alarms:
        assert left_ns(here) > 3 * MIN
        here.wait(S)
    assert 3 * MIN - 2 * S < left_ns(here) <= 3 * MIN
    assert ALARM_TABLE[AlarmCode.NEAR_END].priority is Priority.LOW
    here.wait(150 * S)
    assert (here.state, here.count(ev.StopPump)) == (State.RUNNING, 0)
    here.wait(40 * S)
    assert here.state is State.COMPLETED
    assert here.infusion.alarms == frozenset()
    assert (raised(here, AlarmCode.NEAR_END), cleared(here, AlarmCode.NEAR_END)) == (1, 1)


@pytest.mark.requirement("RUN-12")
@pytest.mark.parametrize(
    ("steps", "given"),
    [
        # 60 mL/h is 1 mL a minute, 30 mL/h half of it, 120 mL/h 2 mL.
        ([("60", "40")], "37"),
        ([("60", "30"), ("120", "10")], "34"),  # 3 min of the last step alone
        ([("60", "38"), ("30", "1")], "37"),  # the last step takes 2 min, 1 min of the one before
        ([("120", "1"), ("60", "1"), ("30", "0.5")], "0.0"),  # 0.5 + 1 + 1 min: all of it is near the end
    ],
)
def test_it_counts_the_time_at_the_programs_own_rates(steps, given):
    assert _given_by_then(program(*steps), 3 * MIN) == Volume(given)


@pytest.mark.requirement("RUN-12")
def test_a_stop_or_a_pause_ends_it_and_a_remainder_that_is_short_has_it_from_its_start():
    here = bench().run()
    here.wait(38 * MIN)
    assert AlarmCode.NEAR_END in here.infusion.alarms
    paused(here)
    assert AlarmCode.NEAR_END not in here.infusion.alarms
    here.send(ev.ResumeRequested(here.now_ns, "nurse"))
    here.wait(S)
    here.confirm(nonce="n-2", request="r-2")
    here.wait(2 * S)
    assert here.state is State.RUNNING
    assert AlarmCode.NEAR_END in here.infusion.alarms
    here.send(ev.StopRequested(here.now_ns, "nurse", "x"))
    here.wait(4 * S)
    assert here.state is State.STOPPED
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("RUN-12")
def test_a_trip_in_the_last_minutes_leaves_no_notice():
    here = bench().run()
    here.wait(38 * MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert AlarmCode.NEAR_END not in here.infusion.alarms


@pytest.mark.requirement("ALM-17", "WIN-05")
def test_a_pause_that_may_last_two_more_minutes_says_so():
    here = paused(bench().run())
    began = here.infusion.flow_ended_ns
    here.wait(began + 3 * MIN - 1 - here.now_ns)
    assert AlarmCode.PAUSE_ENDING not in here.infusion.alarms
    here.wait(1)
    assert AlarmCode.PAUSE_ENDING in here.infusion.alarms
    assert ALARM_TABLE[AlarmCode.PAUSE_ENDING].priority is Priority.LOW
    here.wait(2 * MIN)
    assert here.state is State.STOPPED
    assert here.infusion.alarms == {AlarmCode.PAUSE_TOO_LONG}


@pytest.mark.requirement("ALM-17", "WIN-05")
def test_the_budget_of_all_pauses_together_and_the_window_have_it_as_well():
    limits = Limits(pause_total_ns=150 * S)
    here = Bench(infusion(limits=limits)).run()
    paused(here)
    while AlarmCode.PAUSE_ENDING not in here.infusion.alarms:
        here.wait(S)
    assert 0 <= here.infusion.paused_ns(here.now_ns) - 30 * S < 2 * S
    here = Bench(infusion(minutes=1)).run()  # its window closes 90 s after the start
    paused(here)
    assert AlarmCode.PAUSE_ENDING in here.infusion.alarms
    here.wait(90 * S)
    assert here.infusion.alarms == {AlarmCode.WINDOW_CLOSED}


@pytest.mark.requirement("ALM-17", "WIN-05")
@pytest.mark.parametrize(
    "waiting",
    [
        infusion(),  # the limit of one pause
        infusion(limits=Limits(pause_total_ns=150 * S)),
        infusion(minutes=1),  # the window with its pauses
        infusion().but(closes_ns=43 * MIN),  # the time for the treatment
    ],
)
def test_the_time_left_that_is_shown_ends_when_the_pause_does(waiting):
    here = Bench(waiting).run()
    assert pause_ends_ns(here.infusion, here.now_ns) is None
    here.wait(10 * S)
    paused(here)
    ends = pause_ends_ns(here.infusion, here.now_ns)
    assert ends is not None
    assert not _no_more_flow(here.infusion, ends - 1)
    assert _no_more_flow(here.infusion, ends + 1)
    here.wait(20 * S)
    assert pause_ends_ns(here.infusion, here.now_ns) == ends


@pytest.mark.requirement("ALM-17", "PRG-25")
def test_it_does_not_ask_to_continue_what_no_longer_fits_into_the_time_for_the_treatment():
    """30 of 40 minutes are left after 10; the treatment must end 43 minutes after its start."""
    here = Bench(infusion().but(closes_ns=43 * MIN)).run()
    here.wait(10 * MIN - here.now_ns)
    paused(here)
    left = left_ns(here)
    latest = 43 * MIN - left
    here.wait(latest - 2 * MIN - S - here.now_ns)
    assert AlarmCode.PAUSE_ENDING not in here.infusion.alarms
    here.wait(2 * S)
    assert AlarmCode.PAUSE_ENDING in here.infusion.alarms
    here.wait(2 * MIN)
    assert here.state is State.PAUSED
    assert AlarmCode.PAUSE_ENDING not in here.infusion.alarms


@pytest.mark.requirement("ALM-17")
def test_the_notice_ends_when_the_infusion_is_resumed():
    here = paused(bench().run())
    here.wait(3 * MIN)
    here.send(ev.ResumeRequested(here.now_ns, "nurse"))
    here.wait(S)
    assert here.state is State.READY
    assert AlarmCode.PAUSE_ENDING in here.infusion.alarms  # the time still runs
    here.confirm(nonce="n-2", request="r-2")
    here.wait(2 * S)
    assert here.state is State.RUNNING
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("ALM-17")
@pytest.mark.parametrize(("alarm", "asked"), [(PumpAlarm.OCCLUSION, True), (PumpAlarm.PUMP_FAULT, False)])
def test_after_a_trip_it_asks_to_continue_only_where_and_while_that_can_be_done(alarm, asked):
    here = bench().run()
    here.wait(MIN)
    here.pump.flowing, here.pump.alarms = False, (alarm,)
    here.wait(4 * S)
    assert here.state is State.TRIPPED
    here.pump.alarms = ()
    here.wait(4 * MIN)
    assert (AlarmCode.PAUSE_ENDING in here.infusion.alarms) is asked
    here.wait(MIN)
    assert here.state is State.TRIPPED
    assert AlarmCode.PAUSE_ENDING not in here.infusion.alarms  # it is too late


@pytest.mark.requirement("ALM-17")
def test_nothing_asks_to_resume_what_has_ended():
    text = ALARM_TABLE[AlarmCode.PAUSE_TOO_LONG]
    assert "resume" not in f"{text.cause} {text.action}".lower()
    assert "ended" in text.cause


def test_an_older_journal_has_no_notices_and_gives_the_same_infusion_again():
    data = to_data(Limits())
    del data["near_end_ns"], data["pause_notice_ns"]
    here = Bench(infusion(limits=from_data(Limits, data))).run()
    here.wait(38 * MIN)
    paused(here)
    here.wait(4 * MIN)
    assert not raised(here, AlarmCode.NEAR_END)
    assert not raised(here, AlarmCode.PAUSE_ENDING)
