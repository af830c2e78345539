"""PRG-26: an order that is not started in time expires. Nothing starts at that very instant, nor after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.infusion import Infusion, State, advance
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import PERMIT, Refuse, order_age
from pumpd.infusion.record import infusion_from_data, to_data
from pumpd.pump import Done
from pumpd.quantities import Duration

from .bench import MIN, Bench, S, infusion

EXPIRES = 60 * MIN
PREPARING = (State.ORDERED, State.LOADING, State.READY, State.ARMED)


def order(**changes: object) -> Infusion:
    return infusion().but(expires_ns=EXPIRES, ordered_ts="2026-03-02T16:00:00Z", **changes)


def at(here: Bench, ns: int) -> None:
    here.now_ns = ns
    here.pump.until(ns)


def recorded(here: Bench, kind: str) -> list[ev.Record]:
    return [each for each in here.done if isinstance(each, ev.Record) and each.kind == kind]


@pytest.mark.requirement("PRG-26")
def test_an_order_that_nobody_confirms_is_withdrawn_after_an_hour():
    here = Bench(order())
    here.wait(EXPIRES - S, every=10 * S)
    assert here.state is State.READY
    here.wait(S)
    assert here.state is State.ABANDONED
    assert here.infusion.reason == "the order expired 60 min after it was given; nothing was started; order again"
    assert [each.body["ordered_ts"] for each in recorded(here, "order_expired")] == ["2026-03-02T16:00:00Z"]
    assert here.count(ev.StopPump) == 1
    assert here.count(ev.ReleasePump) == 1
    assert here.given == 0


@pytest.mark.requirement("PRG-26")
def test_it_expires_by_time_alone():
    here = Bench(order())
    at(here, EXPIRES - 1)
    assert here.send(ev.TimePassed(here.now_ns)) == ()
    at(here, EXPIRES)
    here.send(ev.TimePassed(here.now_ns))
    assert here.state is State.ABANDONED


@pytest.mark.requirement("PRG-26")
@pytest.mark.parametrize(("when", "starts"), [(EXPIRES - 1, 1), (EXPIRES, 0), (EXPIRES + 15 * 60 * MIN, 0)])
def test_a_confirmation_starts_it_before_that_instant_only(when, starts):
    here = Bench(order())
    at(here, EXPIRES - S)
    here.read()
    binding = here.challenge()
    assert binding is not None
    at(here, when)
    here.confirm(binding)
    assert here.count(ev.StartPump) == starts
    assert (here.state is State.ABANDONED) == (starts == 0)
    assert any("expired" in why for why in here.refused) == (starts == 0)


@pytest.mark.requirement("PRG-26")
def test_no_challenge_is_given_for_an_expired_order():
    here = Bench(order())
    at(here, EXPIRES)
    assert here.challenge() is None
    assert here.state is State.ABANDONED
    assert here.refused == [here.infusion.reason]


@pytest.mark.requirement("PRG-26")
@pytest.mark.parametrize("first", ["reading", "read_back"])
def test_nothing_starts_when_it_expires_between_the_confirmation_and_the_start(first):
    """Both answers that a start waits for come in time, or the second of them at the very instant."""
    here = Bench(order())
    at(here, EXPIRES - S)
    here.auto = False
    here.confirm()
    assert here.state is State.ARMED
    asked = here.now_ns
    answers = {
        "reading": lambda: here.send(ev.ReadingTaken(here.now_ns, here.pump.reading(asked))),
        "read_back": lambda: here.send(ev.ProgramReadBack(here.now_ns, Done(here.pump.held), asked_ns=asked)),
    }
    answers.pop(first)()
    assert here.state is State.ARMED
    at(here, EXPIRES)
    next(iter(answers.values()))()
    assert here.state is State.ABANDONED
    assert here.count(ev.StartPump) == 0
    assert not recorded(here, "intent_start")


@pytest.mark.requirement("PRG-26")
def test_an_order_in_each_state_before_the_first_flow_expires():
    for state in PREPARING:
        taken, actions = advance(order(state=state), ev.TimePassed(EXPIRES))
        assert taken.state is State.ABANDONED
        stopped = any(isinstance(each, ev.StopPump) for each in actions)
        assert stopped is (state is not State.ORDERED)  # until then the pump was sent nothing


@pytest.mark.requirement("PRG-26")
def test_what_was_started_in_time_runs_and_is_resumed_after_that_instant():
    here = Bench(order())
    at(here, EXPIRES - 5 * S)
    here.read()
    here.run()
    here.wait(MIN)
    assert here.state is State.RUNNING
    here.send(ev.PauseRequested(here.now_ns, "nurse", "x"))
    here.wait(4 * S)
    here.send(ev.ResumeRequested(here.now_ns, "nurse"))
    here.wait(S)
    here.confirm(nonce="n-2", request="r-2")
    here.wait(2 * S)
    assert here.state is State.RUNNING
    assert here.count(ev.StartPump) == 2


@pytest.mark.requirement("PRG-26")
def test_a_first_start_that_was_decided_and_not_sent_yet_is_too_late_as_well():
    begun = order(state=State.STARTING, started_ns=EXPIRES - S, since_ns=EXPIRES - S)
    assert order_age.expired(begun, EXPIRES - 1) is None
    assert order_age.expired(begun, EXPIRES) is not None
    assert order_age.check(begun, EXPIRES) is PERMIT  # flow that began in time is no fault
    resumed = begun.but(started_ns=EXPIRES - MIN)
    assert order_age.expired(resumed, EXPIRES) is None


@pytest.mark.requirement("PRG-26")
def test_the_interlock_itself_refuses_an_expired_start():
    assert order_age.check(order(state=State.ARMED), EXPIRES - 1) is PERMIT
    assert isinstance(order_age.check(order(state=State.ARMED), EXPIRES), Refuse)


@pytest.mark.requirement("PRG-26", "PWR-03")
@pytest.mark.parametrize("moved", [-50 * MIN, 0, 7 * MIN])
def test_the_instant_moves_with_a_clock_that_starts_from_zero(moved):
    after = order(state=State.READY).moved(moved)
    assert after.expires_ns == EXPIRES + moved
    still, _ = advance(after, ev.TimePassed(EXPIRES + moved - 1))
    assert still.state is State.READY
    gone, _ = advance(after, ev.TimePassed(EXPIRES + moved))
    assert gone.state is State.ABANDONED


def test_an_order_of_an_older_journal_has_no_age():
    data = to_data(infusion())
    del data["expires_ns"], data["ordered_ts"]
    old = infusion_from_data(data)
    assert old.expires_ns is None
    assert order_age.expired(old, 10**18) is None


@pytest.mark.requirement("PRG-26")
@given(minutes=st.integers(5, 60), waits=st.lists(st.integers(1, 20 * 60), min_size=1, max_size=30))
def test_whenever_a_nurse_confirms_no_start_is_sent_after_it(minutes, waits):
    here = Bench(infusion().but(expires_ns=minutes * MIN))
    for number, wait_s in enumerate(waits):
        at(here, here.now_ns + wait_s * S)
        here.read()
        if here.state is not State.READY:
            break
        binding = here.challenge(f"n-{number}")
        at(here, here.now_ns + min(wait_s, 59) * S)
        if binding is not None:
            here.confirm(binding, request=f"r-{number}")
        if here.count(ev.StartPump):
            assert here.now_ns < Duration(minutes * 60).ns
            break
    assert here.count(ev.StartPump) <= 1
