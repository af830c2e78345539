"""After another pump was on the line, or the pump was off, a program that was not started is loaded again."""

from types import SimpleNamespace

import pytest

from pumpd.control.infusions.polling import Polling
from pumpd.infusion import Limits, State
from pumpd.infusion import events as ev

NOW_NS = 7


def told(state, proved_by="serial 123456"):
    """The events of an infusion in this state; None: no infusion."""
    events = []
    infusion = None if state is None else SimpleNamespace(state=state)
    polling = Polling(
        "line1",
        SimpleNamespace(infusion=infusion, feed=events.append),
        None,
        SimpleNamespace(proved_by=proved_by),
        *(None,) * 3,
        SimpleNamespace(monotonic_ns=lambda: NOW_NS),
        Limits(),
        lambda _: None,
        None,
        simulated=False,
        monitor_only=False,
    )
    polling._let_load_again("it was off")
    return events


@pytest.mark.requirement("COM-10", "STA-05")
@pytest.mark.parametrize("state", State)
def test_a_program_that_was_not_started_is_doubted_and_then_the_pump_counts_as_shown(state):
    """In that order: the doubt takes the program away, and the mark, which no person has to show, brings it back."""
    prepared = state in (State.LOADING, State.READY, State.ARMED)
    assert told(state) == (
        [ev.PumpDoubted(NOW_NS, "it was off", others=False), ev.PumpIdentified(NOW_NS, "serial 123456")]
        if prepared
        else []
    )


@pytest.mark.requirement("COM-10", "STA-05")
def test_without_an_infusion_or_a_mark_nothing_is_told():
    assert told(None) == []
    assert told(State.READY, proved_by="") == []
