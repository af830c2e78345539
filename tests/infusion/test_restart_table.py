"""The table of decisions after a restart, cell by cell, on the state machine alone (PWR-04)."""

from fractions import Fraction

import pytest

from pumpd.infusion import events as ev
from pumpd.infusion.restart import DECISIONS, Found, Left, left_by
from pumpd.infusion.states import State
from tests.infusion.bench import Bench, S, bench
from tests.infusion.test_stop import states

WITHIN = 8 * S


def remainder() -> Bench:
    here = bench().run()
    here.wait(10 * S)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.READY
    return here


@pytest.mark.requirement("PWR-04", "PWR-03")
@pytest.mark.parametrize("found", Found)
def test_advance_carries_out_the_decision_of_each_cell(found):
    seen = set()
    for here in [*states().values(), remainder()]:
        left, before = left_by(here.infusion), here.state
        seen.add(left)
        if left is Left.NOTHING:
            continue
        decision, starts = DECISIONS[left][found], here.pump.starts
        here.line, here.auto, here.done = (
            (lambda _what: "down") if found is Found.SILENT else (lambda _what: "ok"),
            True,
            [],
        )
        here.pump.held = here.pump.held or here.infusion.segment.program
        here.pump.flowing = found is Found.FLOWING
        if found is Found.RESET:
            here.pump.counter = Fraction(0)
        here.send(ev.ControlRestarted(here.now_ns))
        (here.silence if found is Found.SILENT else here.wait)(WITHIN, every=S // 2)
        assert here.state is decision.state, (before, here.infusion.reason)
        if not here.state.ended or here.infusion.started_ns is not None:  # otherwise control stops the flow
            assert (here.count(ev.StopPump) > 0) == decision.stop, before
        assert here.pump.starts == starts
    assert seen == set(Left) - {Left.UNREADABLE}
