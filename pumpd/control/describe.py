"""The content of a pump's journal entries: JSON bodies with units in names, from actions, outcomes and readings."""

from collections.abc import Mapping
from typing import Any

from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from pumpd.pump import ALARM_TABLE, AlarmCode, Done, Identity, Outcome, PumpProgram, Reading, Refused, Unknown
from pumpd.texts import listed, text

Content = tuple[str, Mapping[str, Any]]  # kind and body


def of_action(action: ev.Action, by: str = "pumpd") -> Content | None:
    """The journal entry for an action; None for an action that is carried out instead.

    `by` is who caused it: the person who made the request, otherwise pumpd (ALM-11).
    """
    match action:
        case ev.Record(kind=kind, body=body):
            return kind, body
        case ev.RaiseAlarm(code=code):
            return "alarm_raised", alarm(code) | {"by": by}
        case ev.ClearAlarm(code=code):
            return "alarm_cleared", {"code": code.value, "by": by}
        case ev.Refuse(reasons=reasons):
            return "refused", {"reasons": list(reasons)}
        case _:
            return None  # also for a renewed lease: every reading records how long the permission lasts


def alarm(code: AlarmCode) -> dict[str, str]:
    """An alarm as it is shown and journalled: cause and action, not only a code (ALM-12)."""
    text = ALARM_TABLE[code]
    return {"code": code.value, "priority": text.priority.name.lower(), "cause": text.cause, "action": text.action}


def outcome(result: Outcome[Any]) -> str:
    match result:
        case Done():
            return text("outcome.done", "done")
        case Refused(reasons=reasons):
            return text("outcome.refused", "refused: {why}", why=listed(reasons))
        case Unknown(cause=cause):
            return text("outcome.unknown", "unknown: {cause}", cause=cause)


def held(result: Outcome[PumpProgram]) -> dict[str, Any]:
    """The program that the pump holds, as it was read back."""
    if not isinstance(result, Done):
        return {"outcome": outcome(result)}
    steps = [{"rate_ml_h": step.rate.number, "volume_ml": step.volume.number} for step in result.value.steps]
    return {"outcome": outcome(result), "steps": steps}


def identity(reported: Identity | None) -> dict[str, Any]:
    """The identity that the pump reported; empty when it was not asked or did not answer."""
    return (
        {} if reported is None else {"model": reported.model, "firmware": reported.firmware, "serial": reported.serial}
    )


def reading(infusion: Infusion, reported: Reading, now_ns: int) -> dict[str, Any]:
    """A reading, together with what it means for the infusion."""
    lease = infusion.lease_until_ns
    body: dict[str, Any] = {
        "state": infusion.state.value,
        "pump_state": reported.state.value,
        "rate_ml_h": reported.rate.number if reported.state.flowing else "0",
        "volume_infused_ml": infusion.delivered.number,
        "volume_remaining_ml": infusion.remaining.number,
        "lease_s": round((lease - now_ns) / 1e9, 1) if lease is not None else 0,
        "running_s": round(infusion.running_ns(now_ns) / 1e9, 1),
        "elapsed_s": round(infusion.elapsed_ns(now_ns) / 1e9, 1),
        "digest": infusion.segment.digest,
    }
    if reported.pressure_mmhg is not None:
        body["pressure_mmhg"] = reported.pressure_mmhg
    return body
