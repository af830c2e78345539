"""Rules for every step from LOADING, READY, ARMED, PAUSED and TRIPPED."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import PumpState
from tests.exploration.rules.rule import pauses_used_up, rule
from tests.exploration.step import RESUMABLE, Step


@rule("at_rest", on=ev.ReadingTaken)
def flow_at_rest_stops(s: Step) -> bool:
    """A pump that nobody here started, and that is neither stopped nor in alarm, is stopped and the trip latched."""
    r = s.answer
    quiet = r is None or r.state in (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)
    return quiet or s.stops


@rule("at_rest", on=ev.ReadingTaken)
def growth_at_rest_stops(s: Step) -> bool:
    """If the counter grew while nobody here let the pump flow, it is stopped and the trip latched."""
    return s.reading is None or not s.noted.grew or s.stops


@rule("at_rest")
def pause_is_bounded(s: Step) -> bool:
    """At the first event after its pauses or its window are used up, an infusion at rest ends."""
    if s.event is None or s.before.state is State.TRIPPED or isinstance(s.event, ev.StopRequested):
        return True
    w = s.noted
    over = w.window_closed or pauses_used_up(s)
    return not over or s.after.state not in (State.LOADING, State.READY, State.ARMED, State.PAUSED, State.STARTING)


@rule("at_rest", on=ev.TripsCleared)
def same_trip_again_ends(s: Step) -> bool:
    """The same trip, repeated up to the limit, ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED or s.in_doubt:
        return True
    often = any(s.noted.latches.count(code) >= s.slice.same_trips for code in s.before.trips)
    return not often or s.after.state is State.STOPPED


@rule("at_rest", on=ev.TripsCleared)
def final_trip_ends(s: Step) -> bool:
    """A trip after which nobody may resume ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED or s.in_doubt:
        return True
    return s.after.state is State.STOPPED or not set(s.before.trips) - RESUMABLE


@rule("at_rest")
def read_back_before_ready(s: Step) -> bool:
    """READY follows a read-back that is equal."""
    if s.before.state is not State.LOADING or s.after.state is not State.READY:
        return True
    return isinstance(s.event, ev.ProgramReadBack) and s.noted.back_ok
