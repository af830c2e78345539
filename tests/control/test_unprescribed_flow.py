"""Flow that no infusion explains is stopped until readings confirm it; a waiting pump never counts as stopped."""

import pytest

from pumpd.control.infusions.unprescribed import UnprescribedFlow
from pumpd.infusion import Limits
from pumpd.pump import PumpState, Reading, no_flow_since, stopped
from pumpd.quantities import NS_PER_S as S
from pumpd.quantities import Rate, Volume

NO_FLOW = {PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM}


def reading(state, second, volume="3"):
    return Reading(second * S, second * S, state, Rate("52.5"), Volume(volume))


def watched(states):
    """Whether the stop is still under way after readings of these states, a second apart, and how many were sent."""
    stops = []
    flow = UnprescribedFlow("bed1", Limits(), lambda *_: None, lambda: stops.append(1))
    flow.found(0)
    for second, state in enumerate(states, 1):
        flow.check(reading(state, second), second * S)
    return flow.stopping, len(stops)


@pytest.mark.requirement("STP-04")
@pytest.mark.parametrize("state", PumpState)
def test_only_a_pump_without_flow_now_or_soon_is_confirmed_to_have_stopped(state):
    stopping, stops = watched([state] * 4)
    assert stopping is (state not in NO_FLOW)
    assert bool(stops) is (state not in NO_FLOW)


@pytest.mark.requirement("STP-04")
def test_a_pump_that_waits_in_between_starts_the_proof_over():
    assert watched([PumpState.STOPPED, PumpState.STOPPED, PumpState.WAITING, PumpState.STOPPED])[0]


@pytest.mark.requirement("STP-04")
def test_stopped_takes_two_readings_over_two_seconds_with_the_same_volume_asked_for_after_the_stop():
    def after(*readings, asked_from_ns=None):
        since, last = None, None
        for each in readings:
            since, last = no_flow_since(since, last, each, asked_from_ns), each
        return stopped(since, last, 2 * S)

    one, two, three = (reading(PumpState.STOPPED, second) for second in (1, 2, 3))
    assert not after()
    assert not after(three)
    assert not after(one, two)
    assert after(one, two, three)
    assert after(one, three)
    assert not after(one, two, reading(PumpState.STOPPED, 3, "3.01"))
    assert not after(one, two, three, asked_from_ns=2 * S)
