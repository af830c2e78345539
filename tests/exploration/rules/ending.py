"""Rules for every step from a stop under way: PAUSING, STOPPING, UNCERTAIN."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpState
from tests.exploration.rules.rule import proved, rule
from tests.exploration.step import Step


@rule("ending")
def stop_is_proved(s: Step) -> bool:
    """A stop ends with two readings asked for after it, a tick apart, without flow or new volume; or by a person."""
    return s.after.state.may_flow or isinstance(s.event, ev.DeliveryReconciled) or proved(s)


@rule("ending")
def stop_is_repeated(s: Step) -> bool:
    """Until a reading shows no flow, the stop is sent again a tick after the previous one, but never by time alone."""
    if isinstance(s.event, ev.TimePassed) and s.before.state.ending:
        return ev.StopPump not in s.kinds
    w = s.noted
    if s.event is None or not s.after.state.ending or (w.quiet if s.in_doubt else w.still is not None):
        return True
    return s.world.now - s.world.stop_last < 1


@rule("ending")
def unconfirmed_stop_alarms(s: Step) -> bool:
    """Two ticks after a stop that is not confirmed, its alarm is active."""
    w = s.world
    late = s.event is not None and s.after.state.ending and w.stop_first is not None
    if not late or w.now - (w.stop_first or 0) < s.slice.stop_alarm:
        return True
    return AlarmCode.STOP_UNCONFIRMED in s.after.alarms


@rule("ending", on=ev.ReadingTaken)
def lost_count_is_a_doubt(s: Step) -> bool:
    """A counter that shows less than before latches a doubt."""
    last = s.before.reading
    lost = s.reading is not None and last is not None and s.reading.delivered < last.delivered
    return not lost or AlarmCode.DELIVERY_UNCERTAIN in s.after.trips


@rule("ending")
def trip_ends_tripped(s: Step) -> bool:
    """A stop with a trip latched ends in TRIPPED, or in STOPPED if a person asked for it since. An alarm or too much
    volume during a stop is latched.
    """
    r, w = s.reading, s.noted
    if r is not None:
        cause = r.state is PumpState.ALARM or any(a.stops_flow for a in r.alarms) or w.counted >= w.vtbi + 2
        if cause and not s.after.trips:
            return False
    end = State.STOPPED if w.wanted else State.TRIPPED
    return s.after.state.may_flow or not s.after.trips or s.after.state is end
