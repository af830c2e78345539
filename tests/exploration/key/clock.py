"""What can still come of an infusion, and the time against the limits that may still matter for it."""

from enum import StrEnum

from pumpd.infusion import Infusion, State
from tests.exploration.key.ages import age, ago
from tests.exploration.slices import TICK, Slice
from tests.exploration.step import FLOW
from tests.exploration.treatment import LONGEST
from tests.exploration.world import World

Key = tuple[object, ...]


class Future(StrEnum):
    """What can still come of an infusion that does not flow, by the alphabet of its slice."""

    FLOW = "it may flow again"
    PAUSE = "it may wait in a pause, until that is over"
    END = "it ends"


def future_of(sl: Slice, i: Infusion, *, resumable: bool) -> Future:
    state = i.state
    if state in FLOW or state in (State.ORDERED, State.LOADING, State.READY, State.ARMED):
        return Future.FLOW
    if state.ended:
        return Future.END
    asked = i.then is State.STOPPED and (bool(i.trips) or not sl.groups_know("occlusion", "alarm"))
    if not resumable or asked:  # an alarm during a stop that a person asked for would be latched
        return Future.END
    paused = state in (State.PAUSED, State.PAUSING) or sl.groups_know("clear")
    if not paused:
        return Future.END
    return Future.FLOW if sl.groups_know("resume") else Future.PAUSE


def clock(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    """The time against the limits that may still matter."""
    now = w.now
    running = i.running_ns(now * TICK) // TICK
    # A confirmed stop counts from the first reading that shows no flow, unless flow is seen again.
    back = back_w = 0
    if i.state.ending and i.no_flow_since_ns is not None and i.flow_ended_ns is None:
        back = now - i.no_flow_since_ns // TICK
    if i.state.ending and w.still is not None and w.run_to is None:
        back_w = now - w.still[0]
    longest = LONGEST + 1
    recorded = (min(running - back, longest), min(running, longest)) if w.rests else ()
    if future is Future.END:
        return (recorded, i.flow_ended_ns is None) if w.rests else ()
    ended = age(i.flow_ended_ns, now, sl.pause_single)
    ended_w = ago(w.run_to, now, sl.pause_single)
    elapsed = time_left(sl, w, running)
    if i.state not in FLOW and not i.state.ending:
        left = _left(sl, w, running, ended)
        left_w = _left(sl, w, w.running, ended_w)
        if future is Future.PAUSE or (left == 0 and left_w == 0):
            return (recorded, left, left_w)
    pauses = i.pauses if sl.groups_know("pause") else 0
    ran = (running, running - back, w.running, w.running - back_w)
    flow = tuple(max(w.most - w.flowed - each, 0) for each in ran)
    paused = min(w.elapsed - running, sl.pause_total) if sl.groups_know("pause", "clear") else 0
    return (recorded, elapsed, flow, paused, ended, ended_w, pauses)


def time_left(sl: Slice, w: World, running: int) -> int:
    """Ticks until the window closes by the time since the start; no more than the flow and the pauses that are left."""
    flow = max(w.most - w.flowed - running, 0)
    pauses = max(sl.pause_total - (w.elapsed - running), 0) + sl.flowing_within  # a start that is answered late
    return max(min(w.longest - w.elapsed, flow + pauses + 1), 0)


def _left(sl: Slice, w: World, running: int, ended: int) -> int:
    """Ticks until a pause must end."""
    if w.flowed + running >= w.most:
        return 0
    left = min(w.longest - w.elapsed, sl.pause_total - (w.elapsed - running))
    return max(left if ended < 0 else min(left, sl.pause_single - ended), 0)
