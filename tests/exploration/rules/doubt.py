"""Rules about which pump answers, judged by where the cable truly leads."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from tests.exploration.rules.rule import rule
from tests.exploration.slices import TICK, units
from tests.exploration.step import FLOW, Step
from tests.exploration.world import Line


@rule("start")
def start_is_on_our_pump(s: Step) -> bool:
    """No start while the cable leads elsewhere, or while it is not known which pump answers."""
    return s.noted.line is Line.OURS and not s.in_doubt


@rule("always")
def load_is_on_our_pump(s: Step) -> bool:
    """No load while the cable leads to another pump, or while it is not known which pump answers."""
    return ev.LoadProgram not in s.kinds or (s.noted.line is not Line.OTHER and not s.in_doubt)


@rule("always")
def order_is_loaded_on_an_idle_pump(s: Step) -> bool:
    """An order is loaded at the reading that shows our pump idle, never on an earlier one."""
    return s.before.state is not State.ORDERED or ev.LoadProgram not in s.kinds or s.reading is not None


@rule("always")
def stop_is_of_our_pump(s: Step) -> bool:
    """No stop, and no end of a flow, is believed of another pump or in doubt; only a person at the pump reads it."""
    if not s.before.state.may_flow or s.after.state.may_flow or isinstance(s.event, ev.DeliveryReconciled):
        return True
    return s.noted.line is Line.OURS and not s.in_doubt


@rule("always", on=ev.ReadingTaken)
def doubtful_reading_counts_nothing(s: Step) -> bool:
    """What a pump in doubt reports is not counted, confirms nothing and renews nothing."""
    if not s.in_doubt or s.answer is None:
        return True
    same = s.after.delivered == s.before.delivered and s.after.unaccounted == s.before.unaccounted
    return same and s.after.no_flow_since_ns is None and ev.RenewLease not in s.kinds


@rule("always")
def doubtful_pump_is_prepared_by_nobody(s: Step) -> bool:
    """Doubt takes back what was prepared: an order waits again, a remainder trips. Nothing is confirmed or resumed."""
    if not s.in_doubt or s.before.state.ended:
        return True
    return s.after.state not in (State.LOADING, State.READY, State.ARMED) and ev.PlanRemainder not in s.kinds


@rule("always")
def only_our_pump_is_recognized(s: Step) -> bool:
    """The counter never shows another pump to be ours, and shows nothing where another may be alike."""
    return ev.PumpRecognized not in s.kinds or (s.noted.line is Line.OURS and not s.noted.others)


@rule("always", on=ev.ReadingTaken)
def contradiction_is_reported(s: Step) -> bool:
    """A count below the last one of our pump, or above what it can have given since, is reported; once in a doubt."""
    answer, last, w = s.answer, s.before.reading, s.noted
    if answer is None or not s.in_doubt or last is None or w.mismatched or s.before.load_unknown:
        return True
    if s.before.state is State.ORDERED or s.before.state.ended:
        return True
    shown, was = units(answer.delivered), units(last.delivered)
    most = was + (w.rate * (w.now - last.asked_ns // TICK) if s.before.state.may_flow else 0)
    return was <= shown <= most or ev.Mismatched in s.kinds


@rule("always")
def our_pump_contradicts_nothing(s: Step) -> bool:
    """A true count of our pump is never taken for another pump's."""
    w = s.noted
    return ev.Mismatched not in s.kinds or w.line is Line.OTHER or w.lied or w.by_panel


@rule("at_rest", on=ev.TripsCleared)
def nothing_is_cleared_in_doubt(s: Step) -> bool:
    """A trip stays latched while it is not known which pump answers."""
    return not isinstance(s.event, ev.TripsCleared) or not s.in_doubt or s.after.trips == s.before.trips


@rule("flow", on=ev.PumpDoubted)
def doubt_stops(s: Step) -> bool:
    """A flow is stopped when the cable is back, unless no other pump is alike and it has counted enough to be known."""
    if not isinstance(s.event, ev.PumpDoubted):
        return True
    known = s.before.state is State.RUNNING and s.noted.counted >= s.slice.recognized_from
    return s.stops or (known and not s.event.others)


@rule("flow", on=ev.ReadingTaken)
def doubtful_flow_stops(s: Step) -> bool:
    """The first answer of a pump in doubt stops the flow, or shows that it is our pump."""
    return s.answer is None or s.before.doubted_ns is None or s.after.state not in FLOW or not s.in_doubt
