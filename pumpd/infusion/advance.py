"""The state machine: `advance(infusion, event) -> (infusion, actions)`, pure.

Promises:
- `StartPump` comes out only of ARMED, only after a confirmation of exactly this program, a read-back equal to it and a
  reading of an idle pump, both younger than the confirmation, and only when every interlock permits.
- The patient of the order, of the wristband that was scanned and of the pump is the same, or nothing is confirmed.
- A stop is accepted in every state and always gives `StopPump` as the first action.
- Permission is a lease. Nothing but all interlocks permitting on a fresh reading renews it; its lapse is a trip.
- An unknown outcome of a start leads to UNCERTAIN, which knows status and stop only.
- A trip latches. Only a person clears it, and flow then needs a new read-back and a new confirmation.
- Only ways that the table in `states` names are taken.

Here is what each event does by itself; `evaluate` then looks at the whole.
"""

from pumpd.infusion.evaluate import evaluate
from pumpd.infusion.events import (
    Action,
    Binding,
    ChallengeIssued,
    ConfirmationGiven,
    ControlRestarted,
    DeadmanFailed,
    DeadmanRestored,
    DeliveryReconciled,
    Event,
    JournalFailed,
    LoadProgram,
    PauseRequested,
    ProgramLoaded,
    ProgramReadBack,
    ReadBackProgram,
    ReadingFailed,
    ReadingTaken,
    ReadPump,
    Record,
    ResumeRequested,
    Segment,
    SegmentPlanned,
    StartAnswered,
    StopAnswered,
    StopRequested,
    Ticked,
    TripsCleared,
)
from pumpd.infusion.interlocks import confirmation, read_back
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.readings import apply_reading
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.pump import AlarmCode, Done, Outcome, PumpProgram, Refused, Unknown
from pumpd.quantities import NS_PER_S

# After these a person may clear the trip and resume; after any other the infusion is over.
RESUMABLE = frozenset(
    {
        AlarmCode.OCCLUSION,
        AlarmCode.AIR_IN_LINE,
        AlarmCode.EMPTY,
        AlarmCode.DOOR_OPEN,
        AlarmCode.LINK_LOST,
        AlarmCode.LEASE_LAPSED,
        AlarmCode.PUMP_WATCHDOG,
        AlarmCode.CONTROL_RESTARTED,
        AlarmCode.DEADMAN_FAILED,
    }
)
LEAST_REASON = 3  # letters (AUD-08)


def begin(infusion: Infusion) -> tuple[Infusion, tuple[Action, ...]]:
    """The first actions of a new order: look at the pump. An order never starts anything (STA-04)."""
    return infusion, (ReadPump(),)


def advance(infusion: Infusion, event: Event) -> tuple[Infusion, tuple[Action, ...]]:
    """What the event makes of the infusion, and what the shell must now do, in this order."""
    turn = Turn(infusion, event.at_ns)
    _take(turn, event)
    evaluate(turn)
    return turn.infusion, tuple(turn.actions)


def _take(turn: Turn, event: Event) -> None:
    match event:
        case ReadingTaken(reading=reading):
            turn.infusion = apply_reading(turn.infusion, reading)
        case Ticked() | StopAnswered():
            pass  # only readings prove a stop (STP-04)
        case ReadingFailed(link_lost=lost):
            turn.set(link_lost=lost)
        case StopRequested():
            _stop_requested(turn, event)
        case PauseRequested(by=by, reason=reason):
            _pause_requested(turn, f"{reason} (by {by})")
        case ResumeRequested(by=by):
            _resume_requested(turn, by)
        case SegmentPlanned(segment=segment):
            _segment_planned(turn, segment)
        case ProgramLoaded(outcome=loaded):
            _loaded(turn, loaded)
        case ProgramReadBack(outcome=held):
            _read_back(turn, held)
        case ChallengeIssued(nonce=nonce, shown=shown):
            _challenge_issued(turn, nonce, shown)
        case ConfirmationGiven():
            _confirmation_given(turn, event)
        case StartAnswered(outcome=started):
            _start_answered(turn, started)
        case TripsCleared(by=by):
            _trips_cleared(turn, by)
        case JournalFailed(cause=cause):
            _journal_failed(turn, cause)
        case DeliveryReconciled():
            _delivery_reconciled(turn, event)
        case ControlRestarted():
            _control_restarted(turn)
        case DeadmanFailed(cause=cause, alone=alone):
            _deadman_failed(turn, cause, alone=alone)
        case DeadmanRestored():
            turn.clear_alarms(frozenset({AlarmCode.DEADMAN_FAILED}) - frozenset(turn.infusion.trips))
        case _:
            raise TypeError(f"{type(event).__name__} is not an event of an infusion")


def _never_flowed(turn: Turn) -> bool:
    """No start was sent, and no flow was seen that somebody made at the pump."""
    return turn.infusion.started_ns is None and turn.infusion.state is not State.TRIPPED


def _stop_requested(turn: Turn, event: StopRequested) -> None:
    state, why = turn.infusion.state, f"{event.reason} (by {event.by})"
    turn.send_stop()
    if state.ended or state in (State.STOPPING, State.UNCERTAIN):
        return
    turn.set(stopped_by=event.by, switching=event.switching)
    if state.may_flow:
        turn.stop_flow(State.STOPPING, why, then=State.STOPPED)
    else:
        turn.go(State.ABANDONED if _never_flowed(turn) else State.STOPPED, why)


def _pause_requested(turn: Turn, why: str) -> None:
    infusion = turn.infusion
    if infusion.state not in (State.STARTING, State.RUNNING):
        turn.refuse(f"pause: the infusion is {infusion.state}, not running; stop always works")
    elif infusion.pauses >= infusion.limits.pauses:
        turn.refuse(f"pause: all {infusion.limits.pauses} pauses are used up; stop always works")
    else:
        turn.stop_flow(State.PAUSING, why, then=State.PAUSED, pauses=infusion.pauses + 1)


def _resume_requested(turn: Turn, by: str) -> None:
    infusion = turn.infusion
    if infusion.state is not State.PAUSED:
        turn.refuse(f"resume: the infusion is {infusion.state}, not paused")
        return
    turn.do(Record("resume_requested", {"by": by, "delivered_ml": infusion.delivered.number}))
    turn.set(resuming_ns=turn.now_ns)
    turn.do(ReadPump())  # the remainder is planned by what that look tells (`evaluate`)


def _segment_planned(turn: Turn, segment: Segment | None) -> None:
    infusion = turn.infusion
    if infusion.state is not State.PAUSED:
        return
    if segment is None or segment.program.vtbi <= infusion.limits.over_delivery:
        turn.go(State.STOPPED, "nothing that the pump can give is left")
        return
    turn.go(
        State.LOADING,
        "remainder planned",
        segment=segment,
        given_before=infusion.given_before + infusion.accounted,
        counted=ZERO,
        stood_at=ZERO,
        loaded=False,
        load_unknown=False,
        resuming_ns=None,
        flowed_ns=infusion.running_ns(turn.now_ns),
        flow_since_ns=None,
        read_back=None,
        challenge=None,
    )
    turn.do(LoadProgram(segment.program))


def _loaded(turn: Turn, outcome: Outcome[None]) -> None:
    if turn.infusion.state is not State.LOADING:
        return
    match outcome:
        case Done():
            turn.set(loaded=True, reading=None)  # the one before told of another counter
            turn.do(ReadBackProgram())
        case Refused(reasons=reasons):
            _load_failed(turn, "; ".join(reasons))
        case Unknown(cause=cause):
            turn.set(load_unknown=True)
            _load_failed(turn, f"not known whether the pump took the program: {cause}")


def _load_failed(turn: Turn, why: str) -> None:
    if _never_flowed(turn):
        turn.go(State.ABANDONED, why)
    else:
        turn.latch(AlarmCode.START_FAILED)
        turn.go(State.TRIPPED, why)


def _read_back(turn: Turn, outcome: Outcome[PumpProgram]) -> None:
    state, segment = turn.infusion.state, turn.infusion.segment
    if state not in (State.LOADING, State.ARMED):
        return
    reasons = _read_back_faults(segment.program, outcome)
    if isinstance(outcome, Done):
        turn.set(read_back=outcome.value if reasons else segment.program)
    if state is State.LOADING and reasons:
        _load_failed(turn, "; ".join(reasons))
    elif state is State.LOADING:
        turn.do(Record("read_back", {"digest": segment.digest, "equal": True}))
        turn.go(State.READY, "read back, equal")
    elif reasons:
        turn.go(State.READY, "; ".join(reasons), confirmed=None)
        turn.refuse(*reasons)


def _read_back_faults(wanted: PumpProgram, outcome: Outcome[PumpProgram]) -> tuple[str, ...]:
    match outcome:
        case Done(value=held):
            return read_back.differences(wanted, held)
        case Refused(reasons=reasons):
            return reasons
        case Unknown(cause=cause):
            return (f"read-back: {cause}",)


def _challenge_issued(turn: Turn, nonce: str, shown: str) -> None:
    infusion, place = turn.infusion, turn.infusion.place
    if infusion.state is not State.READY:
        turn.refuse(f"confirm: the infusion is {infusion.state}; only a program that was read back can be confirmed")
        return
    turn.set(
        challenge=Binding(
            nonce=nonce,
            digest=infusion.segment.digest,
            action=infusion.action,
            serial=place.serial,
            channel=place.channel,
            session=place.session,
            gateway=place.gateway,
            expires_ns=turn.now_ns + infusion.limits.confirmation_ns,
            shown=shown,
        )
    )


def _confirmation_given(turn: Turn, event: ConfirmationGiven) -> None:
    infusion = turn.infusion
    request = f"{event.request} {event.binding.nonce}"
    if request in infusion.requests:
        return  # the same request again: already acted on (STA-15)
    reasons = confirmation.faults(infusion, event.binding, event.associated, turn.now_ns)
    if infusion.state is not State.READY:
        reasons = (f"confirm: the infusion is {infusion.state}, not ready", *reasons)
    if reasons:
        turn.refuse(*reasons)
        return
    turn.do(Record("confirmation_accepted", {"by": event.signer, "digest": event.binding.digest}))
    turn.go(
        State.ARMED,
        f"confirmed by {event.signer}",
        confirmed=event.binding,
        confirmed_by=event.signer,
        challenge=None,
        requests=infusion.requests | {request},
        read_back=None,
        reading=None,
    )
    turn.do(ReadBackProgram(), ReadPump())


def _start_answered(turn: Turn, outcome: Outcome[None]) -> None:
    if turn.infusion.state is not State.STARTING:
        return  # a stop or a pause came first, and is being carried out
    match outcome:
        case Done():
            turn.set(flow_since_ns=turn.now_ns, start_answered=True)
        case Refused(reasons=reasons):
            turn.trip(AlarmCode.START_FAILED, "; ".join(reasons))
        case Unknown(cause=cause):
            turn.latch(AlarmCode.DELIVERY_UNCERTAIN)
            turn.stop_flow(State.UNCERTAIN, f"not known whether the pump started: {cause}", then=State.TRIPPED)


def _trips_cleared(turn: Turn, by: str) -> None:
    infusion = turn.infusion
    if infusion.state is not State.TRIPPED:
        turn.refuse(f"clear: the infusion is {infusion.state}, there is no trip to clear")
        return
    turn.do(Record("trips_cleared", {"by": by, "trips": [code.value for code in infusion.trips]}))
    turn.clear_alarms(frozenset(infusion.trips))
    final = [code.value for code in infusion.trips if code not in RESUMABLE or _again_and_again(turn, code)]
    if final or infusion.started_ns is None:
        turn.go(State.STOPPED, f"cleared by {by}; after {', '.join(final) or 'this'} there is no resume", trips=())
    else:
        turn.go(State.PAUSED, f"cleared by {by}", trips=())


def _again_and_again(turn: Turn, code: AlarmCode) -> bool:
    """The same trip so often in so short a time that no resume helps (STP-07)."""
    infusion, limits = turn.infusion, turn.infusion.limits
    recent = [at for what, at in infusion.tripped if what is code and turn.now_ns - at <= limits.same_trip_within_ns]
    return len(recent) >= limits.same_trips


def _delivery_reconciled(turn: Turn, event: DeliveryReconciled) -> None:
    infusion = turn.infusion
    reasons = []
    if not infusion.in_doubt:
        reasons.append(f"reconcile: what was given is not in doubt, the pump says {infusion.delivered}")
    if len(event.reason.strip()) < LEAST_REASON:
        reasons.append(f"reason: say in at least {LEAST_REASON} letters why")
    if event.volume < infusion.counted:
        reasons.append(f"volume: the pump itself has reported {infusion.counted}, which is more than {event.volume}")
    reasons += _may_flow_yet(infusion, turn.now_ns, seen_standing=event.stands)
    if reasons:
        turn.refuse(*reasons)
        return
    body = {"by": event.by, "volume_ml": event.volume.number, "reason": event.reason, "stands": event.stands}
    booked = infusion.booked(turn.now_ns)
    turn.do(Record("delivery_reconciled", {**body, "booked_before_ml": booked.number}))
    turn.set(counted=event.volume, stood_at=event.volume, unaccounted=ZERO)
    turn.clear_alarms(frozenset({AlarmCode.DELIVERY_UNCERTAIN, AlarmCode.STOP_UNCONFIRMED}))
    if infusion.state.may_flow or infusion.state is State.TRIPPED:
        why = f"{event.volume} read at the pump by {event.by}: {event.reason}"
        turn.go(State.STOPPED, why, trips=(), then=None, stop_since_ns=None, stop_sent_ns=None)


def _may_flow_yet(infusion: Infusion, now_ns: int, *, seen_standing: bool) -> tuple[str, ...]:
    """Why a person's look at the display cannot be the end of it yet; empty when the pump is known to stand.

    It is known by a reading that was asked for after the stop and shows a stand. A pump that is not heard any more
    never gives one: then a whole lease must have gone by since the stop, or since it was last seen to flow, and the
    person must have seen it stand, for not every pump stops when its lease ends.
    """
    reading, limits, stop_ns = infusion.reading, infusion.limits, infusion.stop_since_ns
    told = reading is not None and (stop_ns is None or reading.asked_ns > stop_ns)
    if told and reading is not None and reading.state.stands:
        return ()
    if told and reading is not None:
        says = "flows" if reading.state.flowing else f"is {reading.state}"
        why, since_ns = f"the pump says that it {says}; stop it, at the pump if need be", reading.answered_ns
    else:
        why = "the pump was not read since the stop was sent"
        since_ns = infusion.since_ns if stop_ns is None else stop_ns
    left_ns = since_ns + limits.lease_ns - now_ns
    if left_ns <= 0:
        return () if seen_standing else (f"reconcile: {why}; stop it at the pump, and say that you saw it stand still",)
    return (f"reconcile: {why}; without a reading of a pump that stands, ask again in {left_ns / NS_PER_S:.0f} s",)


def _control_restarted(turn: Turn) -> None:
    """Nothing goes on by itself: what may flow is stopped, what was being prepared is dropped (PWR-02, PWR-03)."""
    infusion = turn.infusion
    state, why = infusion.state, "the control process was restarted"
    if state.ended or state in (State.PAUSED, State.TRIPPED):
        turn.set(resuming_ns=None)
        return
    turn.set(challenge=None, confirmed=None, read_back=None, still_since_ns=None)
    if state is State.UNCERTAIN or (state.ending and state is not State.PAUSING):
        turn.send_stop()
    elif state is State.STARTING:
        turn.latch(AlarmCode.DELIVERY_UNCERTAIN)
        turn.stop_flow(State.UNCERTAIN, f"{why} before it was known whether the pump started", then=State.TRIPPED)
    elif state.may_flow:
        turn.trip(AlarmCode.CONTROL_RESTARTED, why)
    elif _never_flowed(turn):
        turn.go(State.ABANDONED, why)
    else:
        turn.latch(AlarmCode.CONTROL_RESTARTED)
        turn.go(State.TRIPPED, why)


def _deadman_failed(turn: Turn, cause: str, *, alone: bool) -> None:
    """A flow that only its volume would still end in time is stopped while somebody can (COM-12)."""
    state = turn.infusion.state
    if not state.may_flow:
        return
    turn.raise_alarm(AlarmCode.DEADMAN_FAILED)
    if alone and not state.ending:
        turn.trip(AlarmCode.DEADMAN_FAILED, cause)


def _journal_failed(turn: Turn, cause: str) -> None:
    state = turn.infusion.state
    turn.raise_alarm(AlarmCode.JOURNAL_FAILED)
    if state is State.ARMED:
        turn.go(State.READY, f"journal: {cause}", confirmed=None)
        turn.refuse(f"journal: {cause}; nothing starts until it can be written")
    elif state.may_flow and not state.ending:
        turn.trip(AlarmCode.JOURNAL_FAILED, cause)
