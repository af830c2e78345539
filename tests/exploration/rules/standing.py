"""What holds of every step out of LOADING, READY, ARMED, PAUSED and TRIPPED."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import PumpState
from tests.exploration.rules.rule import pauses_used_up, rule
from tests.exploration.step import RESUMABLE, Step


@rule("standing")
def flow_at_a_stand_stops(s: Step) -> bool:
    """A pump that is seen neither standing nor in alarm, where nobody started it, is stopped and latched."""
    r = s.reading
    quiet = r is None or r.state in (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)
    return quiet or s.stops


@rule("standing")
def growth_at_a_stand_stops(s: Step) -> bool:
    """A counter that grew while nobody here let the pump flow is stopped and latched."""
    return s.reading is None or not s.told.grew or s.stops


@rule("standing")
def pause_is_bounded(s: Step) -> bool:
    """At the first event after its pauses or its window are used up, an infusion that stands is over."""
    if s.event is None or s.before.state is State.TRIPPED or isinstance(s.event, ev.StopRequested):
        return True
    w = s.told
    over = w.started is not None and (w.elapsed >= s.slice.elapsed or w.running >= s.slice.most or pauses_used_up(s))
    return not over or s.after.state not in (State.LOADING, State.READY, State.ARMED, State.PAUSED, State.STARTING)


@rule("standing")
def same_trip_again_ends(s: Step) -> bool:
    """The same trip as often as the limit says ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED:
        return True
    often = any(s.told.latches.count(code) >= s.slice.same_trips for code in s.before.trips)
    return not often or s.after.state is State.STOPPED


@rule("standing")
def final_trip_ends(s: Step) -> bool:
    """A trip that nobody may resume from ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED:
        return True
    return s.after.state is State.STOPPED or not set(s.before.trips) - RESUMABLE


@rule("standing")
def read_back_before_ready(s: Step) -> bool:
    """READY follows a read-back that is equal."""
    if s.before.state is not State.LOADING or s.after.state is not State.READY:
        return True
    return isinstance(s.event, ev.ProgramReadBack) and s.told.back_ok
