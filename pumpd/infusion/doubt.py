"""Which pump answers: what follows when that is not known, and what ends the doubt (COM-15).

A pump without a mark of its own may be another one after its link was lost. Promises:
- While it is in doubt, nothing that it reports counts as this infusion's: no volume, no confirmed stop, no idle pump.
- It is not loaded, not confirmed, not resumed. An order that was ready waits for a person, then is loaded again.
- A flow is stopped, unless no other pump of its kind is on the gateway and its counter continues where it was.
- Only a person at the pump ends the doubt, or that counter.
- What contradicts the infusion is reported, so that every pump that it may concern is stopped.
"""

from pumpd.infusion.events import Mismatched, PumpDoubted, PumpIdentified, PumpRecognized, ReadPump, Record
from pumpd.infusion.interlocks import Permit, front_panel
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.readings import apply_reading
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.pump import AlarmCode, PumpAlarm, PumpState, Reading, word
from pumpd.quantities import Duration, Volume
from pumpd.texts import text


def begin(turn: Turn, event: PumpDoubted) -> None:
    infusion, why = turn.infusion, event.why
    state = infusion.state
    if state.ended:
        return
    since_ns = turn.now_ns if infusion.doubted_ns is None else infusion.doubted_ns  # a loose cable adds no time
    turn.set(doubted_ns=since_ns, doubted_reading=None, mismatched=False, challenge=None, resuming_ns=None)
    turn.raise_alarm(AlarmCode.IDENTITY_DOUBTED)
    if state is State.RUNNING and not event.others and infusion.counted >= infusion.limits.recognized_from:
        return  # the next reading shows whether its counter continues
    turn.set(no_flow_since_ns=None)
    if state in (State.LOADING, State.READY, State.ARMED):
        if infusion.started_ns is None:
            # That it was idle before the doubt is no reason to load it afterwards.
            old = {"reading": None, "confirmed": None, "read_back": None, "read_back_from_ns": None, "loaded": False}
            turn.go(State.ORDERED, why, **old)
        else:
            turn.put_aside(AlarmCode.IDENTITY_DOUBTED, why)
    elif state.may_flow and not state.ending:
        turn.trip(AlarmCode.IDENTITY_DOUBTED, why)


def reading(turn: Turn, taken: Reading) -> None:
    """A reading of a pump that may be another one."""
    infusion = turn.infusion
    if infusion.state.ended:
        return
    turn.set(link_lost=False, doubted_reading=taken)
    against = contradiction(infusion, taken)
    if against and not infusion.mismatched:
        turn.set(mismatched=True)
        turn.do(Mismatched(against))
    if infusion.state is State.RUNNING:
        if _continues(infusion, taken):
            turn.infusion = apply_reading(infusion, taken).but(doubted_ns=None, doubted_reading=None)
            turn.clear_alarms(frozenset({AlarmCode.IDENTITY_DOUBTED}) - frozenset(infusion.trips))
            turn.do(Record("pump_recognized", {"delivered_ml": taken.delivered.number}), PumpRecognized())
        else:
            turn.set(no_flow_since_ns=None)
            turn.trip(
                AlarmCode.IDENTITY_DOUBTED,
                against or text("identity.other_state", "the pump that answers is {state}", state=word(taken.state)),
            )
    elif not taken.state.no_flow and not infusion.state.may_flow:
        why = text(
            "identity.other_patients",
            "the pump that answers is {state}, and may be another patient's",
            state=word(taken.state),
        )
        if turn.never_flowed:  # without an infusion, control stops the flow
            turn.go(State.ABANDONED, why)
        else:
            turn.trip(AlarmCode.PROGRAM_CHANGED, why)


def end(turn: Turn, event: PumpIdentified) -> None:
    """A person at the pump has identified it: from now on its readings count again."""
    infusion = turn.infusion
    if infusion.doubted_ns is None or infusion.state.ended:
        return
    turn.set(doubted_ns=None, doubted_reading=None, identified_ns=turn.now_ns, no_flow_since_ns=None)
    turn.clear_alarms(frozenset({AlarmCode.IDENTITY_DOUBTED}) - frozenset(infusion.trips))
    turn.do(Record("pump_identified_by", {"by": event.by}), ReadPump())


def contradiction(infusion: Infusion, taken: Reading) -> str:
    """Why this reading cannot be of the pump that ran this infusion; empty when it can.

    The count of a pump that lost its power proves nothing, either way.
    """
    last, limits = infusion.reading, infusion.limits
    if last is None or infusion.state is State.ORDERED or infusion.load_unknown or PumpAlarm.PUMP_RESET in taken.alarms:
        return ""
    flowed = infusion.could_give(taken.answered_ns - last.asked_ns) if infusion.state.may_flow else ZERO
    most = last.delivered + flowed + limits.counter_slack
    if taken.delivered + limits.counter_slack >= last.delivered and taken.delivered <= most:
        return ""
    return text(
        "identity.other_count",
        "the pump that answers has counted {counted}, this infusion's pump had counted {had}",
        counted=taken.delivered,
        had=last.delivered,
    )


def _continues(infusion: Infusion, taken: Reading) -> bool:
    """It flows at the programmed rate, and its counter is where it must be by now: no idle pump shows that."""
    if taken.state is not PumpState.INFUSING or PumpAlarm.PUMP_RESET in taken.alarms:
        return False
    if contradiction(infusion, taken) or taken.delivered < _least(infusion, taken):
        return False
    after = apply_reading(infusion, taken)
    return isinstance(front_panel.check(after, taken.answered_ns), Permit)


def _least(infusion: Infusion, taken: Reading) -> Volume:
    """What this infusion's pump must have counted by this reading, if it flowed all the time since its last one."""
    last, slowest = infusion.reading, min(step.rate for step in infusion.segment.program.steps)
    if last is None:
        return infusion.counted
    flowed = slowest.volume_in(Duration.from_ns(max(0, taken.asked_ns - last.answered_ns)))
    return max(infusion.counted, last.delivered + flowed - infusion.limits.counter_slack)
