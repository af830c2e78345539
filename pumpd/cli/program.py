"""`pumpd program`: plan a prescription on paper. It contacts no pump and orders nothing.

Exit status 0 with a program, 2 with every reason why there is none. Soft limits are listed as warnings; an *order*
needs a typed reason for each.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pumpd.cli.client import CONFIG, Config
from pumpd.cli.planned_pump import PlannedPump
from pumpd.cli.setting import Settings
from pumpd.cli.terminal import say, say_json
from pumpd.cli.wording import plasma_peak
from pumpd.dosing import LibraryError, Prescription, RateProgram, Refusal, Refusals, check, plan
from pumpd.dosing.arithmetic import lines
from pumpd.dosing.plasma import Estimate, has_models, predict
from pumpd.exit_status import REFUSED
from pumpd.library.files import default_library, read_library
from pumpd.text import shown

NOTICE = "Not a cleared medical device: simulation, research and integration only."


def program(
    *,
    entry: Annotated[str | None, typer.Option(help="Library entry, such as ketamine-1mg-ml.")] = None,
    dose: Annotated[str | None, typer.Option(help='Dose per weight, such as "0.5 mg/kg".')] = None,
    weight: Annotated[str | None, typer.Option(help='Body weight, such as "70 kg".')] = None,
    weight_again: Annotated[str | None, typer.Option(help="The same weight, typed a second time.")] = None,
    weight_basis: Annotated[str | None, typer.Option(help="actual, ideal or adjusted; there is no default.")] = None,
    previous_weight: Annotated[str | None, typer.Option(help="Weight in the previous session.")] = None,
    duration: Annotated[str | None, typer.Option(help='Length of the infusion, such as "40 min".')] = None,
    container: Annotated[str | None, typer.Option(help='Container of the library, such as "50 mL".')] = None,
    driver: Annotated[str | None, typer.Option(help="Pump family, such as new-era.")] = None,
    setting: Settings = None,
    pump: Annotated[str | None, typer.Option(help="Pump of the configuration, instead of --driver.")] = None,
    config: Config = CONFIG,
    patient: Annotated[str | None, typer.Option(help="Patient token, never a name.")] = None,
    ordered_by: Annotated[str | None, typer.Option(help="Who orders it.")] = None,
    library: Annotated[Path | None, typer.Option(help="Directory of the drug library.")] = None,
    override: Annotated[
        list[str] | None, typer.Option(metavar="ID=REASON", help="Typed reason for a soft limit; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Turn a prescription into a rate program and show the arithmetic, or every reason why not."""
    fields: dict[str, object] = {
        "entry": entry,
        "dose": dose,
        "weight": weight,
        "weight_again": weight_again,
        "weight_basis": weight_basis,
        "previous_weight": previous_weight,
        "duration": duration,
        "container": container,
        "patient": patient,
        "ordered_by": ordered_by,
    }
    try:
        planned, on = _planned(fields, lambda: _pump(driver, setting, pump, config), library, override or [])
    except Refusals as error:
        _refuse(error.reasons, as_json=as_json)
    if as_json:
        say_json(_as_json(planned) | {"pump": pump})
    else:
        say(_as_text(planned, on))


def _pump(driver: str | None, settings: list[str] | None, name: str | None, config: Path) -> PlannedPump:
    """The chosen pump. Raises Refusals."""
    if name is None:
        return PlannedPump.of(driver, settings)
    if driver is not None or settings:
        why = "leave out --driver and --setting: the configuration states them for this pump"
        raise Refusals([Refusal("pump", why)])
    return PlannedPump.configured(name, config)


def _planned(
    fields: dict[str, object], chosen: Callable[[], PlannedPump], directory: Path | None, texts: list[str]
) -> tuple[RateProgram, PlannedPump]:
    """The program and its pump, or Refusals with the reasons of every part that could be checked."""
    reasons: list[Refusal] = []
    pump_reasons: Sequence[Refusal] = ()
    library = prescription = capabilities = pump = None
    try:
        pump = chosen()
    except Refusals as error:
        pump_reasons = error.reasons
    try:
        library = read_library(directory or (pump.library if pump else None) or default_library())
    except LibraryError as error:
        reasons += [Refusal("library", problem) for problem in error.problems]
    try:
        prescription = Prescription.from_text(fields, library=library)
    except Refusals as error:
        reasons += error.reasons
    overrides, bad = _overrides(texts)
    reasons += bad
    try:
        capabilities = pump.capabilities(library, str(fields["container"])) if pump else None
    except Refusals as error:
        pump_reasons = error.reasons
    reasons += pump_reasons
    if library is None or prescription is None:
        raise Refusals(reasons)
    if pump is None or capabilities is None:
        raise Refusals(reasons + check(prescription, library))
    try:
        planned = plan(prescription, library, capabilities, overrides)
    except Refusals as error:
        raise Refusals([*reasons, *error.reasons]) from error
    if reasons:
        raise Refusals(reasons)
    return planned, pump


def _overrides(texts: list[str]) -> tuple[dict[str, str], list[Refusal]]:
    overrides: dict[str, str] = {}
    bad: list[Refusal] = []
    for text in texts:
        key, equals, reason = text.partition("=")
        if not equals or key in overrides:
            bad.append(Refusal("override", f"{text!r} is not ID=REASON, each ID once", "PRG-05"))
        else:
            overrides[key] = reason
    return overrides, bad


def _refuse(reasons: tuple[Refusal, ...], *, as_json: bool) -> NoReturn:
    if as_json:
        refused = [{"field": reason.field, "reason": _text(reason)} for reason in reasons]
        say_json({"refused": refused})
    else:
        say("\n".join(["Refused:", *(f"  {shown(str(reason))}" for reason in reasons)]), err=True)
    raise typer.Exit(REFUSED)


def _text(reason: Refusal) -> str:
    return f"{reason.reason} ({reason.requirement})" if reason.requirement else reason.reason


def _as_json(planned: RateProgram) -> dict[str, Any]:
    order = planned.prescription
    return {
        "entry": planned.entry.id,
        "drug": planned.entry.drug,
        "concentration_mg_ml": planned.entry.concentration.number,
        "dose_mg_kg": order.dose_per_weight.number,
        "weight_kg": order.weight.number,
        "weight_basis": order.weight_basis.value,
        "dose_mg": planned.dose.number,
        "vtbi_ml": planned.vtbi.number,
        "steps": [
            {"rate_ml_h": step.rate.number, "volume_ml": step.volume.number} for step in planned.pump_program.steps
        ],
        "duration_s": planned.duration.number,
        "container": planned.container.name,
        "driver": planned.family,
        "library": planned.library,
        "library_version": planned.manifest.version if planned.manifest else None,
        "care_area": planned.manifest.care_area if planned.manifest else None,
        "digest": planned.digest,
        "warnings": [
            {"id": warning.id, "field": warning.field, "reason": warning.reason, "requirement": warning.requirement}
            for warning in planned.warnings
        ],
        "overrides": dict(planned.overrides),
        "plasma": _plasma(planned),
        "notice": NOTICE,
    }


def _plasma(planned: RateProgram) -> dict[str, Any] | None:
    """What the program leads to, without any earlier dose (PRG-23); None for a drug without models."""
    if not has_models(planned.entry):
        return None
    before = Estimate(float(planned.prescription.weight.decimal))
    return predict(planned.pump_program.steps, planned.entry.concentration, before).fields


def _library(planned: RateProgram) -> str:
    """What its manifest states. It is not verified here; a start verifies it."""
    manifest = planned.manifest
    if manifest is None:
        return "UNSIGNED: it starts only simulated pumps"
    return f"version {manifest.version}, {manifest.care_area}"


def _as_text(planned: RateProgram, pump: PlannedPump) -> str:
    order, entry, plasma = planned.prescription, planned.entry, _plasma(planned)
    shown = [
        ("drug", f"{entry.drug} {entry.concentration} ({entry.id})"),
        ("patient", order.patient or "not given"),
        *lines(planned),
        ("plasma", f"peak {plasma_peak(plasma)}" if plasma else "no models of this drug"),
        ("library", _library(planned)),
        ("digest", planned.digest),
    ]
    reasons = dict(planned.overrides)
    for warning in planned.warnings:
        override = f'; overridden: "{reasons[warning.id]}"' if warning.id in reasons else "; an order needs a reason"
        shown.append(("warning", f"{warning}{override}"))
    body = "\n".join(f"  {what:<11}{how}" for what, how in shown)
    return f"Program for {pump}\n{body}\n{NOTICE}"
