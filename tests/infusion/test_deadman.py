"""A deadman that does not work raises an alarm, and ends a flow that nothing else would end in time."""

from fractions import Fraction

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode
from tests.infusion.bench import MIN, S, bench, program

FAILED = AlarmCode.DEADMAN_FAILED


def fail(here, *, alone):
    return here.send(ev.DeadmanFailed(here.now_ns, "the deadman has died", alone=alone))


@pytest.mark.requirement("COM-12")
def test_without_a_deadman_a_pump_that_has_no_watchdog_is_stopped_while_that_is_possible():
    here = bench().run()
    here.wait(10 * MIN)
    assert fail(here, alone=True)[0] == ev.StopPump()
    assert here.infusion.trips == (FAILED,)
    here.wait(5 * S)
    assert not here.pump.flowing
    assert here.state is State.TRIPPED
    assert FAILED in here.infusion.alarms
    here.send(ev.DeadmanRestored(here.now_ns))
    assert here.infusion.trips == (FAILED,)  # latched: a person must clear it
    assert FAILED in here.infusion.alarms
    here.send(ev.TripsCleared(here.now_ns, "n"))
    assert here.state is State.PAUSED


def test_without_a_deadman_a_pump_with_a_watchdog_continues_with_an_alarm_until_the_deadman_works_again():
    here = bench().run()
    here.wait(10 * MIN)
    assert fail(here, alone=False) == (ev.RaiseAlarm(FAILED),)
    fail(here, alone=False)
    here.wait(MIN)
    assert here.state is State.RUNNING
    assert here.infusion.alarms == {FAILED}
    assert here.send(ev.DeadmanRestored(here.now_ns)) == (ev.ClearAlarm(FAILED),)
    assert here.state is State.RUNNING


@pytest.mark.parametrize("alone", [True, False])
def test_a_lost_deadman_does_not_matter_while_nothing_flows(alone):
    here = bench()
    assert fail(here, alone=alone) == ()
    assert here.state is State.READY


def test_a_lost_deadman_does_not_change_a_stop_under_way():
    here = bench().run()
    here.send(ev.StopRequested(here.now_ns, "n", "enough"))
    fail(here, alone=True)
    assert here.infusion.trips == ()
    here.wait(5 * S)
    assert here.state is State.STOPPED


@pytest.mark.requirement("COM-12")
@pytest.mark.parametrize(("rate", "vtbi", "most_ml"), [("52.5", "35", "0.146"), ("90", "60", "0.25")])
def test_after_total_loss_at_any_moment_at_most_rate_times_lease_flows(rate, vtbi, most_ml):
    for waited_s in range(20):
        here = bench(program((rate, vtbi))).run()
        here.wait(MIN + waited_s * S)
        before = here.pump.given
        here.pump.until(here.now_ns + 10 * MIN)  # the pump hears nothing any more
        assert not here.pump.flowing
        assert 0 < here.pump.given - before <= Fraction(most_ml) + Fraction("0.0005")  # the catalogue rounds
