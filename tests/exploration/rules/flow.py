"""Rules for every step from STARTING, RUNNING and COMPLETING."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import PumpState, Refused
from tests.exploration.rules.rule import proved, rule
from tests.exploration.slices import RATES, TICK, units
from tests.exploration.step import FLOW, Step
from tests.exploration.witness import NO_FLOW


@rule("flow", on=ev.StartAnswered)
def refused_start_stops(s: Step) -> bool:
    """A start that was refused ends in a stop."""
    event = s.event
    if s.before.state is not State.STARTING or not isinstance(event, ev.StartAnswered):
        return True
    return not isinstance(event.outcome, Refused) or s.stops


@rule("flow")
def no_flow_in_time_stops(s: Step) -> bool:
    """A start is stopped if no flow is seen after its answer in time."""
    if s.event is None or s.before.state is not State.STARTING or s.after.state is not State.STARTING:
        return True
    return s.noted.now * TICK - s.before.since_ns < s.slice.flowing_within * TICK


@rule("flow")
def running_was_seen(s: Step) -> bool:
    """RUNNING follows an answer to the start and a reading, asked for after it, of a pump that infuses."""
    if s.before.state is not State.STARTING or s.after.state is not State.RUNNING:
        return True
    w = s.noted
    return not w.start_open and w.asked is not None and w.run_from is not None and w.asked >= w.run_from


@rule("flow")
def lapsed_lease_stops(s: Step) -> bool:
    """The first event at or after the lease's end stops."""
    return s.event is None or s.noted.lease is None or s.noted.now < s.noted.lease or s.after.state not in FLOW


@rule("flow", on=ev.ReadingTaken)
def alarm_stops(s: Step) -> bool:
    """A pump alarm stops and latches."""
    r = s.reading
    alarm = r is not None and (r.state is PumpState.ALARM or any(a.stops_flow for a in r.alarms))
    return not alarm or s.stops


@rule("flow", on=ev.ReadingTaken)
def change_at_the_panel_stops(s: Step) -> bool:
    """Flow at another rate, no flow before the volume, flow after it, a pump that waits: each stops."""
    r, w = s.reading, s.noted
    if r is None or r.state is PumpState.ALARM:
        return True
    if r.state is PumpState.INFUSING:
        near = {
            RATES[w.rate_at(w.counted + more)] for more in (-1, 0, 1)
        }  # rate and volume are read one after the other
        return (r.rate in near and s.before.state is not State.COMPLETING) or s.stops
    early = s.before.state is State.RUNNING and w.counted < w.vtbi - 1
    return (r.state in NO_FLOW and not early) or s.stops


@rule("flow", on=ev.ReadingTaken)
def too_much_counted_stops(s: Step) -> bool:
    """A counter past the volume by more than 0.05 mL stops."""
    return s.reading is None or s.noted.counted < s.noted.vtbi + 2 or s.stops


@rule("flow", on=ev.ReadingTaken)
def counter_going_back_stops(s: Step) -> bool:
    """A counter that goes back stops."""
    back = s.reading is not None and units(s.reading.delivered) < s.noted.counted
    return s.before.state is not State.RUNNING or not back or s.stops


def _growth(s: Step, since: tuple[int, int]) -> tuple[int, int]:
    """The volume counted since then, and the volume programmed for that time."""
    w = s.noted
    return w.counted - since[1], w.growth(since[1], w.now - since[0])


def _track(s: Step) -> tuple[tuple[int, int], ...]:
    """The track up to now if this reading shows flow while running and adds a point to it; otherwise nothing."""
    r, track = s.reading, s.noted.track
    steady = s.before.state is State.RUNNING and r is not None and r.state.flowing
    return track if steady and len(track) > 1 and track[-1][0] == s.noted.now else ()


@rule("flow", on=ev.ReadingTaken)
def twice_the_rate_stops(s: Step) -> bool:
    """At least twice the programmed growth over a tick or more stops at once."""
    track = _track(s)
    if not track:
        return True
    counted, expected = _growth(s, track[-2])
    return not (expected > 2 * s.noted.slack and counted >= 2 * expected) or s.stops


@rule("flow", on=ev.ReadingTaken)
def no_growth_stops(s: Step) -> bool:
    """No growth over a tick or more while the pump reports infusing stops."""
    track = _track(s)
    if not track:
        return True
    counted, expected = _growth(s, track[-2])
    return not (expected > 2 * s.noted.slack and counted == 0) or s.stops


def _longest(s: Step, ticks: int) -> tuple[int, int]:
    """Growth over the longest stretch within the time for a mean, if it is that long; otherwise (0, 0)."""
    track = _track(s)
    if not track:
        return 0, 0
    old = [point for point in track if s.noted.now - point[0] >= s.slice.mean_over]
    oldest = old[-1] if old else track[0]
    return _growth(s, oldest) if s.noted.now - oldest[0] >= ticks else (0, 0)


@rule("flow", on=ev.ReadingTaken)
def faster_than_programmed_stops(s: Step) -> bool:
    """Where the floor is low, one unit too much over the time for a deviation stops."""
    counted, expected = _longest(s, s.slice.deviation_for)
    return s.slice.deviation_floor != "0.5" or counted - expected < 1 + s.noted.slack or s.stops


@rule("flow", on=ev.ReadingTaken)
def mean_rate_is_bounded(s: Step) -> bool:
    """Where no other guard applies, a mean above 105 % over the time for a mean stops."""
    counted, expected = _longest(s, s.slice.mean_over)
    return s.slice.mean_percent != 105 or counted - expected < 1 + s.noted.slack or s.stops


@rule("flow", on=ev.ReadingTaken)
def mismatch_stops(s: Step) -> bool:
    """Where the floor is low, a count four units above what the rate adds up to stops."""
    r, w = s.reading, s.noted
    if s.slice.mismatch_floor != "0.1" or s.before.state is not State.RUNNING or r is None:
        return True
    return not w.track or w.counted - w.rate * (w.now - w.track[0][0]) < 4 + w.slack or s.stops


@rule("flow", on=ev.ReadingTaken)
def whole_volume_not_too_soon(s: Step) -> bool:
    """Giving the whole volume before 95 % of the time stops."""
    w = s.noted
    whole = s.reading is not None and w.before + w.counted >= w.ordered - 1
    return s.before.state is not State.RUNNING or not whole or w.flowed + w.running >= w.window or s.stops


@rule("flow")
def window_closes(s: Step) -> bool:
    """From the first event after 105 % of flow time, or 150 % in total, no flow is permitted."""
    return s.event is None or not s.noted.window_closed or s.after.state not in FLOW


@rule("flow", on=ev.JournalFailed)
def journal_failing_stops(s: Step) -> bool:
    """A journal that cannot be written stops."""
    return not isinstance(s.event, ev.JournalFailed) or s.stops


@rule("flow", on=ev.DeadmanFailed)
def deadman_failing_alone_stops(s: Step) -> bool:
    """A failed deadman stops a flow that nothing else would end in time."""
    return not (isinstance(s.event, ev.DeadmanFailed) and s.event.alone) or s.stops


@rule("flow")
def pauses_are_counted(s: Step) -> bool:
    """Not more pauses than allowed."""
    return s.world.pauses <= s.slice.pauses


@rule("flow")
def completed_when_given(s: Step) -> bool:
    """COMPLETED only with the volume counted, and after two readings a tick apart that show no flow."""
    if s.after.state is not State.COMPLETED:
        return True
    return s.noted.before + s.noted.counted >= s.noted.ordered - 1 and proved(s)
