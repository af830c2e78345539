"""The abstraction: which facts about an infusion and its world distinguish two nodes of the search.

Instants become ages, cut where no limit and no rule can distinguish them; `clock` asks what can still come, and keeps
the time against the limits that may still matter for that. Left out are texts, records, names;
which alarms are shown, except the two that rules ask for; which trips are latched, except whether there are any,
whether a person may resume after them and whether one is a doubt; and in each state what is written again before
anything reads it. What is left out must not matter, which `alike` tests with pairs of nodes that have one key.
"""

from pumpd.infusion import Infusion, State
from pumpd.infusion.interlocks import PERMIT, window_program
from pumpd.pump import AlarmCode
from tests.exploration.key.ages import age, ago
from tests.exploration.key.clock import Future, Key, clock, future_of, time_left
from tests.exploration.key.settled import is_settled, settled
from tests.exploration.key.states import of_state
from tests.exploration.slices import NEVER, OVER, TICK, Slice, volume
from tests.exploration.step import RESUMABLE
from tests.exploration.treatment import LONGEST
from tests.exploration.world import Line, World

__all__ = ["Key", "key"]


def key(sl: Slice, i: Infusion, w: World) -> Key:
    state = i.state
    doubt = AlarmCode.DELIVERY_UNCERTAIN in i.alarms and sl.groups_know("reconcile")  # nothing else asks for it
    resumable = set(i.trips) <= RESUMABLE
    future = future_of(sl, i, resumable=resumable)
    pump = _pump(sl, i, w, future)
    cable = _cable(sl, i, w) if sl.groups_know("cable") else ()
    treatment = _treatment(sl, i, w, pump)
    if state.ended:
        return (state, doubt, treatment, *cable, *_ended(sl, i, w, pump, doubt=doubt))
    if is_settled(sl, i, w, future):
        return (state, *settled(sl, i, w))
    most = max(sl.container, w.vtbi + 4) + 1  # above this all counts are alike: no display is believed
    return (
        state,
        pump,
        treatment,
        cable,
        of_state(sl, i, w, future),
        () if i.started_ns is None else clock(sl, i, w, future),
        (min(i.counted, volume(most)), i.given_before, w.before, min(w.counted, most), w.vtbi, w.turn, w.held_turn),
        (bool(i.trips), resumable, doubt, AlarmCode.DELIVERY_UNCERTAIN in i.trips, w.latched, w.uncertain),
        (w.start_open, w.load_open, w.back_open, w.used is None and sl.groups_know("forge")),
        min(i.unaccounted, volume(w.ordered)),  # no more is ever booked
        () if sl.same_trips == NEVER else (frozenset(i.trips), _latest(sl, i, w)),
    )


def _pump(sl: Slice, i: Infusion, w: World, future: Future) -> Key:
    """What a lying counter, or a person, has made unknowable is dropped: no rule speaks of it any more."""
    true = not w.lied
    return (
        w.held if w.rests or future is not Future.END or w.held is None else w.held[0],
        w.flowing,
        w.by_panel and (w.flowing or w.unseen or sl.groups_know("cable")),
        w.shown,
        w.given - w.earlier if true else 0,
        (w.speed, w.pace),
        w.lied,
        w.unseen and w.by_panel and true,
        w.lost and true and sl.groups_know("panel", "unseen"),
        w.blink and true,
        w.start_left,
        w.stop_pending,
    )


def _treatment(sl: Slice, i: Infusion, w: World, pump: Key) -> Key:
    """How much of the treatment is left, in volume and time; where the rest can be ordered now, what was given.

    In its last delivery, the flow of those before only matters for the time that is left.
    """
    if i.state.ended and not (w.rests and w.first is not None and not w.by_hand):
        return ()  # nothing follows
    late = 0 if w.closes == NEVER else ago(w.first, w.now, w.closes)
    which = (w.delivery, w.pump, w.by_hand, w.first is None, late)
    running = min(sum(each.running_ns for each in w.record) // TICK, LONGEST + 1) if w.rests else 0
    if i.state.ended:
        booked = sum((each.booked for each in w.record), volume(0))
        return (*which, booked, running, 0 if w.lied else w.given, pump, w.used is None and sl.groups_know("forge"))
    room = min(sl.units + OVER - w.earlier, w.ordered + OVER + 1)  # no rule asks how much more
    permitted = w.delivery == 1 or window_program.check(i, 0) is PERMIT
    longest = time_left(sl, w, 0) if i.started_ns is None else 0  # `clock` has it later
    return (*which, w.ordered, w.rate, running, 0 if w.lied else room, permitted, longest)


def _cable(sl: Slice, i: Infusion, w: World) -> Key:
    """Where it leads, and what is known of that; how long only where an order waits."""
    if i.state.ended:
        return (w.line, w.other, w.line is Line.OTHER and w.others)
    waits = sl.identified_within if i.state is State.ORDERED and sl.identified_within != NEVER else 0
    quiet = i.doubted_reading is not None and i.doubted_reading.state.no_flow
    return (
        (w.line, w.other),
        ago(w.answered, w.now, 2) if sl.groups_know("reconcile") else 0,  # a doubt keeps the last answer
        (age(i.doubted_ns, w.now, waits), ago(w.doubted, w.now, waits)),
        (quiet, w.quiet) if i.doubted_ns is not None or w.doubted is not None else (),
        (i.mismatched, w.mismatched, w.others) if i.doubted_ns is not None or w.doubted is not None else (),
    )


def _ended(sl: Slice, i: Infusion, w: World, pump: Key, *, doubt: bool) -> Key:
    """What still matters: whether a stop or anything else is sent, and what a person reads at the pump."""
    if doubt and sl.groups_know("reconcile"):
        return (*pump, i.counted, w.counted, w.loaded, min(i.unaccounted, volume(w.ordered)))
    if w.flowing or w.start_left or sl.groups_know("panel", "unseen"):
        return pump
    return (w.stop_pending, w.held is None)


def _latest(sl: Slice, i: Infusion, w: World) -> frozenset[tuple[AlarmCode, int, int]]:
    """The most recent trips of each kind with their ages, numbered from the newest, up to the limit."""
    seen: dict[AlarmCode, int] = {}
    kept = []
    for code, at_ns in reversed(i.tripped):
        seen[code] = seen.get(code, 0) + 1
        if seen[code] <= sl.same_trips:
            kept.append((code, seen[code], age(at_ns, w.now, sl.elapsed)))
    return frozenset(kept)
