"""Stop: from every state, at once, repeated until readings confirm it, latched after a trip."""

import itertools
from fractions import Fraction

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.states import TRANSITIONS
from pumpd.pump import AlarmCode, Done, PumpAlarm
from tests.infusion.bench import MIN, Bench, S, bench


def states() -> dict[State, Bench]:
    """An infusion brought into each state."""
    found: dict[State, Bench] = {}
    ordered = bench(auto=False)
    found[State.ORDERED] = ordered
    loading = bench(auto=False)
    loading.send(ev.ReadingTaken(0, loading.pump.reading(0)))
    found[State.LOADING] = loading
    found[State.READY] = bench()
    armed = bench(auto=False)
    armed.send(ev.ReadingTaken(0, armed.pump.reading(0)))
    armed.send(ev.ProgramLoaded(0, Done(None)))
    armed.send(ev.ProgramReadBack(0, Done(armed.infusion.segment.program)))
    armed.confirm()
    found[State.ARMED] = armed
    starting = bench()
    starting._start = lambda watchdog: None
    starting.confirm()
    found[State.STARTING] = starting
    found[State.RUNNING] = bench().run()
    completing = bench().run()
    completing.wait(40 * MIN, every=S // 2)
    found[State.COMPLETING] = completing
    pausing = bench().run()
    pausing.send(ev.PauseRequested(pausing.now_ns, "n", "x"))
    found[State.PAUSING] = pausing
    paused = bench().run()
    paused.send(ev.PauseRequested(paused.now_ns, "n", "x"))
    paused.wait(4 * S)
    found[State.PAUSED] = paused
    stopping = bench().run()
    stopping.send(ev.StopRequested(stopping.now_ns, "n", "x"))
    found[State.STOPPING] = stopping
    uncertain = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    uncertain.confirm()
    found[State.UNCERTAIN] = uncertain
    tripped = bench().run()
    tripped.pump.flowing, tripped.pump.alarms = False, (PumpAlarm.AIR_IN_LINE,)
    tripped.wait(5 * S)
    found[State.TRIPPED] = tripped
    completed = bench().run()
    completed.wait(41 * MIN)
    found[State.COMPLETED] = completed
    stopped = bench().run()
    stopped.send(ev.StopRequested(stopped.now_ns, "n", "x"))
    stopped.wait(4 * S)
    found[State.STOPPED] = stopped
    abandoned = bench()
    abandoned.send(ev.StopRequested(0, "n", "x"))
    found[State.ABANDONED] = abandoned
    return found


@pytest.mark.requirement("STP-01", "STP-03")
def test_in_every_state_stop_is_accepted_sent_first_and_ends_without_flow():
    reached = states()
    assert {state: here.state for state, here in reached.items()} == {state: state for state in State}
    for state, here in reached.items():
        here.line = lambda _what: "ok"
        actions = here.send(ev.StopRequested(here.now_ns, "anyone", "now"))
        assert actions[0] == ev.StopPump(), state
        here.wait(6 * S, every=S // 2)
        here.pump.until(here.now_ns)
        assert not here.pump.flowing, state
        assert not here.state.may_flow, (state, here.state)
        assert here.state.ended or here.state is State.TRIPPED
        given = here.given
        here.now_ns += 60 * MIN
        assert here.given == given, state


@pytest.mark.requirement("STP-03")
def test_stop_is_repeated_every_half_second_and_alarms_at_three_seconds():
    here = bench().run()
    here.wait(10 * S)
    here.line = lambda _what: "down"
    start = here.now_ns
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    sent = [start]
    while here.now_ns < start + 4 * S:
        before = here.count(ev.StopPump)
        here.silence(S // 4, every=S // 4)
        if here.count(ev.StopPump) > before:
            sent.append(here.now_ns)
        alarmed = AlarmCode.STOP_UNCONFIRMED in here.infusion.alarms
        assert alarmed == (here.now_ns >= start + 3 * S)
    assert {b - a for a, b in itertools.pairwise(sent)} == {S // 2}


@pytest.mark.requirement("STP-03")
def test_stop_again_and_again_is_still_one_stop():
    here = bench().run()
    for _ in range(10):
        here.send(ev.StopRequested(here.now_ns, "n", "x"))
        here.wait(S // 4, every=S // 4)
    here.wait(3 * S)
    assert here.state is State.STOPPED
    ended = [a for a in here.done if isinstance(a, ev.Record) and a.kind == "infusion_ended"]
    assert len(ended) == 1


@pytest.mark.requirement("STP-04")
def test_a_stop_is_confirmed_by_two_seconds_of_readings_not_by_the_pumps_reply():
    here = bench().run()
    here.wait(10 * S)
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    assert here.state is State.STOPPING  # the pump has replied, which proves nothing
    here.wait(3 * S // 2, every=S // 2)
    assert here.state is State.STOPPING
    here.wait(S, every=S // 2)
    assert here.state is State.STOPPED


@pytest.mark.requirement("STP-04")
def test_a_counter_that_still_moves_is_not_a_stop():
    here = bench().run()
    here.wait(10 * S)
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    for _ in range(20):
        here.pump.counter += Fraction(1, 50)
        here.wait(S // 2, every=S // 2)
        assert here.state is State.STOPPING
    here.wait(3 * S, every=S // 2)
    assert here.state in (State.STOPPED, State.TRIPPED)


@pytest.mark.requirement("STP-04")
def test_a_reading_asked_for_before_the_stop_does_not_confirm_it():
    here = bench().run()
    here.wait(10 * S)
    asked = here.now_ns - 1
    here.pump.flowing = False
    early = here.pump.reading(asked)
    here.line = lambda _what: "down"
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    here.now_ns += 3 * S
    here.send(ev.ReadingTaken(here.now_ns, early))
    assert here.infusion.no_flow_since_ns is None
    assert here.state is State.STOPPING


@pytest.mark.requirement("STP-02")
def test_nothing_that_happens_after_a_stop_starts_the_pump():
    here = bench(auto=False)
    here.send(ev.ReadingTaken(0, here.pump.reading(0)))
    here.send(ev.ProgramLoaded(0, Done(None)))
    here.send(ev.ProgramReadBack(0, Done(here.infusion.segment.program)))
    here.confirm()
    assert here.state is State.ARMED
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    for event in (
        ev.ProgramReadBack(S, Done(here.infusion.segment.program)),
        ev.ReadingTaken(S, here.pump.reading(S)),
        ev.StartAnswered(S, Done(None)),
        ev.ResumeRequested(S, "n"),
        ev.ChallengeIssued(S, "n-9"),
    ):
        here.send(event)
    assert here.count(ev.StartPump) == 0
    assert here.state is State.ABANDONED


@pytest.mark.requirement("STP-05")
def test_a_trip_remains_when_its_cause_goes_away():
    here = bench().run()
    here.wait(MIN)
    here.pump.alarms = (PumpAlarm.OCCLUSION,)
    here.wait(S)
    here.pump.alarms = ()
    here.wait(10 * MIN)
    assert here.state is State.TRIPPED
    assert not here.pump.flowing


@pytest.mark.requirement("STP-05")
def test_a_second_cause_during_a_stop_is_latched_too():
    here = bench().run()
    here.wait(MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.pump.alarms = (PumpAlarm.AIR_IN_LINE,)
    here.wait(5 * S)
    assert here.state is State.TRIPPED


def occluded(here: Bench) -> None:
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    here.pump.alarms = ()
    here.wait(S)
    here.send(ev.TripsCleared(here.now_ns, "nurse"))


def resumed(here: Bench, number: int) -> None:
    here.send(ev.ResumeRequested(here.now_ns, "nurse"))
    here.confirm(request=f"again-{number}", nonce=f"again-{number}")
    here.wait(2 * S)
    assert here.state is State.RUNNING


@pytest.mark.requirement("STP-07")
@pytest.mark.parametrize(("apart", "third"), [(MIN, State.STOPPED), (5 * MIN + S, State.PAUSED)])
def test_the_same_trip_three_times_in_ten_minutes_locks_out(apart, third):
    here = bench().run()
    for number in range(2):
        here.wait(apart)
        occluded(here)
        assert here.state is State.PAUSED
        resumed(here, number)
    here.wait(apart)
    occluded(here)
    assert here.state is third


@pytest.mark.requirement("STP-10")
@pytest.mark.parametrize(
    ("by", "switching", "token"),
    [
        ("nurse, uid 1000", False, "by-clinician"),
        ("nurse, uid 1000", True, "switching-source"),
        ("pumpd", False, "not-specified"),
    ],
)
def test_the_end_names_its_cause_in_the_terms_of_ipec(by, switching, token):
    here = bench().run()
    here.send(ev.StopRequested(here.now_ns, by, "reason", switching))
    here.wait(4 * S)
    (end,) = (each for each in here.done if isinstance(each, ev.Record) and each.kind == "infusion_ended")
    assert end.body["stopped_by"] == token
    assert "reason" in end.body["reason"]


@pytest.mark.requirement("STP-10")
def test_an_end_without_a_request_has_no_specified_cause():
    here = bench().run()
    here.wait(41 * MIN)
    (end,) = (each for each in here.done if isinstance(each, ev.Record) and each.kind == "infusion_ended")
    assert end.body["stopped_by"] == "not-specified"


def test_every_state_is_in_the_table_and_its_transitions_lead_to_states():
    assert set(TRANSITIONS) == set(State)
    for state, ways in TRANSITIONS.items():
        assert state not in ways
        assert bool(ways) is not state.ended


def occlude_clear_resume(here: Bench, minutes: int) -> None:
    """An occlusion that a person removes and clears, then flow again under a new confirmation."""
    here.wait(minutes * MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    assert here.infusion.trips == (AlarmCode.OCCLUSION,)
    here.pump.alarms = ()
    here.wait(S)
    here.send(ev.TripsCleared(here.now_ns, "n"))
    if here.state is State.PAUSED:
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.confirm(request=f"r{here.now_ns}", nonce=f"n{here.now_ns}")
        here.wait(S)


@pytest.mark.requirement("STP-07")
def test_the_same_trip_three_times_in_ten_minutes_ends_the_infusion():
    here = bench().run()
    for _ in range(2):
        occlude_clear_resume(here, minutes=2)
        assert here.state is State.RUNNING
    occlude_clear_resume(here, minutes=2)
    assert here.state is State.STOPPED
    assert "there is no resume" in here.infusion.reason
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.STOPPED


@pytest.mark.requirement("STP-07")
def test_three_times_in_more_than_ten_minutes_do_not():
    here = bench().run()
    for _ in range(3):
        occlude_clear_resume(here, minutes=6)
        assert here.state is State.RUNNING


# -- a person's stop while a stop is under way -------------------------------------------------------------------------


def tripping(alarm: PumpAlarm = PumpAlarm.AIR_IN_LINE) -> Bench:
    """A running infusion that a trip is stopping; the pump has not been read since."""
    here = bench().run()
    here.pump.alarms = (alarm,)
    here.send(ev.ReadingTaken(here.now_ns, here.pump.reading(here.now_ns)))
    assert here.infusion.state is State.STOPPING
    return here


@pytest.mark.requirement("STP-01", "STP-05")
def test_a_persons_stop_while_a_trip_is_stopping_ends_the_infusion():
    here = tripping()
    here.send(ev.StopRequested(here.now_ns, "nurse", "enough", switching=True))
    here.pump.flowing = False
    here.wait(4 * S)
    assert here.infusion.state is State.STOPPED
    assert (here.infusion.stopped_by, here.infusion.switching) == ("nurse", True)
    assert here.infusion.trips == (AlarmCode.AIR_IN_LINE,), "the trip stays on record"
    assert "enough (by nurse)" in here.infusion.reason


@pytest.mark.requirement("STP-05")
def test_pumpds_own_stop_while_a_trip_is_stopping_leaves_it_tripped():
    here = tripping()
    here.send(ev.StopRequested(here.now_ns, "pumpd", "pumpd ends"))
    here.pump.flowing = False
    here.wait(4 * S)
    assert here.infusion.state is State.TRIPPED


@pytest.mark.requirement("STP-05")
def test_a_new_trip_after_a_persons_stop_is_latched():
    here = bench().run()
    here.send(ev.StopRequested(here.now_ns, "nurse", "enough"))
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(4 * S)
    assert here.infusion.state is State.TRIPPED
