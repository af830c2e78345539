"""What people are shown of a pump and its infusion: the facts to confirm, and the state. JSON data, units in names."""

import hashlib
from typing import Any

from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.ordering.planning import Planned
from pumpd.dosing import RateProgram
from pumpd.journal.records import canonical
from pumpd.pump import Capabilities, PumpProgram
from pumpd.settings import PumpSettings


def review(runner: PumpRunner) -> dict[str, Any]:
    """Everything that a nurse must see before confirming (STA-16), from the program and from what the pump holds."""
    if runner.program is None:
        return {}
    held = runner.infusion.read_back if runner.infusion else None
    return review_of(runner.settings, runner.program, runner.capabilities, held)


def review_of(
    pump: PumpSettings, program: RateProgram, capabilities: Capabilities | None, held: PumpProgram | None
) -> dict[str, Any]:
    """The same of a program that no pump holds yet. Text and whole numbers only, so that every reader hashes alike."""
    order, entry = program.prescription, program.entry
    return {
        "pump": pump.name,
        "simulated": pump.simulated,
        "model": pump.model,
        "serial": pump.serial,
        "loss_of_control": [each.value for each in capabilities.loss_of_control] if capabilities else [],
        "patient": order.patient,
        "drug": entry.drug,
        "entry": entry.id,
        "concentration_mg_ml": entry.concentration.number,
        "dose_mg_kg": order.dose_per_weight.number,
        "weight_kg": order.weight.number,
        "weight_basis": order.weight_basis.value,
        "dose_mg": program.dose.number,
        "container": program.container.name,
        "vtbi_ml": program.vtbi.number,
        "duration_s": program.duration.number,
        "prescribed_duration_s": order.duration.number,
        "steps": [_step(step.rate.number, step.volume.number) for step in program.pump_program.steps],
        "read_back": None if held is None else [_step(step.rate.number, step.volume.number) for step in held.steps],
        "warnings": [str(warning) for warning in program.warnings],
        "overrides": dict(program.overrides),
        "ordered_by": order.ordered_by,
        "digest": program.digest,
        "given_before_ml": program.given.number,
        "double_check": entry.double_check,
        "library_version": program.manifest.version if program.manifest else None,
        "care_area": program.manifest.care_area if program.manifest else None,
    }


def preview_of(runner: PumpRunner, planned: Planned) -> dict[str, Any]:
    """What an order would give: its review, and each soft limit that it passes."""
    program = planned.program
    missing = {limit.id for limit in program.not_overridden}
    soft = [{"id": each.id, "text": str(each), "overridden": each.id not in missing} for each in program.warnings]
    found = review_of(runner.settings, program, planned.capabilities, None)
    return {"review": found, "soft": soft, "course": planned.course}


def shown(review: dict[str, Any]) -> str:
    """The digest that a confirmation signs of what was on the screen: SHA-256 of the review as canonical JSON."""
    return hashlib.sha256(canonical(review).encode()).hexdigest()


def _step(rate_ml_h: str, volume_ml: str) -> dict[str, str]:
    return {"rate_ml_h": rate_ml_h, "volume_ml": volume_ml}


def status_of(runner: PumpRunner, now_ns: int) -> dict[str, Any]:
    """One pump as it is now."""
    infusion, reading, who = runner.infusion, runner.reading, runner.identity
    status: dict[str, Any] = {
        "pump": runner.name,
        "driver": runner.settings.driver,
        "model": who.model if who else runner.settings.model,
        "firmware": who.firmware if who else None,
        "serial": runner.settings.serial,
        "simulated": runner.settings.simulated,
        "patient": runner.patient or None,
        "problem": runner.problem,
        "pump_state": reading.state.value if reading else None,
        "stopped": reading is not None and reading.state.stands and not (infusion and infusion.state.may_flow),
        "infusion": None,
    }
    if infusion is None:
        return status
    lease = infusion.lease_until_ns
    status["infusion"] = {
        "session": infusion.place.session,
        "state": infusion.state.value,
        "may_flow": infusion.state.may_flow,
        "started": infusion.started_ns is not None,
        "reason": infusion.reason,
        "action": infusion.action.value,
        "rate_ml_h": reading.rate.number if reading and reading.state.flowing and infusion.state.may_flow else "0",
        "programmed_rate_ml_h": infusion.programmed_rate().number,
        "delivered_ml": infusion.delivered.number,
        "booked_ml": infusion.booked(now_ns).number,
        "prescribed_ml": infusion.prescribed.number,
        "remaining_ml": infusion.remaining.number,
        "running_s": round(infusion.running_ns(now_ns) / 1e9, 1),
        "elapsed_s": round(infusion.elapsed_ns(now_ns) / 1e9, 1),
        "window_least_s": infusion.window.least_ns / 1e9,
        "window_most_s": infusion.window.most_ns / 1e9,
        "window_elapsed_s": infusion.window.elapsed_ns / 1e9,
        "pauses": infusion.pauses,
        "lease_s": None if lease is None else round(max(0, lease - now_ns) / 1e9, 1),
        "reading_age_s": None if reading is None else round((now_ns - reading.asked_ns) / 1e9, 2),
        "trips": [code.value for code in infusion.trips],
        "digest": infusion.segment.digest,
        "review": review(runner),
    }
    return status
