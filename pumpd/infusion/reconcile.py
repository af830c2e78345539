"""A person reads on the pump's display how much it gave, which ends a doubt (COM-05).

Promises:
- A volume is accepted from 0 to what the container can hold, never below what the pump itself reported.
- A volume above the program is accepted only when it was entered twice, and equal.
- A pump that may still flow is not reconciled: readings must confirm that it stopped, or a whole lease must have
  passed without an answer and the person must have seen the pump stopped.
"""

from pumpd.dosing.reason import LEAST_LETTERS, is_reason
from pumpd.infusion.events import DeliveryReconciled, Record
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.pump import AlarmCode, Reading, stopped, word
from pumpd.quantities import NS_PER_S
from pumpd.texts import text


def reconcile(turn: Turn, event: DeliveryReconciled) -> None:
    infusion = turn.infusion
    reasons = [*_objections(infusion, event), *_may_still_flow(infusion, turn.now_ns, seen_stopped=event.seen_stopped)]
    if reasons:
        turn.refuse(*reasons)
        return
    body = {
        "by": event.by,
        "volume_ml": event.volume.number,
        "reason": event.reason,
        "seen_stopped": event.seen_stopped,
        "booked_before_ml": infusion.booked(turn.now_ns).number,
    }
    turn.do(Record("delivery_reconciled", body))
    turn.set(counted=event.volume, counted_when_stopped=event.volume, unaccounted=ZERO)
    turn.clear_alarms(frozenset({AlarmCode.DELIVERY_UNCERTAIN, AlarmCode.STOP_UNCONFIRMED}))
    if infusion.state.may_flow or infusion.state is State.TRIPPED:
        why = text(
            "reconcile.read",
            "{volume} read at the pump by {by}: {reason}",
            volume=event.volume,
            by=event.by,
            reason=event.reason,
        )
        turn.go(State.STOPPED, why, trips=(), then=None, stop_since_ns=None, stop_sent_ns=None)


def _objections(infusion: Infusion, event: DeliveryReconciled) -> list[str]:
    """Why this volume, or this reason, is not accepted."""
    volume, again = event.volume, event.volume_again
    reasons: list[str] = []
    if not infusion.in_doubt:
        reasons.append(
            text(
                "reconcile.no_doubt",
                "reconcile: the given volume is not in doubt, the pump reports {volume}",
                volume=infusion.delivered,
            )
        )
    if not is_reason(event.reason):
        reasons.append(text("reconcile.reason", "reason: give one of at least {least} letters", least=LEAST_LETTERS))
    if volume < infusion.counted:
        reasons.append(
            text(
                "reconcile.below",
                "volume: the pump itself has reported {counted}, which is more than {volume}",
                counted=infusion.counted,
                volume=volume,
            )
        )
    if infusion.container is not None and volume > infusion.container:
        reasons.append(
            text(
                "reconcile.container",
                "volume: the container can deliver {container} at most, so {volume} cannot have been given",
                container=infusion.container,
                volume=volume,
            )
        )
    elif again is not None and again != volume:
        reasons.append(
            text(
                "reconcile.not_twice_equal",
                "volume: {volume} the first time and {again} the second; read the display again",
                volume=volume,
                again=again,
            )
        )
    elif again is None and volume > infusion.segment.program.vtbi:
        program = infusion.segment.program.vtbi
        reasons.append(
            text(
                "reconcile.enter_twice",
                "volume: {volume} is more than the program of {program}; read the display again and enter it twice",
                volume=volume,
                program=program,
            )
        )
    return reasons


def _may_still_flow(infusion: Infusion, now_ns: int, *, seen_stopped: bool) -> tuple[str, ...]:
    """Why what a person read on the display cannot be final yet; empty when the pump is known not to flow.

    That is known from readings that confirm the stop. A pump that no longer answers never gives them. Then a whole
    lease must have passed since the stop, or since it was last read, and the person must have seen it stopped, because
    not every pump stops when its lease ends.
    """
    reading, limits, stop_ns = infusion.reading, infusion.limits, infusion.stop_since_ns
    if stopped(infusion.no_flow_since_ns, reading, limits.still_for_ns):
        return ()
    if reading is not None and (stop_ns is None or reading.asked_ns > stop_ns):
        why, since_ns = _reported(reading), reading.answered_ns
    else:
        why = text("reconcile.not_read", "the pump has not been read since the stop was sent")
        since_ns = infusion.since_ns if stop_ns is None else stop_ns
    left_ns = since_ns + limits.lease_ns - now_ns
    if left_ns > 0:
        return (
            text(
                "reconcile.wait",
                "reconcile: {why}; until readings confirm that it stopped, ask again in {seconds} s",
                why=why,
                seconds=f"{left_ns / NS_PER_S:.0f}",
            ),
        )
    return (
        ()
        if seen_stopped
        else (
            text(
                "reconcile.see_stopped",
                "reconcile: {why}; stop it at the pump, and confirm that you saw it stopped",
                why=why,
            ),
        )
    )


def _reported(reading: Reading) -> str:
    if reading.state.no_flow:
        return text("reconcile.must_confirm", "the pump reports no flow, which the next readings must confirm")
    if reading.state.flowing:
        return text("reconcile.flows", "the pump reports that it flows; stop it, at the pump if necessary")
    state = word(reading.state)
    return text("reconcile.is", "the pump reports that it is {state}; stop it, at the pump if necessary", state=state)
