"""The facts that a person confirms, as JSON data with units in their names."""

import hashlib
from typing import Any

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.ordering.patient_history import on_record
from pumpd.control.ordering.planning import Planned
from pumpd.dosing import RateProgram
from pumpd.journal.records import canonical
from pumpd.messages.state import PlasmaBand
from pumpd.pump import Capabilities, PumpProgram
from pumpd.quantities import Volume
from pumpd.settings import PumpSettings


def review(runner: PumpService) -> dict[str, Any]:
    """Everything that a nurse must see before confirming (STA-16), from the program and from what the pump holds."""
    if runner.program is None:
        return {}
    infusion = runner.infusion
    held, whole, ordered_ts = None, None, ""
    if infusion is not None:
        held, whole, ordered_ts = infusion.read_back, infusion.of_treatment, infusion.ordered_ts
    return review_of(runner.settings, runner.program, runner.capabilities, held, whole, ordered_ts)


def review_of(
    pump: PumpSettings,
    program: RateProgram,
    capabilities: Capabilities | None,
    held: PumpProgram | None,
    whole: Volume | None = None,
    ordered_ts: str = "",
) -> dict[str, Any]:
    """The same for a program that no pump holds yet; `ordered_ts` is empty before it is ordered.

    `whole`: prescribed of the whole treatment, where this is the rest of one. Text and whole numbers only, so that
    every reader gets the same hash.
    """
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
        "treatment": program.treatment or None,
        "first_dose_mg": None if whole is None else entry.concentration.mass_in(whole).number,
        "container": program.container.name,
        "vtbi_ml": program.vtbi.number,
        "duration_s": program.duration.number,
        "prescribed_duration_s": order.duration.number,
        "steps": [_step(step.rate.number, step.volume.number) for step in program.pump_program.steps],
        "read_back": None if held is None else [_step(step.rate.number, step.volume.number) for step in held.steps],
        "warnings": [str(warning) for warning in program.warnings],
        "overrides": dict(program.overrides),
        "ordered_by": order.ordered_by,
        "ordered_ts": ordered_ts or None,
        "digest": program.digest,
        "given_before_ml": program.given.number,
        "double_check": entry.double_check,
        "library_version": program.manifest.version if program.manifest else None,
        "care_area": program.manifest.care_area if program.manifest else None,
    }


def preview_of(runner: PumpService, planned: Planned, plasma: PlasmaBand | None) -> dict[str, Any]:
    """The result of an order: its review, each exceeded soft limit, the weight on record, and the plasma estimate."""
    program = planned.program
    missing = {limit.id for limit in program.not_overridden}
    soft = [{"id": each.id, "text": str(each), "overridden": each.id not in missing} for each in program.warnings]
    whole = None if planned.rest is None else planned.rest.order.program.vtbi
    found = review_of(runner.settings, program, planned.capabilities, None, whole)
    last = None if planned.on_record is None else on_record(planned.on_record)
    return {"review": found, "soft": soft, "course": planned.course, "on_record": last, "plasma": plasma}


def shown(review: dict[str, Any]) -> str:
    """The digest of what was on the screen, which a confirmation signs: SHA-256 of the review as canonical JSON."""
    return hashlib.sha256(canonical(review).encode()).hexdigest()


def _step(rate_ml_h: str, volume_ml: str) -> dict[str, str]:
    return {"rate_ml_h": rate_ml_h, "volume_ml": volume_ml}
