"""A person at the pump's own panel: purges, and flow that no reading sees while it lasts."""

from dataclasses import replace
from fractions import Fraction

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpState
from pumpd.quantities import Rate, Volume
from tests.infusion.bench import MIN, S, bench


def purging(here):
    reading = replace(here.pump.reading(here.now_ns), state=PumpState.PURGING)
    return here.send(ev.ReadingTaken(here.now_ns, reading))


def starting():
    here = bench()
    here._start = lambda watchdog: None
    here.confirm()
    return here


def completing():
    here = bench().run()
    while here.state is State.RUNNING:
        here.wait(S // 2, every=S // 2)
    return here


@pytest.mark.requirement("RUN-06", "PRG-15")
@pytest.mark.parametrize("before", [starting, completing], ids=["starting", "completing"])
def test_a_purge_around_a_start_or_after_the_volume_is_stopped_at_once(before):
    here = before()
    assert here.state.value == before.__name__
    assert purging(here)[0] == ev.StopPump()
    assert here.state is State.STOPPING
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)


def paused():
    here = bench().run()
    here.wait(10 * MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    assert here.state is State.PAUSED
    return here


def run_unseen(here, ml="0.5"):
    """Started and stopped at the panel between two polls: only the counter shows it."""
    more = Fraction(ml)
    here.pump.counter += more
    here.pump.given += more


@pytest.mark.requirement("RUN-05", "RUN-06")
def test_what_a_pump_gave_unseen_in_a_pause_is_booked_and_ends_the_infusion():
    here = paused()
    before = here.infusion.delivered
    run_unseen(here)
    here.wait(S)
    assert here.infusion.delivered == before + Volume("0.5")
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)
    here.wait(4 * S)
    here.send(ev.TripsCleared(here.now_ns, "n"))
    assert here.state is State.STOPPED  # nobody knows who ran it and why, so it cannot be resumed
    assert here.infusion.booked(here.now_ns) == before + Volume("0.5")


@pytest.mark.requirement("RUN-05", "RUN-06")
@pytest.mark.parametrize("state", [State.READY, State.TRIPPED])
def test_what_a_pump_gave_unseen_is_booked_in_every_other_state_without_flow_too(state):
    here = bench()
    if state is State.TRIPPED:
        here.run().wait(MIN)
        here.send(ev.ControlRestarted(here.now_ns))
        here.wait(5 * S)
    assert here.state is state
    before = here.infusion.delivered
    here.wait(S)
    run_unseen(here)
    here.wait(S)
    assert here.infusion.booked(here.now_ns) == before + Volume("0.5")
    assert AlarmCode.PROGRAM_CHANGED in here.infusion.trips


@pytest.mark.requirement("RUN-04", "PRG-15")
def test_a_resume_reads_the_pump_first_and_gives_nothing_twice():
    here = paused()
    run_unseen(here)  # and the pump has not been read since
    loads = here.count(ev.LoadProgram)
    here.now_ns += S // 2
    actions = here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert not any(isinstance(action, ev.PlanRemainder) for action in actions)
    here.wait(5 * S)
    assert here.count(ev.LoadProgram) == loads
    assert here.state is State.TRIPPED


def test_a_resume_of_a_pump_that_cannot_be_read_is_eventually_refused():
    here = paused()
    here.line = lambda _what: "down"
    here.silence(S)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    here.silence(6 * S)
    assert here.state is State.PAUSED
    assert any("could not be read" in reason for reason in here.refused)
    here.line = lambda _what: "ok"
    here.wait(5 * S)
    assert here.state is State.PAUSED  # the old request is not continued by itself
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.READY


@pytest.mark.requirement("RUN-05")
def test_while_a_remainder_is_loaded_the_previous_counter_is_not_counted_again():
    here = paused()
    before = here.infusion.delivered
    here.auto = False
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    here.wait(S)
    assert here.state is State.LOADING
    here.wait(5 * S)
    assert here.state is State.LOADING
    assert here.infusion.delivered == before
    run_unseen(here)
    here.wait(5 * S)
    assert here.infusion.delivered == before + Volume("0.5")
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)


@pytest.mark.requirement("RUN-05", "COM-05")
def test_after_a_counter_restarted_in_a_pause_what_is_given_by_hand_is_booked():
    """It was once mistaken for part of what the counter had shown before."""
    here = paused()
    before = here.infusion.delivered
    here.pump.counter = Fraction(0)  # its supply failed, and no reading shows that
    here.wait(S)
    purging(here)
    assert here.state is State.STOPPING
    run_unseen(here)
    here.wait(S)
    assert here.infusion.booked(here.now_ns) >= before + Volume("0.5")


@pytest.mark.requirement("RUN-05", "COM-05")
@pytest.mark.parametrize("how", ["the reply is lost", "control is restarted before the reply"])
def test_after_an_unanswered_load_the_counter_may_have_restarted(how):
    """The pump took the remainder, nobody knows, and a person started it: all that it shows may be new."""
    here = bench().run()
    here.wait(4 * S)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    if how == "the reply is lost":
        here.line = lambda what: "lost-reply" if what == "load" else "ok"
        here.send(ev.ResumeRequested(here.now_ns, "n"))
    else:
        here.auto = False
        here.send(ev.ResumeRequested(here.now_ns, "n"))
        here.read()
        here._load(here.infusion.segment.program)
        here.send(ev.ControlRestarted(here.now_ns))
    assert here.state is State.TRIPPED
    here.line = lambda _what: "down"
    here.pump.flowing = True  # by hand
    here.silence(12 * S)
    here.line = lambda _what: "ok"
    here.wait(S)
    assert here.pump.counter > Fraction(here.infusion.given_before.decimal)
    assert here.infusion.booked(here.now_ns).decimal + Volume("0.02").decimal >= here.given
    assert AlarmCode.DELIVERY_UNCERTAIN in here.infusion.alarms


@pytest.mark.requirement("STP-04", "RUN-06")
def test_a_pump_that_waits_to_start_by_itself_is_not_stopped():
    here = bench().run()
    here.send(ev.StopRequested(here.now_ns, "n", "x"))
    for _ in range(8):
        here.now_ns += S // 2
        here.pump.until(here.now_ns)
        waiting = replace(here.pump.reading(here.now_ns), state=PumpState.WAITING)
        here.send(ev.ReadingTaken(here.now_ns, waiting))
    assert here.state is State.STOPPING
    assert AlarmCode.STOP_UNCONFIRMED in here.infusion.alarms
    here.wait(4 * S)
    assert here.state is State.STOPPED


@pytest.mark.requirement("COM-05")
@pytest.mark.parametrize("panel_rate", [None, Rate("300")])
def test_after_a_lost_count_flow_at_the_panel_that_no_reading_saw_is_booked(panel_rate):
    """The counter began again below what is counted already, so it shows no growth of the whole."""
    here = bench().run()
    here.wait(5 * MIN)
    here.pump.flowing, here.pump.counter = False, Fraction(0)  # its supply was off for a moment
    here.now_ns += S
    here.pump.until(here.now_ns)
    here.read()
    assert here.state is State.STOPPING
    here.pump.flowing, here.pump.panel_rate = True, panel_rate  # between two polls, a person
    here.now_ns += 2 * S
    here.pump.until(here.now_ns)
    here.pump.flowing = False
    here.read()
    assert Fraction(here.infusion.counted.decimal) < here.pump.given
    assert Fraction(here.infusion.booked(here.now_ns).decimal) >= here.pump.given
