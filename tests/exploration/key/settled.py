"""A stop under way, or a trip, of a pump that cannot flow again, in an infusion after which nothing comes.

Nothing that it gave changes any more. Of all volumes there remains what the next reading does: whether the counter is
where it was read last, whether too much was counted, and whether what is booked covers what was given.
"""

from pumpd.infusion import Infusion, State
from pumpd.pump import Reading
from tests.exploration.key.ages import age, ago
from tests.exploration.key.clock import Future, Key
from tests.exploration.slices import NORMAL, Slice, units
from tests.exploration.world import World


def is_settled(sl: Slice, i: Infusion, w: World, future: Future) -> bool:
    waits = i.state.ending or i.state is State.TRIPPED
    if not waits or future is not Future.END or w.rests or w.flowing or w.start_left:
        return False
    simple = sl.counter_step == 1 and not sl.groups_know("late")  # else a count of nothing may come to be a lost one
    return simple and not sl.groups_know("panel", "unseen", "supply", "counter", "cable", "reconcile")


def settled(sl: Slice, i: Infusion, w: World) -> Key:
    now, r, shown = w.now, i.reading, w.counter
    was = None if r is None else units(r.delivered)
    counted = _next(units(i.counted), was, shown, whole=i.loaded)
    counted_w = _next(w.counted, w.reported, shown, whole=w.loaded)
    most = max(units(i.segment.program.vtbi), counted)
    before, lost = units(i.given_before), units(i.unaccounted)
    given = w.given - w.earlier
    covered = w.speed > NORMAL or given <= before + min(counted + lost, most)
    read = tuple(None if last is None else _sign(last - shown) for last in (was, w.reported))
    true = (w.lied or (covered, before + counted - given), i.load_unknown)
    if i.state is State.TRIPPED:
        return (*true, read, counted > units(i.counted_when_stopped))
    return (
        *true,
        read,
        (max(counted - w.vtbi, 0), max(before + counted - w.ordered, 0), max(counted_w - w.vtbi, 0)),
        bool(i.unaccounted.decimal) or _may_vanish(i, r, now),
        r is not None and i.no_flow_since_ns is not None and r.answered_ns > i.no_flow_since_ns,
        (age(i.no_flow_since_ns, now, 1), None if w.still is None else (ago(w.still[0], now, 1), w.still[1] == shown)),
        (age(i.stop_since_ns, now, sl.stop_alarm), ago(w.stop_first, now, sl.stop_alarm)),
        (age(i.stop_sent_ns, now, 1), ago(w.stop_last, now, 1)),
        (i.then, w.wanted, bool(i.trips), w.latched),
        w.start_open,
    )


def _next(counted: int, last: int | None, shown: int, *, whole: bool) -> int:
    """What will be counted with the next reading."""
    if whole:
        return max(counted, shown)
    if last is None:
        return counted
    return counted + (shown - last if shown >= last else shown)


def _may_vanish(i: Infusion, r: Reading | None, now: int) -> Key:
    """A pump that has counted nothing may have lost its count, if it was not read for long enough."""
    if r is not None and r.delivered.decimal:
        return ()
    if r is not None and not r.state.flowing and i.flow_since_ns is not None and r.asked_ns > i.flow_since_ns:
        return ()
    return (age(i.flow_since_ns if r is None else r.answered_ns, now, 1), age(i.flow_since_ns, now, 1))


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
