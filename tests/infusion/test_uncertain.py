"""What happens when the reply to a start is lost."""

from fractions import Fraction

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.states import TRANSITIONS
from pumpd.pump import AlarmCode, Done, Refused
from pumpd.quantities import Volume
from tests.infusion.bench import MIN, Bench, S, bench, infusion


@pytest.mark.requirement("COM-02", "COM-03")
@pytest.mark.parametrize("line", ["lost-request", "lost-reply"])
def test_a_lost_reply_to_a_start_is_never_followed_by_another_start(line):
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
    assert set(TRANSITIONS[State.UNCERTAIN]) == {State.TRIPPED, State.STOPPED}  # STOPPED: a person read the pump


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
def test_a_gateway_that_falls_silent_leaves_at_most_one_lease_of_flow():
    here = bench().run()
    here.wait(10 * MIN)
    given = here.given
    here.now_ns += 30 * MIN  # the pump hears nothing any more
    assert here.given - given <= here.infusion.segment.program.highest_rate.decimal * 10 / 3600 * 2
    assert not here.pump.flowing


def test_the_journal_failing_stops_a_running_infusion_and_prevents_a_start():
    running = bench().run()
    running.send(ev.JournalFailed(running.now_ns, "disk full"))
    running.wait(4 * S)
    assert running.infusion.trips == (AlarmCode.JOURNAL_FAILED,)
    assert not running.pump.flowing


# -- what a person reads at the pump ------------------------------------------------------------------------------


def lost():
    """The reply to the start was lost, and the line with it."""
    here = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    here.confirm()
    here.line = lambda _what: "down"
    here.silence(20 * S, every=S)
    return here


def reconciled(here, volume, reason="read at the display", by="nurse-1", *, seen_stopped=True):
    return here.send(ev.DeliveryReconciled(here.now_ns, by, Volume(volume), reason, seen_stopped))


@pytest.mark.requirement("COM-05")
def test_a_person_who_read_the_pump_ends_the_doubt():
    here = lost()
    assert here.state is State.UNCERTAIN
    assert here.infusion.booked(here.now_ns) > Volume("0.2")
    reconciled(here, "0.146")
    assert here.state is State.STOPPED
    assert here.infusion.booked(here.now_ns) == here.infusion.delivered == Volume("0.146")
    assert not here.infusion.alarms & {AlarmCode.DELIVERY_UNCERTAIN, AlarmCode.STOP_UNCONFIRMED}
    assert "0.146 mL read at the pump by nurse-1" in here.infusion.reason


@pytest.mark.requirement("COM-05", "AUD-08")
@pytest.mark.parametrize("reason", ["", "  ", "ok", " a "])
def test_without_a_reason_the_doubt_stays(reason):
    here = lost()
    reconciled(here, "0.146", reason)
    assert here.state is State.UNCERTAIN
    assert any(each.startswith("reason:") for each in here.refused)


@pytest.mark.requirement("COM-05")
def test_nobody_can_reconcile_below_what_the_pump_itself_reported():
    known = bench().run()
    known.wait(5 * MIN)
    reconciled(known, "1")
    assert any("not in doubt" in each for each in known.refused)
    assert known.state is State.RUNNING

    known.line = lambda _what: "down"
    known.silence(30 * S, every=S)
    counted = known.infusion.counted
    reconciled(known, "1")
    assert str(counted) in known.refused[-1]
    assert known.infusion.counted == counted


@pytest.mark.requirement("COM-05")
def test_a_pump_that_reports_flow_is_not_reconciled():
    here = bench(line=lambda what: {"start": "lost-reply", "stop": "lost-request"}.get(what, "ok"))
    here.confirm()
    here.wait(S)
    assert here.pump.flowing
    reconciled(here, "0.1")
    assert "reports that it flows" in here.refused[-1]
    assert here.state is State.UNCERTAIN


@pytest.mark.requirement("COM-05", "COM-04")
def test_a_display_read_before_the_pump_was_read_again_does_not_end_a_doubt():
    """The display still shows zero, the last reading is from before the start, and the pump begins to flow."""
    here = bench(line=lambda what: {"start": "lost-reply", "stop": "lost-request", "read": "down"}.get(what, "ok"))
    here.auto = False
    here.send(ev.ReadingTaken(0, here.pump.reading(0)))
    here.send(ev.ProgramLoaded(0, Done(None)))
    here.pump.held = here.infusion.segment.program
    here.send(ev.ProgramReadBack(0, Done(here.pump.held)))
    here.confirm()
    here.send(ev.ProgramReadBack(0, Done(here.pump.held)))
    here.send(ev.ReadingTaken(0, here.pump.reading(0)))
    assert here.state is State.UNCERTAIN
    assert here.pump.flowing
    for _ in range(9):
        here.silence(S)
        reconciled(here, "0.2")
        assert "has not been read since the stop" in here.refused[-1]
        assert here.state is State.UNCERTAIN
    here.line = lambda _what: "ok"
    here.wait(4 * S)
    assert here.state is State.TRIPPED  # its own counter shows it
    assert not here.pump.flowing


@pytest.mark.requirement("COM-05")
def test_a_pump_that_never_replies_again_can_be_reconciled_once_a_lease_has_passed():
    here = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    here.confirm()
    here.line = lambda _what: "down"
    here.silence(9 * S)
    reconciled(here, "0.146")
    assert here.state is State.UNCERTAIN
    here.silence(S)
    reconciled(here, "0.146", seen_stopped=False)
    assert "confirm that you saw it stopped" in here.refused[-1]
    assert here.state is State.UNCERTAIN
    reconciled(here, "0.146")
    assert here.state is State.STOPPED


def in_doubt(container="48"):
    """A start without a reply, more than a lease ago, on a pump that no longer replies. The program is 35 mL."""
    here = Bench(infusion().but(container=Volume(container) if container else None), line=lost_start)
    here.confirm()
    here.silence(20 * S)
    assert here.state is State.UNCERTAIN
    return here


def lost_start(what):
    return "lost-request" if what in ("start", "stop") else "ok"


def entered(here, volume, again=None):
    again = None if again is None else Volume(again)
    here.refused.clear()
    here.send(ev.DeliveryReconciled(here.now_ns, "nurse-1", Volume(volume), "display", True, again))
    return here.refused


@pytest.mark.requirement("COM-05")
def test_nothing_given_is_a_volume_too():
    here = in_doubt()
    assert not entered(here, "0")
    assert here.state is State.STOPPED
    assert here.infusion.booked(here.now_ns) == Volume(0)


@pytest.mark.requirement("COM-05", "STP-04")
def test_one_reading_without_flow_does_not_let_a_person_end_the_doubt():
    here = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    here.confirm()
    here.wait(S // 5, every=S // 5)
    assert here.state is State.UNCERTAIN
    assert here.infusion.reading.state.no_flow
    assert "the next readings must confirm" in entered(here, "0.01")[0]
    assert here.state is State.UNCERTAIN


@pytest.mark.requirement("COM-05")
def test_a_volume_that_the_container_cannot_hold_is_refused():
    for again in (None, "3500"):
        here = in_doubt()
        (reason,) = entered(here, "3500", again)
        assert "the container can deliver 48 mL at most" in reason
        assert here.state is State.UNCERTAIN


@pytest.mark.requirement("COM-05")
def test_a_volume_above_the_program_is_accepted_only_if_entered_twice_and_equal():
    here = in_doubt()
    assert "enter it twice" in entered(here, "40")[0]
    assert "read the display again" in entered(here, "40", "41")[0]
    assert here.state is State.UNCERTAIN
    assert not entered(here, "40", "40")
    assert here.infusion.delivered == Volume(40)


@pytest.mark.requirement("COM-05")
def test_two_different_volumes_are_refused_below_the_program_too():
    here = in_doubt()
    assert "read the display again" in entered(here, "20", "2")[0]
    assert not entered(here, "20", "20")


@pytest.mark.requirement("COM-05")
def test_without_a_known_container_entering_the_volume_twice_is_enough():
    here = in_doubt(container="")
    assert not entered(here, "40", "40")


@pytest.mark.requirement("COM-05", "COM-02")
def test_when_a_counter_is_lost_the_worst_case_is_booked():
    here = bench().run()
    here.wait(5 * MIN)
    before = here.infusion.counted
    here.line = lambda _what: "down"
    here.silence(4 * S, every=S)
    here.pump.counter, here.line = Fraction(0), lambda _what: "ok"
    here.wait(10 * S)
    assert AlarmCode.DELIVERY_UNCERTAIN in here.infusion.trips
    assert here.state is State.TRIPPED
    booked = here.infusion.booked(here.now_ns)
    assert booked - before >= Volume("0.058")  # four seconds at 52.5 mL/h
    assert booked.decimal >= here.given
    reconciled(here, str(before + Volume("0.05")).removesuffix(" mL"))
    assert here.state is State.STOPPED
    assert here.infusion.booked(here.now_ns) == before + Volume("0.05")


@pytest.mark.requirement("COM-05")
def test_a_counter_that_is_lost_while_pausing_ends_in_a_trip():
    here = bench().run()
    here.wait(5 * MIN)
    here.line = lambda what: "down" if what in ("stop", "read") else "ok"
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.silence(2 * S, every=S)
    here.pump.until(here.now_ns)
    here.pump.flowing, here.pump.counter, here.line = False, Fraction(0), lambda _what: "ok"
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.DELIVERY_UNCERTAIN,)
    assert here.infusion.booked(here.now_ns).decimal >= here.given


# -- a control process that died ----------------------------------------------------------------------------------


def restart(here):
    return here.send(ev.ControlRestarted(here.now_ns))


@pytest.mark.requirement("PWR-02", "PWR-03")
def test_after_a_restart_a_running_pump_is_stopped_and_a_person_resumes():
    here = bench().run()
    here.wait(10 * MIN)
    assert restart(here)[0] == ev.StopPump()
    here.wait(5 * S)
    assert here.infusion.trips == (AlarmCode.CONTROL_RESTARTED,)
    assert not here.pump.flowing
    starts = here.count(ev.StartPump)
    here.wait(MIN)
    assert here.count(ev.StartPump) == starts
    here.send(ev.TripsCleared(here.now_ns, "n"))
    assert here.state is State.PAUSED


@pytest.mark.requirement("PWR-02", "PWR-06")
def test_a_restart_while_starting_is_a_doubt():
    here = bench(line=lambda what: "lost-reply" if what == "start" else "ok")
    hold = here.carry_out
    here.carry_out = lambda actions: hold(tuple(a for a in actions if not isinstance(a, ev.StartPump)))
    here.confirm()
    assert here.state is State.STARTING
    here.carry_out = hold
    assert restart(here)[0] == ev.StopPump()
    assert here.state is State.UNCERTAIN
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert here.count(ev.StartPump) == 0


@pytest.mark.requirement("PWR-03")
def test_a_restart_before_the_start_discards_the_order_and_its_confirmation():
    ready = bench()
    assert ready.state is State.READY
    restart(ready)
    assert ready.state is State.ABANDONED
    assert ready.infusion.confirmed is None
