"""When the answer to a start is lost."""

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.states import TRANSITIONS
from pumpd.pump import AlarmCode, Done, Refused
from tests.infusion.bench import MIN, S, bench


@pytest.mark.requirement("COM-02", "COM-03")
@pytest.mark.parametrize("line", ["lost-request", "lost-reply"])
def test_a_lost_answer_to_a_start_is_never_answered_by_another_start(line):
    here = bench(line=lambda what: line if what == "start" else "ok")
    here.confirm()
    here.line = lambda _what: "ok"
    here.wait(10 * MIN)
    assert here.count(ev.StartPump) == 1
    assert here.pump.starts == (1 if line == "lost-reply" else 0)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.DELIVERY_UNCERTAIN,)


@pytest.mark.requirement("COM-04")
def test_while_uncertain_everything_but_status_and_stop_is_refused():
    here = bench()
    here.line = lambda what: "lost-reply" if what == "start" else "ok"
    here.confirm()
    here.line = lambda _what: "down"
    assert here.state is State.UNCERTAIN
    binding = here.infusion.confirmed
    assert binding is None
    for event in (
        ev.PauseRequested(here.now_ns, "n", "x"),
        ev.ResumeRequested(here.now_ns, "n"),
        ev.ChallengeIssued(here.now_ns, "n-2"),
        ev.TripsCleared(here.now_ns, "n"),
    ):
        before = len(here.refused)
        actions = here.send(event)
        assert len(here.refused) == before + 1, event
        assert {type(action) for action in actions} <= {ev.Refuse, ev.StopPump, ev.RaiseAlarm, ev.ReadPump}
        assert here.state is State.UNCERTAIN
    assert here.send(ev.StopRequested(here.now_ns, "n", "x"))[0] == ev.StopPump()
    assert set(TRANSITIONS[State.UNCERTAIN]) == {State.TRIPPED}


@pytest.mark.requirement("COM-02")
def test_while_uncertain_the_worst_case_is_booked():
    here = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    here.confirm()
    here.line = lambda _what: "down"
    for _ in range(50):
        here.silence(MIN, every=S * 10)
        booked = here.infusion.booked(here.now_ns)
        assert here.given <= booked.decimal
        assert booked <= here.infusion.prescribed
    assert AlarmCode.DELIVERY_UNCERTAIN in here.infusion.alarms


@pytest.mark.requirement("COM-02")
def test_a_start_that_was_certainly_not_done_ends_in_a_stop_as_well():
    here = bench()
    here._outcome = lambda what, effect: Refused(("?NA",)) if what == "start" else Done(None)
    here.confirm()
    here.wait(5 * S)
    assert here.count(ev.StartPump) == 1
    assert here.infusion.trips == (AlarmCode.START_FAILED,)
    assert here.given == 0


@pytest.mark.requirement("COM-03")
def test_a_stop_before_the_answer_to_the_start_wins():
    here = bench()
    sent = []
    real = here.carry_out

    def hold_start(actions):
        sent.extend(action for action in actions if isinstance(action, ev.StartPump))
        real(tuple(action for action in actions if not isinstance(action, ev.StartPump)))

    here.carry_out = hold_start
    here.confirm()
    assert here.state is State.STARTING
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    here.send(ev.StartAnswered(here.now_ns, Done(None)))
    assert here.state is State.STOPPING
    here.wait(4 * S)
    assert here.state is State.STOPPED
    assert len(sent) == 1


@pytest.mark.requirement("COM-01")
def test_a_gateway_that_says_nothing_more_leaves_at_most_one_lease_of_flow():
    here = bench().run()
    here.wait(10 * MIN)
    given = here.given
    here.now_ns += 30 * MIN  # nobody speaks to the pump any more
    assert here.given - given <= here.infusion.segment.program.highest_rate.decimal * 10 / 3600 * 2
    assert not here.pump.flowing


def test_the_journal_failing_stops_a_running_infusion_and_prevents_a_start():
    running = bench().run()
    running.send(ev.JournalFailed(running.now_ns, "disk full"))
    running.wait(4 * S)
    assert running.infusion.trips == (AlarmCode.JOURNAL_FAILED,)
    assert not running.pump.flowing
