"""What matters in each state: while waiting, in flow, and during a stop."""

from pumpd.infusion import Infusion, State
from pumpd.pump import AlarmCode, PumpAlarm, PumpState
from tests.exploration.key.ages import age, ago, remains
from tests.exploration.key.clock import Future, Key
from tests.exploration.slices import NEVER, TICK, Slice, units, volume
from tests.exploration.step import FLOW
from tests.exploration.world import World

Points = tuple[tuple[int, int], ...]  # ticks, units counted


def of_state(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    if i.state.ending:
        return _ending(sl, i, w, future)
    if i.state in FLOW:
        return _flow(sl, i, w)
    return _waiting(sl, i, w)


def _waiting(sl: Slice, i: Infusion, w: World) -> Key:
    now, r = w.now, i.reading
    loading = i.started_ns is not None and (i.state is State.LOADING or w.plan is not None or sl.groups_know("cable"))
    kept = i.load_unknown or (loading and sl.groups_know("load", "restart", "cable"))  # it may come to be unknown
    counter: Key = (
        None if r is None else r.delivered,
        -1 if r is None or not kept else age(r.asked_ns, now, max(w.whole, sl.lease)),  # it may have given more since
        (i.loaded, i.load_unknown, w.loaded, w.reported),
        i.flow_since_ns is None,
    )
    expires = age(i.ordered_ns, now, sl.expires) if sl.expires != NEVER and i.started_ns is None else 0
    counter = (*counter, expires)
    match i.state:
        case State.ORDERED | State.LOADING:
            cut = 0 if sl.loaded_within == NEVER else sl.loaded_within
            since = i.ordered_ns if i.started_ns is None else i.since_ns
            since = max(since, i.identified_ns or since)
            waits: Key = (age(since, now, cut), ago(w.loading, now, cut))
            if i.doubted_ns is not None and w.doubted is not None:
                waits = ()  # until it is identified; then it waits again
            stale = (age(i.since_ns, now, 1), age(i.read_back_from_ns, now, 1), ago(w.back_from, now, 1))
            asked = stale if sl.groups_know("stale") else ()
            return (*counter, remains(i.challenge, now), waits, asked)
        case State.READY:
            return (*counter, remains(i.challenge, now), remains(w.open, now))
        case State.PAUSED:
            since_ns = now * TICK if i.resuming_ns is None else i.resuming_ns  # a resume would be requested now
            asked = r is not None and r.asked_ns >= since_ns
            return (*counter, age(i.resuming_ns, now, sl.read_back_within), asked, w.plan)
        case State.ARMED:
            seen: Key = ()
            if r is not None:
                seen = (r.state, age(r.asked_ns, now, 2), age(r.answered_ns, now, 2), frozenset(r.alarms))
                seen += (r.asked_ns >= i.since_ns,)
            idle = (ago(w.idle_at, now, 2), w.idle_at is not None and w.idle_at >= w.permit_at)
            late = sl.read_back_within
            permit = (w.permit is None, ago(w.permit_at, now, late), w.back_ok)
            since = age(i.since_ns, now, late)
            return (
                *counter,
                seen,
                since,
                i.read_back is None,
                min(remains(i.confirmed, now), late - since),  # it may expire before it is too late to start
                idle,
                permit,
            )
        case _:
            return counter


def _flow(sl: Slice, i: Infusion, w: World) -> Key:
    now, r = w.now, i.reading
    far = max(w.most - w.flowed, sl.lease) + 2
    seen: Key = ()
    if r is not None:
        since = -1 if i.flow_since_ns is None else i.flow_since_ns
        shown = PumpState.STOPPED if r.state is PumpState.PAUSED else r.state  # only an idle pump differs in that
        # A count of nothing may come to be a lost one: all that could flow since then is booked (see `_ending`).
        late = sl.lease + 2 if r.delivered.decimal else max(sl.lease + 2, _all_flows_within(w))
        seen = (shown, age(r.asked_ns, now, late), age(r.answered_ns, now, late))
        seen += (r.asked_ns >= since, r.asked_ns > since)
        seen += (r.rate if r.state.flowing else None, r.delivered)
    return (
        seen,
        age(i.since_ns, now, 2) if i.state is State.STARTING else 0,
        None if i.lease_until_ns is None else max(i.lease_until_ns // TICK - now, 0),
        None if w.lease is None else max(w.lease - now, 0),
        i.start_answered,
        age(i.flow_since_ns, now, far),
        min(i.integral, volume(sl.dose * 6)),  # beyond that it is a mismatch whatever is counted
        _points(sl, w, tuple((x.at_ns // TICK, units(x.delivered)) for x in i.samples), far),
        _points(sl, w, _track(sl, w), far),
        age(i.no_flow_since_ns, now, far),
        None if w.still is None else (ago(w.still[0], now, far), w.still[1]),
        AlarmCode.FLOW_DEVIATION in i.alarms,
        (i.loaded, w.loaded, w.reported),
    )


def _all_flows_within(w: World) -> int:
    """Ticks in which the whole order flows: no more is booked for a longer time."""
    return -(-w.ordered // w.rate)


def _points(sl: Slice, w: World, points: Points, far: int) -> Key:
    """What was counted, and when. Where no pump runs at a rate of its own and no counter lies, what follows deviates
    from all points on one line alike, so the last stands for them; of the oldest it matters whether it is old enough.
    """
    old: Key = ()
    if sl.counter_step == 1 and not sl.groups_know("speed", "slow", "counter") and _on_a_line(w, points[1:]):
        if _on_a_line(w, points):
            old, points = (ago(points[0][0], w.now, sl.deviation_for),) if points else (), points[-1:]
        else:
            points = (*points[:2], *points[2:][-1:])
    return (*old, *((ago(tick, w.now, far), counted) for tick, counted in points))


def _on_a_line(w: World, points: Points) -> bool:
    """The growth between each of these points and the last one is what was programmed."""
    return all(points[-1][1] - counted == w.growth(counted, points[-1][0] - tick) for tick, counted in points)


def _track(sl: Slice, w: World) -> tuple[tuple[int, int], ...]:
    """The beginning, and what is not older than the youngest point that is old enough for a mean."""
    old = [n for n, (tick, _) in enumerate(w.track) if w.now - tick >= sl.mean_over]
    return (w.track[0], *w.track[old[-1] :]) if old and old[-1] > 1 else w.track


def _ending(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    now, r = w.now, i.reading
    asking = sl.groups_know("reconcile")
    stop_cut = max(sl.stop_alarm, sl.lease) if asking else sl.stop_alarm
    still_cut = 1 if future is Future.END else sl.pause_single
    seen: Key = ()
    if r is not None:
        stop_ns = i.stop_since_ns or 0
        lossy = sl.groups_know("supply", "counter") or not r.delivered.decimal
        seen = (
            r.delivered,
            r.state.flowing and (lossy or bool(i.unaccounted.decimal)),
            age(r.answered_ns, now, max(_all_flows_within(w) if lossy else 0, sl.lease if asking else 0)),
            PumpAlarm.PUMP_RESET in r.alarms,
            (asking and r.asked_ns < stop_ns, asking and r.asked_ns > stop_ns),
            not r.delivered.decimal and i.flow_since_ns is not None and r.asked_ns > i.flow_since_ns,
            i.no_flow_since_ns is not None and min((r.answered_ns - i.no_flow_since_ns) // TICK, 1),
        )
    return (
        seen,
        age(i.stop_since_ns, now, stop_cut),
        age(i.stop_sent_ns, now, 1),
        age(i.no_flow_since_ns, now, still_cut),
        age(i.flow_since_ns, now, w.whole if r is None else 3 if sl.groups_know("late") else 1),
        (i.then, w.wanted),
        (i.loaded, i.load_unknown, w.loaded, w.reported),
        None if w.still is None else (ago(w.still[0], now, still_cut), w.still[1]),
        ago(w.stop_last, now, 1),
        ago(w.stop_first, now, stop_cut),
        ago(w.answered, now, 2) if asking else 0,
    )
