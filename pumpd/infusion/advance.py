"""The state machine: `advance(infusion, event) -> (infusion, actions)`, pure.

Promises:
- `StartPump` comes out only of ARMED, only after a confirmation of exactly this program, a read-back equal to it and a
  reading of an idle pump, both asked for after the confirmation, and only when every interlock permits.
- An answer counts from the time of its question: a load, read-back or start that was requested earlier proves nothing.
- An order that is not loaded in time is withdrawn, whatever the pump does later; so is one that is not started before
  it expires, and neither is confirmed any more.
- The order, the scanned wristband and the pump must all be for the same patient, or nothing is confirmed.
- A stop is accepted in every state and always gives `StopPump` as the first action.
- Permission is a lease. It is renewed only when all interlocks permit on a fresh reading; its lapse is a trip.
- An unknown outcome of a start leads to UNCERTAIN, where only status and stop are possible.
- A trip latches. Only a person clears it, and flow then needs a new read-back and a new confirmation.
- Vital signs that arrive can stop a flow, and never start, resume or change one.
- Only transitions that the table in `states` lists are made.

This module has what each event does by itself; `evaluate` then checks the infusion as a whole.
"""

from pumpd.infusion import doubt
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
    PumpDoubted,
    PumpIdentified,
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
    TimePassed,
    TripsCleared,
    VitalsTaken,
)
from pumpd.infusion.interlocks import confirmation, order_age, read_back
from pumpd.infusion.model import RESUMABLE, ZERO, Infusion
from pumpd.infusion.readings import apply_reading
from pumpd.infusion.reconcile import reconcile
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.infusion.vitals import VitalSample, newest
from pumpd.pump import AlarmCode, Done, Refused, Unknown, word
from pumpd.texts import listed, named, text

IDENTIFY_FIRST = text("identity.first", "it is not known which pump answers; identify the pump first, standing at it")


def begin(infusion: Infusion) -> tuple[Infusion, tuple[Action, ...]]:
    """The first action of a new order: poll the pump. An order never starts anything (STA-04)."""
    return infusion, (ReadPump(),)


def advance(infusion: Infusion, event: Event) -> tuple[Infusion, tuple[Action, ...]]:
    """The infusion after the event, and the actions that control must now carry out, in this order."""
    turn = Turn(infusion, event.at_ns)
    _take(turn, event)
    vitals = isinstance(event, VitalsTaken)
    if turn.infusion.state.may_flow or not vitals:  # vital signs can stop a flow; without one they cause nothing
        evaluate(turn, by_time=vitals or isinstance(event, TimePassed))
    return turn.infusion, tuple(turn.actions)


def _take(turn: Turn, event: Event) -> None:
    match event:
        case ReadingTaken(reading=reading):
            if turn.infusion.doubted_ns is None:
                turn.infusion = apply_reading(turn.infusion, reading)
            else:
                doubt.reading(turn, reading)
        case TimePassed() | StopAnswered():
            pass  # only readings prove a stop (STP-04)
        case ReadingFailed(link_lost=lost):
            turn.set(link_lost=lost)
        case VitalsTaken(samples=samples):
            _vitals_taken(turn, samples)
        case PumpDoubted():
            doubt.begin(turn, event)
        case PumpIdentified():
            doubt.end(turn, event)
        case StopRequested():
            _stop_requested(turn, event)
        case PauseRequested(by=by, reason=reason):
            _pause_requested(turn, text("infusion.asked_by", "{reason} (by {by})", reason=reason, by=by))
        case ResumeRequested(by=by):
            _resume_requested(turn, by)
        case SegmentPlanned(segment=segment):
            _segment_planned(turn, segment)
        case ProgramLoaded():
            _loaded(turn, event)
        case ProgramReadBack():
            _read_back(turn, event)
        case ChallengeIssued(nonce=nonce, shown=shown):
            _challenge_issued(turn, nonce, shown)
        case ConfirmationGiven():
            _confirmation_given(turn, event)
        case StartAnswered():
            _start_answered(turn, event)
        case TripsCleared(by=by):
            _trips_cleared(turn, by)
        case JournalFailed(cause=cause):
            _journal_failed(turn, cause)
        case DeliveryReconciled():
            reconcile(turn, event)
        case ControlRestarted():
            _control_restarted(turn)
        case DeadmanFailed(cause=cause, alone=alone):
            _deadman_failed(turn, cause, alone=alone)
        case DeadmanRestored():
            turn.clear_alarms(frozenset({AlarmCode.DEADMAN_FAILED}) - frozenset(turn.infusion.trips))
        case _:
            raise TypeError(f"{type(event).__name__} is not an event of an infusion")


def _stop_requested(turn: Turn, event: StopRequested) -> None:
    state, why = turn.infusion.state, text("infusion.asked_by", "{reason} (by {by})", reason=event.reason, by=event.by)
    turn.send_stop()
    if not turn.infusion.takes_stop:
        return
    if state is State.STOPPING:
        if event.by_person:  # the person's word, not the trip's, ends it
            reason = text("infusion.then", "{reason}; then {why}", reason=turn.infusion.reason, why=why)
            turn.set(then=State.STOPPED, reason=reason, stopped_by=event.by, switching=event.switching)
        return
    turn.set(stopped_by=event.by, switching=event.switching)
    if state.may_flow:
        turn.stop_flow(State.STOPPING, why, then=State.STOPPED)
    else:
        turn.go(State.ABANDONED if turn.never_flowed else State.STOPPED, why)


def _pause_requested(turn: Turn, why: str) -> None:
    infusion = turn.infusion
    if infusion.state not in (State.STARTING, State.RUNNING):
        turn.refuse(
            text(
                "pause.not_running",
                "pause: the infusion is {state}, not running; stop always works",
                state=infusion.state.word,
            )
        )
    elif infusion.pauses >= infusion.limits.pauses:
        turn.refuse(
            text(
                "pause.used_up",
                "pause: all {pauses} pauses are used up; stop always works",
                pauses=infusion.limits.pauses,
            )
        )
    else:
        turn.stop_flow(State.PAUSING, why, then=State.PAUSED, pauses=infusion.pauses + 1)


def _vitals_taken(turn: Turn, samples: tuple[VitalSample, ...]) -> None:
    infusion = turn.infusion
    if infusion.vital_rules is not None and not infusion.state.ended:
        turn.set(vitals=newest(infusion.vitals, samples, turn.now_ns)[0])


def _resume_requested(turn: Turn, by: str) -> None:
    infusion = turn.infusion
    if infusion.state is not State.PAUSED:
        turn.refuse(text("resume.not_paused", "resume: the infusion is {state}, not paused", state=infusion.state.word))
        return
    if infusion.doubted_ns is not None:
        turn.refuse(text("resume.why", "resume: {why}", why=IDENTIFY_FIRST))
        return
    turn.do(Record("resume_requested", {"by": by, "delivered_ml": infusion.delivered.number}))
    turn.set(resuming_ns=turn.now_ns)
    turn.do(ReadPump())  # `evaluate` plans the remainder from that reading


def _segment_planned(turn: Turn, segment: Segment | None) -> None:
    infusion = turn.infusion
    if infusion.state is not State.PAUSED or infusion.doubted_ns is not None:
        return
    if segment is None or segment.program.vtbi <= infusion.limits.over_delivery:
        turn.go(State.STOPPED, text("infusion.cannot_deliver", "the pump cannot deliver what is left"))
        return
    turn.go(
        State.LOADING,
        text("infusion.remainder_planned", "remainder planned"),
        segment=segment,
        given_before=infusion.given_before + infusion.accounted,
        counted=ZERO,
        counted_when_stopped=ZERO,
        loaded=False,
        load_unknown=False,
        resuming_ns=None,
        flowed_ns=infusion.running_ns(turn.now_ns),
        flow_since_ns=None,
        read_back=None,
        read_back_from_ns=None,
        challenge=None,
    )
    turn.do(LoadProgram(segment.program))


def _loaded(turn: Turn, event: ProgramLoaded) -> None:
    if turn.infusion.state is not State.LOADING or event.asked_at_ns < turn.infusion.since_ns:
        return
    match event.outcome:
        case Done():
            turn.set(loaded=True, reading=None, read_back_from_ns=turn.now_ns)  # that reading was of another counter
            turn.do(ReadBackProgram())
        case Refused(reasons=reasons):
            turn.load_failed(listed(reasons))
        case Unknown(cause=cause):
            turn.set(load_unknown=True)
            turn.load_failed(text("load.unknown", "not known whether the pump took the program: {cause}", cause=cause))


def _read_back(turn: Turn, event: ProgramReadBack) -> None:
    state, segment, from_ns = turn.infusion.state, turn.infusion.segment, turn.infusion.read_back_from_ns
    if state not in (State.LOADING, State.ARMED):
        return
    if from_ns is None or event.asked_at_ns < from_ns:
        return  # it shows what the pump held before the load, or before this confirmation
    reasons = read_back.faults(segment.program, event.outcome)
    if isinstance(event.outcome, Done):
        turn.set(read_back=event.outcome.value if reasons else segment.program)
    if state is State.LOADING and reasons:
        turn.load_failed(listed(reasons))
    elif state is State.LOADING:
        turn.do(Record("read_back", {"digest": segment.digest, "equal": True}))
        turn.go(State.READY, text("load.read_back", "read back, equal"))
    elif reasons:
        turn.go(State.READY, listed(reasons), confirmed=None)
        turn.refuse(*reasons)


def _challenge_issued(turn: Turn, nonce: str, shown: str) -> None:
    infusion, place = turn.infusion, turn.infusion.place
    if infusion.state is not State.READY:
        turn.refuse(
            text(
                "confirm.not_read_back",
                "confirm: the infusion is {state}; only a program that was read back can be confirmed",
                state=infusion.state.word,
            )
        )
        return
    if (why := order_age.expired(infusion, turn.now_ns)) is not None:
        turn.refuse(why)  # `evaluate` withdraws it
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
        reasons = (
            text("confirm.not_ready", "confirm: the infusion is {state}, not ready", state=infusion.state.word),
            *reasons,
        )
    if (why := order_age.expired(infusion, turn.now_ns)) is not None:
        reasons = (why, *reasons)  # `evaluate` withdraws it
    if reasons:
        turn.refuse(*reasons)
        return
    turn.do(Record("confirmation_accepted", {"by": event.signer, "digest": event.binding.digest}))
    turn.go(
        State.ARMED,
        text("infusion.confirmed_by", "confirmed by {by}", by=event.signer),
        confirmed=event.binding,
        confirmed_by=event.signer,
        challenge=None,
        requests=infusion.requests | {request},
        read_back=None,
        read_back_from_ns=turn.now_ns,
        reading=None,
    )
    turn.do(ReadBackProgram(), ReadPump())


def _start_answered(turn: Turn, event: StartAnswered) -> None:
    if turn.infusion.state is not State.STARTING or event.asked_at_ns < turn.infusion.since_ns:
        return  # a stop or a pause came first and is being carried out, or another start was answered
    match event.outcome:
        case Done():
            turn.set(flow_since_ns=turn.now_ns, start_answered=True)
        case Refused(reasons=reasons):
            turn.trip(AlarmCode.START_FAILED, listed(reasons))
        case Unknown(cause=cause):
            turn.latch(AlarmCode.DELIVERY_UNCERTAIN)
            turn.stop_flow(
                State.UNCERTAIN,
                text("start.unknown", "not known whether the pump started: {cause}", cause=cause),
                then=State.TRIPPED,
            )


def _trips_cleared(turn: Turn, by: str) -> None:
    infusion = turn.infusion
    if infusion.state is not State.TRIPPED:
        turn.refuse(
            text(
                "clear.no_trip", "clear: the infusion is {state}, there is no trip to clear", state=infusion.state.word
            )
        )
        return
    if infusion.doubted_ns is not None:
        turn.refuse(text("clear.why", "clear: {why}", why=IDENTIFY_FIRST))
        return
    turn.do(Record("trips_cleared", {"by": by, "trips": [code.value for code in infusion.trips]}))
    turn.clear_alarms(frozenset(infusion.trips))
    final = [code for code in infusion.trips if code not in RESUMABLE or _trips_too_often(turn, code)]
    if final or infusion.started_ns is None:
        after = named(map(word, final), text("infusion.after_this", "this"))
        why = text("infusion.cleared_for_good", "cleared by {by}; after {after} there is no resume", by=by, after=after)
        turn.go(State.STOPPED, why, trips=())
    else:
        turn.go(State.PAUSED, text("infusion.cleared_by", "cleared by {by}", by=by), trips=())


def _trips_too_often(turn: Turn, code: AlarmCode) -> bool:
    """The same trip has come too often in too short a time for a resume to help (STP-07)."""
    infusion, limits = turn.infusion, turn.infusion.limits
    recent = [at for what, at in infusion.tripped if what is code and turn.now_ns - at <= limits.same_trip_within_ns]
    return len(recent) >= limits.same_trips


def _control_restarted(turn: Turn) -> None:
    """Nothing continues by itself: what may flow is stopped, what was being prepared is dropped (PWR-02, PWR-03)."""
    infusion = turn.infusion
    state, why = infusion.state, text("trip.control_restarted", "the control process was restarted")
    if state.ended or state in (State.PAUSED, State.TRIPPED):
        turn.set(resuming_ns=None)
        return
    turn.set(challenge=None, confirmed=None, read_back=None, no_flow_since_ns=None)
    if state is State.UNCERTAIN or (state.ending and state is not State.PAUSING):
        turn.send_stop()
    elif state is State.STARTING:
        turn.latch(AlarmCode.DELIVERY_UNCERTAIN)
        turn.stop_flow(
            State.UNCERTAIN,
            text("start.unknown_after_restart", "{why} before it was known whether the pump started", why=why),
            then=State.TRIPPED,
        )
    elif state.may_flow:
        turn.trip(AlarmCode.CONTROL_RESTARTED, why)
    elif turn.never_flowed:
        turn.go(State.ABANDONED, why)
    else:
        turn.put_aside(AlarmCode.CONTROL_RESTARTED, why)


def _deadman_failed(turn: Turn, cause: str, *, alone: bool) -> None:
    """Flow that would otherwise end only with the programmed volume is stopped while control still can (COM-12)."""
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
        turn.go(State.READY, text("journal.why", "journal: {cause}", cause=cause), confirmed=None)
        turn.refuse(
            text("journal.nothing_starts", "journal: {cause}; nothing starts until it can be written", cause=cause)
        )
    elif state.may_flow and not state.ending:
        turn.trip(AlarmCode.JOURNAL_FAILED, cause)
