"""An answer counts from when it was asked for: nothing that was asked for earlier proves what happened later."""

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import Done, Unknown

from .bench import S, bench


@pytest.mark.requirement("STA-05")
def test_a_read_back_that_was_asked_for_before_the_confirmation_starts_nothing():
    here = bench()
    here.auto = False  # the link is slow: this test gives the answers
    here.confirm(nonce="n-1")
    asked = here.now_ns  # from here on the read-back for the first confirmation is on the wire
    here.now_ns += 6 * S
    here.send(ev.ChallengeIssued(here.now_ns, "n-2"))
    assert here.state is State.READY
    here.confirm(nonce="n-3", request="r-2")
    assert here.state is State.ARMED
    here.send(ev.ProgramReadBack(here.now_ns, Done(here.pump.held), asked_ns=asked))
    here.now_ns += S // 10
    here.read()
    assert ev.StartPump not in here.kinds()

    here.send(ev.ProgramReadBack(here.now_ns, Done(here.pump.held), asked_ns=here.now_ns - 1))
    assert here.count(ev.StartPump) == 1


@pytest.mark.requirement("STA-05")
def test_a_read_back_asked_for_before_the_load_was_answered_proves_nothing():
    here = bench()
    here.auto = False
    here.infusion = here.infusion.but(state=State.LOADING, since_ns=0, loaded=False, read_back_from_ns=None)
    here.send(ev.ProgramReadBack(S, Done(here.pump.held), asked_ns=S))
    assert here.state is State.LOADING
    here.send(ev.ProgramLoaded(2 * S, Done(None), asked_ns=S))
    here.send(ev.ProgramReadBack(3 * S, Done(here.pump.held), asked_ns=S))
    assert here.state is State.LOADING
    here.send(ev.ProgramReadBack(3 * S, Done(here.pump.held), asked_ns=2 * S))
    assert here.state is State.READY


@pytest.mark.requirement("COM-14")
def test_an_answer_to_an_earlier_start_is_not_the_answer_to_this_one():
    here = bench()
    hold = here.carry_out
    here.carry_out = lambda actions: hold(tuple(a for a in actions if not isinstance(a, ev.StartPump)))
    here.now_ns = 9 * S
    here.confirm()
    assert here.state is State.STARTING
    here.send(ev.StartAnswered(here.now_ns, Unknown("late"), asked_ns=8 * S))
    assert here.state is State.STARTING
    here.send(ev.StartAnswered(here.now_ns, Unknown("lost"), asked_ns=9 * S))
    assert here.state is State.UNCERTAIN


@pytest.mark.requirement("COM-14")
def test_a_load_asked_for_before_this_order_is_not_its_load():
    here = bench()
    here.auto = False
    here.infusion = here.infusion.but(state=State.LOADING, since_ns=5 * S, loaded=False, read_back_from_ns=None)
    here.send(ev.ProgramLoaded(6 * S, Done(None), asked_ns=4 * S))
    assert not here.infusion.loaded
