"""Rules for every step, whatever the state."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.states import TRANSITIONS
from pumpd.pump import AlarmCode, PumpState, Unknown
from tests.exploration.rules.rule import rule
from tests.exploration.slices import NEVER, NORMAL, OVER, TICK, units, volume
from tests.exploration.step import FLOW, Step
from tests.exploration.witness import NO_FLOW


@rule("always", on=ev.StopRequested)
def stop_is_accepted(s: Step) -> bool:
    """From every state a stop sends StopPump and leads to a stop under way or an end."""
    if not isinstance(s.event, ev.StopRequested):
        return True
    sent = bool(s.actions) and type(s.actions[0]) is ev.StopPump
    return sent and (s.after.state.ended or s.after.state in (State.STOPPING, State.UNCERTAIN, State.TRIPPED))


@rule("always", on=ev.ReadingTaken)
def busy_pump_is_left_alone(s: Step) -> bool:
    """An order whose pump is not idle is abandoned, and what runs there is not stopped."""
    r = s.answer
    if s.before.state is not State.ORDERED or r is None or r.state is PumpState.STOPPED:
        return True
    return s.after.state is State.ABANDONED and not s.kinds & {ev.StopPump, ev.LoadProgram}


@rule("always")
def stop_goes_first(s: Step) -> bool:
    """StopPump is the first action, occurs once, and never together with a start."""
    if ev.StopPump not in s.kinds:
        return True
    names = [type(a) for a in s.actions]
    return names[0] is ev.StopPump and names.count(ev.StopPump) == 1 and ev.StartPump not in s.kinds


@rule("always")
def table_is_kept(s: Step) -> bool:
    """Each recorded transition is in the table, and together they lead from the state before to the state after."""
    at = s.before.state.value
    for action in s.actions:
        if isinstance(action, ev.Record) and action.kind == "state_changed":
            if action.body["from"] != at or State(action.body["to"]) not in TRANSITIONS[State(at)]:
                return False
            at = action.body["to"]
    return at == s.after.state.value


@rule("always")
def only_a_person_unlatches(s: Step) -> bool:
    """Only a person clears trips; otherwise only a stop or flow at the pump leads out of TRIPPED."""
    if not s.before.trips or isinstance(s.event, ev.TripsCleared | ev.DeliveryReconciled):
        return True
    kept = set(s.before.trips) <= set(s.after.trips)
    if s.before.state is not State.TRIPPED or isinstance(s.event, ev.StopRequested):
        return kept
    return kept and s.after.state in (State.TRIPPED, State.STOPPING)


@rule("always")
def no_flow_in_a_state_without_flow(s: Step) -> bool:
    """If the pump truly flows, and not by its panel, the state is one that may flow."""
    return not s.world.flowing or s.world.by_panel or s.after.state.may_flow


@rule("always")
def delivered_is_bounded(s: Step) -> bool:
    """What truly reached the patient, of all deliveries, is never above the prescribed volume plus 0.1 mL."""
    w = s.world
    if w.lied or w.by_hand or (w.by_panel and w.unseen):
        return True  # nobody can know what was done at a panel before the next poll
    return w.given <= s.slice.units + OVER


@rule("always")
def booked_covers_the_truth(s: Step) -> bool:
    """What is booked is never less than what was given, of each delivery and of all, while the pump keeps its rate."""
    w = s.world
    if w.speed > NORMAL or w.lied or w.by_hand or (w.by_panel and (w.flowing or w.unseen)):
        return True  # nobody can know that a counter lies, or what was done at a panel before the next poll
    booked = s.after.booked(w.now * TICK)
    if volume(w.given - w.earlier) > booked:
        return False
    return w.delivery == 1 or volume(w.given) <= s.after.earlier + booked


@rule("always")
def nothing_is_counted_that_was_not_given(s: Step) -> bool:
    """The count is never more than was given, unless the counter lies."""
    w = s.world
    hidden = units(s.after.given_before) - w.before if w.slack else 0  # a coarse counter: booked for earlier segments
    return w.lied or s.after.delivered < volume(w.given - w.earlier + hidden + 1)


@rule("always")
def lease_rests_on_a_reading(s: Step) -> bool:
    """A lease lasts as long as its reading allows, and that reading is fresh; time alone renews nothing."""
    w = s.noted
    for action in s.actions:
        if isinstance(action, ev.RenewLease):
            base = w.now if ev.StartPump in s.kinds else w.asked
            if base is None or w.asked is None:
                return False
            if action.until_ns > (base + s.slice.lease) * TICK or w.now - w.asked > 1:
                return False
    return True


@rule("always")
def an_end_is_an_end(s: Step) -> bool:
    """After the end there are only stops, refusals, alarms and records."""
    calm = {ev.StopPump, ev.Refuse, ev.Record, ev.RaiseAlarm}
    if isinstance(s.event, ev.DeliveryReconciled):
        calm.add(ev.ClearAlarm)
    return not s.before.state.ended or s.kinds <= calm


@rule("always")
def uncertain_allows_status_and_stop(s: Step) -> bool:
    """In UNCERTAIN nothing is loaded, leased, planned or started; it ends as TRIPPED, or as STOPPED by a person."""
    if s.before.state is not State.UNCERTAIN:
        return True
    wrong = {ev.StartPump, ev.LoadProgram, ev.RenewLease, ev.PlanRemainder, ev.ReadBackProgram}
    ways = {State.UNCERTAIN, State.TRIPPED}
    if isinstance(s.event, ev.DeliveryReconciled):
        ways.add(State.STOPPED)
    return not s.kinds & wrong and s.after.state in ways


@rule("always", on=ev.ControlRestarted)
def restart_starts_nothing(s: Step) -> bool:
    """A restart first stops what may flow, and discards what was being prepared."""
    if not isinstance(s.event, ev.ControlRestarted):
        return True
    if s.before.state.may_flow and (not s.actions or type(s.actions[0]) is not ev.StopPump):
        return False
    calm = s.after.state.ended or s.after.state.ending or s.after.state in (State.PAUSED, State.TRIPPED)
    return calm and not s.kinds & {ev.StartPump, ev.LoadProgram, ev.RenewLease}


@rule("always", on=ev.ControlRestarted)
def restart_in_starting_is_uncertain(s: Step) -> bool:
    """A restart before it was known whether the pump started leads to UNCERTAIN."""
    if not isinstance(s.event, ev.ControlRestarted) or s.before.state is not State.STARTING:
        return True
    return s.after.state is State.UNCERTAIN and s.stops


@rule("always", on=ev.DeliveryReconciled)
def reconciling_is_refused_when_wrong(s: Step) -> bool:
    """A volume is refused without a reason or a doubt, below the pump's own count, or while the pump may flow.

    It is also refused above what the container holds, and above the program unless it was entered twice.
    """
    event = s.event
    if not isinstance(event, ev.DeliveryReconciled):
        return True
    w, below = s.noted, units(event.volume) < s.noted.counted
    read, again = units(event.volume), None if event.volume_again is None else units(event.volume_again)
    differs = again != read if again is not None else read > w.vtbi
    flows = s.before.state.may_flow and _flow_may_go_on(s) and w.now - _doubtful_since(s) < s.slice.lease
    calm = s.before.state in FLOW and AlarmCode.DELIVERY_UNCERTAIN not in s.before.alarms
    wrong = len(event.reason.strip()) < 3 or below or flows or calm or differs or read > s.slice.container
    done = any(isinstance(a, ev.Record) and a.kind == "delivery_reconciled" for a in s.actions)
    return not (wrong and done)


def _flow_may_go_on(s: Step) -> bool:
    """No reading asked for after the stop has shown no flow."""
    w, r = s.noted, s.before.reading
    after = w.asked is not None and (w.stop_first is None or w.asked > w.stop_first)
    return not after or r is None or r.state not in NO_FLOW


def _doubtful_since(s: Step) -> int:
    """The time of the stop, or of the last later reading that showed flow."""
    w = s.noted
    first = w.now if w.stop_first is None else w.stop_first
    return w.answered if w.asked is not None and w.asked > first else first


@rule("always")
def late_order_is_withdrawn(s: Step) -> bool:
    """The first event after its time limit ends an order that is not loaded; a load under way ends with a stop."""
    state = s.before.state
    if s.event is None or state not in (State.ORDERED, State.LOADING):
        return True
    w = s.noted
    waited, most = (w.loading, s.slice.loaded_within)
    if w.doubted is not None:
        waited, most = (w.doubted, s.slice.identified_within)
    if w.now - waited < most:
        return True
    if s.after.state in (State.ORDERED, State.LOADING):
        return False
    return state is State.ORDERED or not s.noted.load_open or ev.StopPump in s.kinds or s.after.state is State.STOPPED


@rule("always", on=ev.StartAnswered)
def lost_start_is_uncertain(s: Step) -> bool:
    """A start that is not answered leads to UNCERTAIN, at once and with a stop."""
    event = s.event
    if s.before.state is not State.STARTING or not isinstance(event, ev.StartAnswered):
        return True
    return not isinstance(event.outcome, Unknown) or (s.after.state is State.UNCERTAIN and s.stops)


@rule("always")
def expired_order_is_withdrawn(s: Step) -> bool:
    """The first event after it expires ends an order that was not started."""
    w, sl = s.noted, s.slice
    early = sl.expires == NEVER or w.now < w.ordered_at + sl.expires
    if s.event is None or early or w.started is not None:
        return True
    return s.after.state not in (State.ORDERED, State.LOADING, State.READY, State.ARMED, State.STARTING)
