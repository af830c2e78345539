"""The abstraction: which facts about an infusion and its world distinguish two nodes of the search.

Instants become ages, cut where no limit and no rule can distinguish them. Left out are texts, records, names;
which alarms are shown, except the two that rules ask for; which trips are latched, except whether there are any,
whether a person may resume after them and whether one is a doubt; and in each state what is written again before
anything reads it. What is left out must not matter: `test_slices` takes pairs of nodes with one key, lets everything
happen to both, and expects the same answers and again the same key.
"""

from enum import StrEnum

from pumpd.infusion import Infusion, State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpAlarm
from tests.exploration.slices import NEVER, RATES, TICK, Slice, units, volume
from tests.exploration.step import FLOW, RESUMABLE
from tests.exploration.treatment import LONGEST
from tests.exploration.world import Line, World

Key = tuple[object, ...]


def key(sl: Slice, i: Infusion, w: World) -> Key:
    state = i.state
    doubt = AlarmCode.DELIVERY_UNCERTAIN in i.alarms and sl.groups_know("reconcile")  # nothing else asks for it
    resumable = set(i.trips) <= RESUMABLE
    future = _future(sl, i, resumable=resumable)
    pump = _pump(sl, i, w, future)
    cable = _cable(sl, i, w) if sl.groups_know("cable") else ()
    treatment = _treatment(i, w, pump)
    if state.ended:
        return (state, doubt, treatment, *cable, *_ended(sl, i, w, pump, doubt=doubt))
    most = max(sl.container, w.vtbi + 4) + 1  # above this all counts are alike: no display is believed
    return (
        state,
        pump,
        treatment,
        cable,
        _of_state(sl, i, w, future),
        () if i.started_ns is None else _clock(sl, i, w, future),
        (min(i.counted, volume(most)), i.given_before, w.before, min(w.counted, most), w.vtbi),
        (bool(i.trips), resumable, doubt, AlarmCode.DELIVERY_UNCERTAIN in i.trips, w.latched, w.uncertain),
        (w.start_open, w.load_open, w.back_open, w.used is None and sl.groups_know("forge")),
        min(i.unaccounted, volume(w.ordered)),  # no more is ever booked
        () if sl.same_trips == NEVER else (frozenset(i.trips), _latest(sl, i, w)),
    )


class Future(StrEnum):
    """What can still come of an infusion that does not flow, by the alphabet of its slice."""

    FLOW = "it may flow again"
    PAUSE = "it may wait in a pause, until that is over"
    END = "it ends"


def _future(sl: Slice, i: Infusion, *, resumable: bool) -> Future:
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


def _pump(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    """What a lying counter, or a person, has made unknowable is dropped: no rule speaks of it any more."""
    true = not w.lied
    return (
        w.held if future is not Future.END or w.held is None else w.held[0],
        w.flowing,
        w.by_panel and (w.flowing or w.unseen or sl.groups_know("cable")),
        w.shown,
        w.given if true else 0,
        (w.speed, w.pace),
        w.lied,
        w.unseen and true,
        w.lost and true and sl.groups_know("panel", "unseen"),
        w.blink and true,
        w.start_left,
        w.stop_pending,
    )


def _treatment(i: Infusion, w: World, pump: Key) -> Key:
    """What the deliveries before gave, and how much time is left; while the rest can be ordered, what was given now."""
    if i.state.ended and not (w.rests and w.first is not None and not w.by_hand):
        return ()  # nothing follows
    booked = sum((each.booked for each in w.record), volume(0))
    record = (booked, min(sum(each.running_ns for each in w.record), (LONGEST + 1) * TICK))
    now = (pump, w.used is None) if i.state.ended else ()
    late = 0 if w.closes == NEVER else _ago(w.first, w.now, w.closes)
    return (w.delivery, 0 if w.lied else w.earlier, w.ordered, w.rate, record, late, w.first is None, w.by_hand, now)


def _cable(sl: Slice, i: Infusion, w: World) -> Key:
    """Where it leads, and what is known of that; how long only where an order waits."""
    if i.state.ended:
        return (w.line, w.other, w.line is Line.OTHER and w.others)
    waits = sl.identified_within if i.state is State.ORDERED and sl.identified_within != NEVER else 0
    quiet = i.doubted_reading is not None and i.doubted_reading.state.no_flow
    return (
        (w.line, w.other),
        _ago(w.answered, w.now, 2) if sl.groups_know("reconcile") else 0,  # a doubt keeps the last answer
        (_age(i.doubted_ns, w.now, waits), _ago(w.doubted, w.now, waits)),
        (quiet, w.quiet) if i.doubted_ns is not None or w.doubted is not None else (),
        (i.mismatched, w.mismatched, w.others) if i.doubted_ns is not None or w.doubted is not None else (),
    )


def _ended(sl: Slice, i: Infusion, w: World, pump: Key, *, doubt: bool) -> Key:
    """What still matters: whether a stop or anything else is sent, and what a person reads at the pump."""
    if doubt and sl.groups_know("reconcile"):
        return (*pump, i.counted, w.counted, w.loaded, i.unaccounted)
    if w.flowing or w.start_left or sl.groups_know("panel", "unseen"):
        return pump
    return (w.held is None,)


def _of_state(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    if i.state.ending:
        return _ending(sl, i, w, future)
    if i.state in FLOW:
        return _flow(sl, i, w)
    return _waiting(sl, i, w)


def _age(at_ns: int | None, now: int, cut: int) -> int:
    return -1 if at_ns is None else min(now - at_ns // TICK, cut)


def _ago(tick: int | None, now: int, cut: int) -> int:
    return -1 if tick is None else min(now - tick, cut)


def _remains(binding: ev.Binding | None, now: int) -> int:
    return -1 if binding is None else max(binding.expires_ns // TICK - now, 0)


def _waiting(sl: Slice, i: Infusion, w: World) -> Key:
    now, r = w.now, i.reading
    kept = i.load_unknown or (i.started_ns is not None and (i.state is State.LOADING or sl.groups_know("cable")))
    counter: Key = (
        None if r is None else r.delivered,
        -1 if r is None or not kept else _age(r.asked_ns, now, max(w.whole, sl.lease)),  # it may have given more since
        (i.loaded, i.load_unknown, w.loaded, w.reported),
        i.flow_since_ns is None,
    )
    expires = _age(i.ordered_ns, now, sl.expires) if sl.expires != NEVER and i.started_ns is None else 0
    counter = (*counter, expires)
    match i.state:
        case State.ORDERED | State.LOADING:
            cut = 0 if sl.loaded_within == NEVER else sl.loaded_within
            since = i.ordered_ns if i.started_ns is None else i.since_ns
            since = max(since, i.identified_ns or since)
            waits: Key = (_age(since, now, cut), _ago(w.loading, now, cut))
            if i.doubted_ns is not None and w.doubted is not None:
                waits = ()  # until it is identified; then it waits again
            stale = (_age(i.since_ns, now, 1), _age(i.read_back_from_ns, now, 1), _ago(w.back_from, now, 1))
            asked = stale if sl.groups_know("stale") else ()
            return (*counter, _remains(i.challenge, now), waits, asked)
        case State.READY:
            return (*counter, _remains(i.challenge, now), _remains(w.open, now))
        case State.PAUSED:
            since_ns = now * TICK if i.resuming_ns is None else i.resuming_ns  # a resume would be requested now
            asked = r is not None and r.asked_ns >= since_ns
            return (*counter, _age(i.resuming_ns, now, sl.read_back_within), asked, w.plan)
        case State.ARMED:
            seen: Key = ()
            if r is not None:
                seen = (r.state, _age(r.asked_ns, now, 2), _age(r.answered_ns, now, 2), frozenset(r.alarms))
                seen += (r.asked_ns >= i.since_ns,)
            idle = (_ago(w.idle_at, now, 2), w.idle_at is not None and w.idle_at >= w.permit_at)
            permit = (w.permit is None, _ago(w.permit_at, now, 3), w.back_ok)
            return (
                *counter,
                seen,
                _age(i.since_ns, now, 3),
                i.read_back is None,
                _remains(i.confirmed, now),
                idle,
                permit,
            )
        case _:
            return counter


def _flow(sl: Slice, i: Infusion, w: World) -> Key:
    now, r = w.now, i.reading
    far = max(w.longest, sl.lease) + 2
    seen: Key = ()
    if r is not None:
        since = -1 if i.flow_since_ns is None else i.flow_since_ns
        seen = (r.state, _age(r.asked_ns, now, sl.lease + 2), _age(r.answered_ns, now, sl.lease + 2))
        seen += (r.asked_ns >= since, r.asked_ns > since)
        seen += (r.rate == RATES[w.rate], r.delivered)
    return (
        seen,
        _age(i.since_ns, now, 2) if i.state is State.STARTING else 0,
        None if i.lease_until_ns is None else max(i.lease_until_ns // TICK - now, 0),
        None if w.lease is None else max(w.lease - now, 0),
        i.start_answered,
        _age(i.flow_since_ns, now, far),
        min(i.integral, volume(sl.dose * 6)),  # beyond that it is a mismatch whatever is counted
        tuple((_age(x.at_ns, now, far), x.delivered) for x in i.samples),
        tuple((_ago(tick, now, far), counted) for tick, counted in _track(sl, w)),
        _age(i.no_flow_since_ns, now, far),
        None if w.still is None else (_ago(w.still[0], now, far), w.still[1]),
        AlarmCode.FLOW_DEVIATION in i.alarms,
        (i.loaded, w.loaded, w.reported),
    )


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
        left = w.ordered if lossy else max(w.vtbi - units(i.accounted), 0)  # the most that may be booked in addition
        seen = (
            r.delivered,
            r.state.flowing and (lossy or bool(i.unaccounted.decimal)),
            _age(r.answered_ns, now, max(-(-left // w.rate), sl.lease if asking else 0)),
            PumpAlarm.PUMP_RESET in r.alarms,
            (asking and r.asked_ns < stop_ns, asking and r.asked_ns > stop_ns),
            not r.delivered.decimal and i.flow_since_ns is not None and r.asked_ns > i.flow_since_ns,
            i.no_flow_since_ns is not None and min((r.answered_ns - i.no_flow_since_ns) // TICK, 1),
        )
    return (
        seen,
        _age(i.stop_since_ns, now, stop_cut),
        _age(i.stop_sent_ns, now, 1),
        _age(i.no_flow_since_ns, now, still_cut),
        _age(i.flow_since_ns, now, w.whole if r is None else 1),
        (i.then, w.wanted),
        (i.loaded, i.load_unknown, w.loaded, w.reported),
        None if w.still is None else (_ago(w.still[0], now, still_cut), w.still[1]),
        _ago(w.stop_last, now, 1),
        _ago(w.stop_first, now, stop_cut),
        _ago(w.answered, now, 2) if asking else 0,
    )


def _clock(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    """The time against the limits that may still matter."""
    now = w.now
    running = i.running_ns(now * TICK) // TICK
    # A confirmed stop counts from the first reading that shows no flow, unless flow is seen again.
    back = back_w = 0
    if i.state.ending and i.no_flow_since_ns is not None and i.flow_ended_ns is None:
        back = now - i.no_flow_since_ns // TICK
    if i.state.ending and w.still is not None and w.run_to is None:
        back_w = now - w.still[0]
    recorded = min(running - back, LONGEST + 1) if w.rests else 0
    if future is Future.END:
        return (recorded, min(running, LONGEST + 1), i.flow_ended_ns is None) if w.rests else ()
    ended = _age(i.flow_ended_ns, now, sl.pause_single)
    ended_w = _ago(w.run_to, now, sl.pause_single)
    elapsed = min(w.elapsed, w.longest)
    if i.state not in FLOW and not i.state.ending:
        left = _left(sl, w, running, ended)
        left_w = _left(sl, w, w.running, ended_w)
        if future is Future.PAUSE or (left == 0 and left_w == 0):
            return (recorded, left, left_w)
    most = LONGEST + 1 if w.rests else w.most
    pauses = i.pauses if sl.groups_know("pause") else 0
    ran = (min(running, most), min(running - back, most), min(w.running, most), min(w.running - back_w, most))
    return (elapsed, ran, ended, ended_w, pauses)


def _left(sl: Slice, w: World, running: int, ended: int) -> int:
    """Ticks until a pause must end."""
    if w.flowed + running >= w.most:
        return 0
    left = min(w.longest - w.elapsed, sl.pause_total - (w.elapsed - running))
    return max(left if ended < 0 else min(left, sl.pause_single - ended), 0)


def _latest(sl: Slice, i: Infusion, w: World) -> frozenset[tuple[AlarmCode, int, int]]:
    """The most recent trips of each kind with their ages, numbered from the newest, up to the limit."""
    seen: dict[AlarmCode, int] = {}
    kept = []
    for code, at_ns in reversed(i.tripped):
        seen[code] = seen.get(code, 0) + 1
        if seen[code] <= sl.same_trips:
            kept.append((code, seen[code], _age(at_ns, w.now, sl.elapsed)))
    return frozenset(kept)
