"""Deadlines are kept by time alone: neither a reply from the pump nor a missing one is needed."""

import pytest

from pumpd.infusion import State, advance
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, Done

from .bench import MIN, Bench, S, bench, infusion


def later(here, ns):
    here.now_ns += ns
    return here.send(ev.TimePassed(here.now_ns))


@pytest.mark.requirement("STP-03", "ALM-10")
def test_a_stop_that_nothing_confirms_alarms_at_three_seconds():
    here = bench().run()
    here.line = lambda _what: "down"
    here.send(ev.StopRequested(here.now_ns, "nurse", "test"))
    assert later(here, S // 2) == ()  # another stop would interrupt the poll that is to confirm this one
    later(here, 2 * S)
    assert AlarmCode.STOP_UNCONFIRMED not in here.infusion.alarms
    later(here, S // 2)
    assert AlarmCode.STOP_UNCONFIRMED in here.infusion.alarms


@pytest.mark.requirement("COM-01")
def test_a_lease_lapses_without_any_answer():
    here = bench().run()
    here.line = lambda _what: "down"
    until = here.infusion.lease_until_ns
    later(here, until - here.now_ns - 1)
    assert here.state is State.RUNNING
    later(here, 1)
    assert here.state is State.STOPPING
    assert AlarmCode.LEASE_LAPSED in here.infusion.trips


@pytest.mark.requirement("WIN-05")
def test_a_pause_ends_by_time_alone():
    here = bench().run()
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(3 * S)
    assert here.state is State.PAUSED
    later(here, 5 * MIN)
    assert here.state is State.STOPPED


@pytest.mark.requirement("STA-05")
def test_a_confirmation_that_no_answer_follows_lapses():
    here = bench()
    here.auto = False
    here.confirm()
    later(here, 5 * S)
    assert here.state is State.READY


@pytest.mark.requirement("RUN-01")
def test_time_that_brings_nothing_changes_nothing():
    for here in (bench(), bench().run()):
        one = here.infusion
        assert advance(one, ev.TimePassed(here.now_ns + 1)) == (one, ())
        assert advance(one, ev.TimePassed(here.now_ns + 1))[0] is one


# -- an order that is not loaded in time -----------------------------------------------------------------------------


@pytest.mark.requirement("COM-09", "STA-04")
def test_an_order_whose_pump_does_not_reply_in_time_is_withdrawn_and_loads_nothing_later():
    here = Bench(infusion(), line=lambda _what: "down")
    here.silence(19 * S)
    assert here.state is State.ORDERED
    later(here, S)
    assert here.state is State.ABANDONED
    assert "withdrawn" in here.infusion.reason
    here.line = lambda _what: "ok"
    here.read()
    assert ev.LoadProgram not in here.kinds()


@pytest.mark.requirement("COM-09", "STP-02")
def test_a_load_that_is_not_answered_in_time_is_withdrawn_with_a_stop_and_never_believed():
    here = Bench(infusion(), auto=False)
    here.send(ev.ReadingTaken(0, here.pump.reading(0)))
    assert here.state is State.LOADING
    assert later(here, 20 * S)[0] == ev.StopPump()
    assert here.state is State.ABANDONED
    here.send(ev.ProgramLoaded(here.now_ns, Done(None), asked_ns=0))
    here.send(ev.ProgramReadBack(here.now_ns, Done(here.infusion.segment.program)))
    assert here.state is State.ABANDONED


@pytest.mark.requirement("COM-09")
def test_a_remainder_that_is_not_loaded_in_time_trips():
    here = bench().run()
    here.wait(5 * MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(3 * S)
    hold = here.carry_out
    here.carry_out = lambda actions: hold(tuple(a for a in actions if not isinstance(a, ev.LoadProgram)))
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.LOADING
    later(here, 20 * S)
    assert here.state is State.TRIPPED
    assert AlarmCode.START_FAILED in here.infusion.trips
