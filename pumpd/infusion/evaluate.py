"""The check of the whole infusion after every event: interlocks, lease, deadlines, and the stop under way."""

from pumpd.infusion.events import LoadProgram, PlanRemainder, Record, RenewLease, StartPump
from pumpd.infusion.interlocks import (
    INTERLOCKS,
    PERMIT,
    Permit,
    Refuse,
    Trip,
    Verdict,
    front_panel,
    link_freshness,
    order_age,
    pause_budget,
    pump_alarms,
    pump_idle,
    vital_signs,
    window_most_time,
    window_volume,
)
from pumpd.infusion.model import RESUMABLE, ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.infusion.vitals import recorded
from pumpd.pump import AlarmCode, PumpState, stopped
from pumpd.quantities import NS_PER_S, Duration
from pumpd.texts import listed, text

# Alarms that last as long as their cause, unless they caused a trip.
_PASSING = frozenset(
    {
        AlarmCode.READING_STALE,
        AlarmCode.LINK_LOST,
        AlarmCode.FLOW_DEVIATION,
        AlarmCode.BATTERY_LOW,
        AlarmCode.BATTERY_ENDING,
        AlarmCode.NEAR_END,
        *vital_signs.PASSING,
    }
)


def evaluate(turn: Turn, *, by_time: bool = False) -> None:
    """`by_time`: nothing but time has passed since the last check."""
    state = turn.infusion.state
    if state.ending:
        _ending(turn, repeat=not by_time)
    elif state.may_flow:
        _flow(turn)
    elif not state.ended:
        _watch_link(turn)
        if state is State.ORDERED:
            _ordered(turn)
        else:
            _waiting(turn)
    if turn.infusion.alarms & vital_signs.PASSING and not turn.infusion.state.may_flow:
        _watch_vitals(turn)


# -- flow --------------------------------------------------------------------------------------------------------------


def _flow(turn: Turn) -> None:
    infusion, now_ns = turn.infusion, turn.now_ns
    trip: Trip | None = None
    refusals: list[str] = []
    warnings = set(link_freshness.warnings(infusion, now_ns))
    for check in INTERLOCKS.values():
        verdict = check(infusion, now_ns)
        if verdict is PERMIT:
            continue
        match verdict:
            case Permit(warnings=found):
                warnings.update(found)
            case Trip() as tripped:
                trip = trip or tripped
            case Refuse(reasons=reasons):
                refusals += reasons
    if warnings or infusion.alarms:
        _show(turn, frozenset(warnings))
    if trip is None and infusion.lease_until_ns is not None and now_ns >= infusion.lease_until_ns:
        code = AlarmCode.LINK_LOST if infusion.link_lost else AlarmCode.LEASE_LAPSED
        trip = Trip(code, listed(refusals) or text("trip.not_renewed", "permission was not renewed in time"))
    trip = trip or _progress(turn)
    overdue = vital_signs.pause_due(turn.infusion, now_ns)
    if trip is None and overdue and infusion.pauses >= infusion.limits.pauses:
        trip = Trip(AlarmCode.PRESSURE_OVERDUE, text("trip.no_pause_left", "{why}, and no pause is left", why=overdue))
    if trip is not None:
        turn.trip(trip.alarm, trip.detail)
    elif overdue:
        turn.stop_flow(State.PAUSING, overdue, then=State.PAUSED, pauses=infusion.pauses + 1)
    elif not refusals:
        _renew(turn)


def _show(turn: Turn, warnings: frozenset[AlarmCode]) -> None:
    for code in sorted(warnings):
        turn.raise_alarm(code)
    turn.clear_alarms(_PASSING - warnings - frozenset(turn.infusion.trips))


def _progress(turn: Turn) -> Trip | None:
    """The steps from STARTING over RUNNING and COMPLETING to COMPLETED."""
    infusion, reading = turn.infusion, turn.infusion.reading
    if infusion.state is State.STARTING:
        since = infusion.flow_since_ns
        seen = reading is not None and since is not None and reading.asked_ns >= since
        if infusion.start_answered and seen and reading is not None and reading.state is PumpState.INFUSING:
            turn.go(State.RUNNING, text("infusion.flow_seen", "flow seen at the programmed rate"))
        elif turn.now_ns - infusion.since_ns >= infusion.limits.flowing_within_ns:
            return Trip(AlarmCode.START_FAILED, text("trip.no_flow_seen", "no flow seen in time after the start"))
    elif infusion.state is State.RUNNING and reading is not None and reading.state.no_flow:
        # The interlocks have already evaluated every other reason why a pump does not flow.
        turn.go(
            State.COMPLETING,
            text("infusion.volume_given", "the pump stopped by itself, volume given"),
            flow_ended_ns=infusion.no_flow_since_ns,
        )
    elif infusion.state is State.COMPLETING and reading is not None and reading.state.flowing:
        return Trip(
            AlarmCode.PROGRAM_CHANGED, text("trip.flows_again", "the pump flows again after its volume was given")
        )
    elif infusion.state is State.COMPLETING and _stopped(infusion):
        turn.go(State.COMPLETED, text("infusion.given", "{volume} given", volume=infusion.delivered))
    return None


def _renew(turn: Turn) -> None:
    """Extend the lease; it counts from when its reading was asked for, not from now (COM-12)."""
    infusion, limits = turn.infusion, turn.infusion.limits
    if infusion.state.ended or infusion.reading is None:
        return
    new, until = infusion.reading.asked_ns + limits.lease_ns, infusion.lease_until_ns
    if until is None or new - until >= limits.renewal_ns:
        turn.set(lease_until_ns=new)
        turn.do(RenewLease(new))


# -- a stop under way --------------------------------------------------------------------------------------------------


def _stopped(infusion: Infusion) -> bool:
    """Readings confirm that the pump stopped (STP-04)."""
    return stopped(infusion.no_flow_since_ns, infusion.reading, infusion.limits.still_for_ns)


def _no_flow(infusion: Infusion) -> bool:
    """The last reading shows no flow. Of a pump in doubt it confirms nothing, but no further stop is needed there."""
    if infusion.doubted_ns is None:
        return infusion.no_flow_since_ns is not None
    return infusion.doubted_reading is not None and infusion.doubted_reading.state.no_flow


def _unheard(infusion: Infusion, now_ns: int) -> bool:
    """The pump has not answered since the stop, or not for a whole lease."""
    reading = infusion.reading
    if reading is None or reading.asked_ns < (infusion.stop_since_ns or 0):
        return True
    return now_ns - reading.answered_ns >= infusion.limits.lease_ns


def _resolved(infusion: Infusion) -> frozenset[AlarmCode]:
    """Doubts that the pump's own counter resolves, unless the counter was lost too."""
    lost = infusion.unaccounted or AlarmCode.DELIVERY_UNCERTAIN in infusion.trips
    return frozenset() if lost else frozenset({AlarmCode.DELIVERY_UNCERTAIN})


def _lost_count(infusion: Infusion, _now_ns: int) -> Verdict:
    if not infusion.unaccounted:
        return PERMIT
    return Trip(
        AlarmCode.DELIVERY_UNCERTAIN,
        text("trip.count_lost", "the pump lost its count, of at most {volume}", volume=infusion.unaccounted),
    )


def _ending(turn: Turn, *, repeat: bool) -> None:
    """`repeat`: a stop may be sent again. Time alone sends none: another stop would interrupt the poll that is meant to
    confirm the first.
    """
    for check in (_lost_count, pump_alarms.check, window_volume.check):
        verdict = check(turn.infusion, turn.now_ns)
        if isinstance(verdict, Trip) and verdict.alarm not in turn.infusion.trips:
            if turn.infusion.state is State.PAUSING:
                turn.trip(verdict.alarm, verdict.detail)
            else:
                if not turn.infusion.trips:  # else a person may have asked for a stop since
                    turn.set(then=State.TRIPPED)
                turn.latch(verdict.alarm)
    infusion, limits = turn.infusion, turn.infusion.limits
    if _stopped(infusion):
        turn.clear_alarms(frozenset({AlarmCode.STOP_UNCONFIRMED}) | _resolved(infusion))
        if infusion.flow_since_ns is not None and infusion.flow_ended_ns is None:
            turn.set(flow_ended_ns=infusion.no_flow_since_ns)
        turn.do(Record("stop_confirmed", {"delivered_ml": infusion.delivered.number}))
        turn.go(infusion.then or State.STOPPED, infusion.reason, then=None, stop_since_ns=None, stop_sent_ns=None)
        return
    if turn.now_ns - (infusion.stop_since_ns or 0) >= limits.stop_alarm_ns:
        turn.raise_alarm(AlarmCode.STOP_UNCONFIRMED)
        if _unheard(infusion, turn.now_ns):
            turn.raise_alarm(AlarmCode.DELIVERY_UNCERTAIN)  # COM-05: a person may have to read what it gave
    late = turn.now_ns - (infusion.stop_sent_ns or 0) >= limits.stop_retry_ns
    if repeat and late and not _no_flow(infusion):
        turn.send_stop()


# -- no flow -----------------------------------------------------------------------------------------------------------


def _watch_link(turn: Turn) -> None:
    """A pump that holds a program and does not answer may be started at its panel unseen: a person must go there."""
    if turn.infusion.link_lost:
        turn.raise_alarm(AlarmCode.LINK_LOST)
    else:
        turn.clear_alarms(frozenset({AlarmCode.LINK_LOST}) - frozenset(turn.infusion.trips))


def _watch_vitals(turn: Turn) -> None:
    """Alarms about missing signs that a flow left open change and end with their cause, and all with the infusion."""
    infusion = turn.infusion
    now = frozenset[AlarmCode]() if infusion.state.ended else vital_signs.warnings(infusion, turn.now_ns)
    for code in sorted(now):
        turn.raise_alarm(code)
    turn.clear_alarms(vital_signs.PASSING - now - frozenset(infusion.trips))


def _too_late_to_load(turn: Turn) -> bool:
    """The order, or what is left of it, was not loaded in time."""
    infusion = turn.infusion
    if infusion.doubted_ns is not None:
        return turn.now_ns - infusion.doubted_ns >= infusion.limits.identified_within_ns
    since_ns = infusion.ordered_ns if infusion.started_ns is None else infusion.since_ns
    since_ns = max(since_ns, infusion.identified_ns or since_ns)
    return turn.now_ns - since_ns >= infusion.limits.loaded_within_ns


def _withdraw(turn: Turn) -> None:
    """No part of it may reach the pump later; the stop ends a load that is under way."""
    if turn.infusion.state is State.LOADING:
        turn.send_stop()
    limits = turn.infusion.limits
    if turn.infusion.doubted_ns is not None:
        within = limits.identified_within_ns / NS_PER_S
        turn.load_failed(
            text(
                "load.not_identified",
                "withdrawn: nobody identified the pump within {seconds} s; nothing was started, order again",
                seconds=f"{within:g}",
            )
        )
        return
    within = limits.loaded_within_ns / NS_PER_S
    turn.load_failed(
        text(
            "load.not_taken",
            "withdrawn: the pump did not take the program within {seconds} s; nothing was started, order "
            "again once the pump answers",
            seconds=f"{within:g}",
        )
    )


def _expire(turn: Turn) -> bool:
    """Withdraw an order that was not started in time (PRG-26), as a stop before any flow would."""
    infusion = turn.infusion
    why = order_age.expired(infusion, turn.now_ns)
    if why is None:
        return False
    if infusion.state is not State.ORDERED:  # before that nothing was sent, and another's pump may be on the line
        turn.send_stop()
    turn.do(Record("order_expired", {"ordered_ts": infusion.ordered_ts, "reason": why}))
    turn.go(State.ABANDONED, why, confirmed=None, challenge=None)
    return True


def _ordered(turn: Turn) -> None:
    reading = turn.infusion.reading
    if _expire(turn):
        return
    if _too_late_to_load(turn):
        _withdraw(turn)
        return
    if reading is None or turn.infusion.doubted_ns is not None:
        return
    reasons = pump_idle.objections(reading)
    if reasons:  # pumpd did not start what runs there, so it does not stop it
        turn.go(State.ABANDONED, listed(reasons))
        return
    turn.go(State.LOADING, text("load.pump_idle", "pump idle"))
    turn.do(LoadProgram(turn.infusion.segment.program))


def _waiting(turn: Turn) -> None:
    infusion = turn.infusion
    panel = front_panel.check(infusion, turn.now_ns)
    if isinstance(panel, Trip):
        turn.trip(panel.alarm, panel.detail)
        return
    if infusion.state is not State.TRIPPED and _expire(turn):
        return
    _pause_ending(turn)
    if infusion.state is State.TRIPPED:
        return
    infusion = turn.infusion
    closed = window_most_time.closed(infusion, turn.now_ns)
    used_up = pause_budget.used_up(infusion, turn.now_ns)
    if closed or used_up:
        turn.raise_alarm(AlarmCode.WINDOW_CLOSED if closed else AlarmCode.PAUSE_TOO_LONG)
        turn.go(State.STOPPED, closed or used_up or "")
    elif infusion.state is State.LOADING and _too_late_to_load(turn):
        _withdraw(turn)
    elif infusion.state is State.ARMED:
        _armed(turn)
    elif infusion.resuming_ns is not None:
        _resuming(turn, infusion.resuming_ns)


def _pause_ending(turn: Turn) -> None:
    """A notice while there is still time to resume (ALM-17)."""
    infusion, now_ns = turn.infusion, turn.now_ns
    soon = _no_more_flow(infusion, now_ns + infusion.limits.pause_notice_ns) and not _no_more_flow(infusion, now_ns)
    if soon and RESUMABLE.issuperset(infusion.trips):
        turn.raise_alarm(AlarmCode.PAUSE_ENDING)
    else:
        turn.clear_alarms(frozenset({AlarmCode.PAUSE_ENDING}))


def _no_more_flow(infusion: Infusion, at_ns: int) -> bool:
    """By then the pause budget or the window is used up, or what is left takes longer than the time for it."""
    over = window_most_time.closed(infusion, at_ns) or pause_budget.used_up(infusion, at_ns)
    return bool(over) or window_most_time.no_time_left(infusion, at_ns)


def _resuming(turn: Turn, asked_ns: int) -> None:
    """Plan what is left from a reading that was asked for after the resume, so that nothing is given twice."""
    infusion = turn.infusion
    if infusion.reading is not None and infusion.reading.asked_ns >= asked_ns:
        turn.set(resuming_ns=None)
        turn.do(PlanRemainder(infusion.accounted))
    elif turn.now_ns - asked_ns >= infusion.limits.read_back_within_ns:
        turn.set(resuming_ns=None)
        turn.refuse(text("resume.not_read", "resume: the pump could not be read; ask again once it answers"))


def _armed(turn: Turn) -> None:
    """Start once the pump was read and its program read back after the confirmation, if every interlock permits."""
    infusion = turn.infusion
    seen = infusion.reading is not None and infusion.reading.asked_ns >= infusion.since_ns
    late = turn.now_ns - infusion.since_ns >= infusion.limits.read_back_within_ns
    if not late and not (seen and infusion.read_back is not None):
        return
    reasons: list[str] = [text("start.not_read", "the pump took too long to be read before the start")] if late else []
    for check in INTERLOCKS.values():
        match check(infusion, turn.now_ns):
            case Permit():
                pass
            case Refuse(reasons=found):
                reasons += found
            case Trip(detail=detail):
                reasons.append(detail)
    if reasons:
        turn.go(State.READY, listed(reasons), confirmed=None)
        turn.refuse(*reasons)
    else:
        _start(turn)


def _start(turn: Turn) -> None:
    infusion, until = turn.infusion, turn.now_ns + turn.infusion.limits.lease_ns
    intent = {"digest": infusion.segment.digest, "vtbi_ml": infusion.segment.program.vtbi.number}
    if infusion.vital_rules is not None and infusion.started_ns is None:
        turn.do(Record("baseline_recorded", {"signs": recorded(infusion.vitals, turn.now_ns)}))
    turn.do(Record("intent_start", {**intent, "confirmed_by": infusion.confirmed_by}))
    turn.go(
        State.STARTING,
        text("start.permitted", "every interlock permits"),
        started_ns=turn.now_ns if infusion.started_ns is None else infusion.started_ns,
        start_answered=False,
        flow_since_ns=turn.now_ns,  # replaced by the instant of the answer, once it comes
        flow_ended_ns=None,
        integral=ZERO,
        samples=(),
        no_flow_since_ns=None,
        lease_until_ns=until,
    )
    turn.do(RenewLease(until), StartPump(Duration.from_ns(infusion.limits.lease_ns)))
