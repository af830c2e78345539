"""Planning: a prescription, the library and a pump's limits give a rate program, or every reason against it.

Promises:
- Refuse, never clamp: a program gives what was prescribed, or there is no program.
- Rounding is down: the volume is the largest on the pump's grid that is not above dose / concentration, each rate the
  largest that does not end its part of the time sooner (PRG-02). There is always a VTBI, and no KVO (PRG-11, PRG-16).
- Every program was confirmed by the independent reverse computation (PRG-01).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise

from pumpd.dosing import reverse
from pumpd.dosing.checks import refusals_for
from pumpd.dosing.library import Entry, Library
from pumpd.dosing.limits import weight_change
from pumpd.dosing.prescription import Prescription
from pumpd.dosing.program import RateProgram
from pumpd.dosing.reason import LEAST_LETTERS, is_reason
from pumpd.dosing.refusal import Refusal, Refusals, SoftLimit
from pumpd.pump import Capabilities, Container, FixedStep, PumpProgram, RateStep
from pumpd.quantities import Mass, Rate, Volume, Weight, rate_for
from pumpd.texts import text

_COARSER = tuple(FixedStep(Decimal(1).scaleb(-places)) for places in (3, 2, 1, 0))


def plan(
    prescription: Prescription,
    library: Library,
    capabilities: Capabilities,
    overrides: Mapping[str, str] | None = None,
    history: Sequence[SoftLimit] = (),
    on_record: Weight | None = None,
) -> RateProgram:
    """Plan a prescription for a pump. Raises Refusals with every reason; soft limits become `warnings`.

    `history` are the soft limits that follow from the patient's earlier doses, `on_record` is the weight of the last
    session.

    `capabilities` are those for the container that the prescription names. `overrides` are typed reasons by the id of a
    soft limit; an order needs them, planning does not.
    """
    refusals = check(prescription, library)
    entry = library.entries.get(prescription.entry)
    container = library.containers.get(prescription.container)
    if entry is None:
        raise Refusals(refusals)
    dose = prescription.dose_per_weight * prescription.weight
    warnings = [*_warnings(prescription, entry, dose, on_record), *history]
    refusals += _unfit_overrides(overrides or {}, warnings)
    if capabilities.monitor_only:
        refusals.append(
            Refusal(
                "driver",
                text(
                    "pump.monitored_only",
                    "{family} is monitored only and is never programmed",
                    family=capabilities.family,
                ),
            )
        )
    if container is None:
        raise Refusals(refusals)
    steps: tuple[RateStep, ...] = ()
    try:
        steps = _steps(prescription, entry, container, dose, capabilities)
    except Refusals as error:
        refusals += error.reasons
    if not steps or refusals:
        raise Refusals(refusals)
    program = RateProgram(
        prescription,
        entry,
        container,
        dose,
        PumpProgram(steps, container.diameter),
        capabilities.family,
        library.digest,
        tuple(warnings),
        tuple(sorted((overrides or {}).items())),
        manifest=library.manifest,
    )
    objections = reverse.objections(
        program.delivery(),
        dose_per_weight=str(prescription.dose_per_weight),
        weight=str(prescription.weight),
        duration=str(prescription.duration),
        programmed=str(program.programmed_dose),
    )
    if objections:
        raise Refusals(objections)
    return program


def check(prescription: Prescription, library: Library) -> list[Refusal]:
    """Every refusal that does not depend on the pump, for a caller that could not get the pump's limits."""
    return refusals_for(
        library,
        entry_id=prescription.entry,
        container=prescription.container,
        dose=prescription.dose_per_weight,
        weight=prescription.weight,
        duration=prescription.duration,
    )


def _warnings(prescription: Prescription, entry: Entry, dose: Mass, on_record: Weight | None) -> list[SoftLimit]:
    found = (
        entry.dose.warning("dose", prescription.dose_per_weight, "PRG-05"),
        entry.dose_cap.warning(dose),
        entry.duration.warning("duration", prescription.duration, "PRG-06"),
        entry.weight.warning("weight", prescription.weight, "PRG-07"),
        weight_change(prescription.weight, on_record, prescription.previous_weight),
    )
    return [warning for warning in found if warning is not None]


def _unfit_overrides(overrides: Mapping[str, str], warnings: Sequence[SoftLimit]) -> list[Refusal]:
    passed = [warning.id for warning in warnings]
    refusals = []
    for key, reason in overrides.items():
        if key not in passed:
            known = ", ".join(passed) or text("order.none_exceeded", "none")
            refusals.append(
                Refusal(
                    "override",
                    text(
                        "order.no_limit_exceeded",
                        "{name} is not a soft limit that was exceeded ({known})",
                        name=repr(key),
                        known=known,
                    ),
                    "PRG-05",
                )
            )
        elif not is_reason(reason):
            refusals.append(
                Refusal(
                    "override",
                    text(
                        "order.override_reason",
                        "{name}: a reason of at least {letters} letters is needed",
                        name=key,
                        letters=LEAST_LETTERS,
                    ),
                    "AUD-08",
                )
            )
    return refusals


def _steps(
    prescription: Prescription, entry: Entry, container: Container, dose: Mass, pump: Capabilities
) -> tuple[RateStep, ...]:
    """The steps. Raises Refusals with every limit of the container and the pump that they exceed."""
    too_much = text(
        "dose.not_in_container",
        "{dose} at {concentration} is more than the {usable} usable in {name}",
        dose=dose,
        concentration=entry.concentration,
        usable=container.usable,
        name=container.name,
    )
    try:
        vtbi = entry.concentration.volume_holding(dose, pump.volume_grid)
    except ValueError as error:
        raise Refusals([Refusal("container", too_much, "PRG-12")]) from error
    if not vtbi:
        raise Refusals(
            [
                Refusal(
                    "driver",
                    text(
                        "pump.volume_too_small", "the pump cannot hold a volume as small as that of {dose}", dose=dose
                    ),
                    "PRG-11",
                )
            ]
        )
    refusals: list[Refusal] = []
    if vtbi > container.usable:
        refusals.append(Refusal("container", too_much, "PRG-12"))
    refusals += unfit_volume(vtbi, pump)
    profile = [(step.time, step.dose) for step in entry.profile] or [(Decimal(1), Decimal(1))]
    if len(profile) > pump.max_steps:
        refusals.append(
            Refusal(
                "driver",
                text(
                    "pump.steps",
                    "the pump holds {most} step(s), {entry} has {steps}",
                    most=pump.max_steps,
                    entry=entry.id,
                    steps=len(profile),
                ),
                "RUN-05",
            )
        )
    volumes = _split(vtbi, [share for _, share in profile], pump)
    if volumes is None:
        refusals.append(
            Refusal(
                "driver",
                text(
                    "pump.no_steps_in",
                    "the pump cannot hold the steps of {entry} in {volume}",
                    entry=entry.id,
                    volume=vtbi,
                ),
                "PRG-11",
            )
        )
        raise Refusals(refusals)
    times = [prescription.duration.times(share) for share, _ in profile]
    steps = []
    for volume, time in zip(volumes, times, strict=True):
        try:
            rate = rate_for(volume, time, pump.rate_grid)
        except ValueError as error:
            refusals.append(
                Refusal(
                    "driver", text("pump.no_such_rate", "a rate that the pump cannot hold: {why}", why=error), "PRG-13"
                )
            )
            continue
        refusals += unfit_rate(rate, container, pump)
        if rate:
            steps.append(RateStep(rate, volume))
    if refusals:
        raise Refusals(refusals)
    return tuple(steps)


def unfit_volume(volume: Volume, pump: Capabilities) -> list[Refusal]:
    if volume <= pump.volume_max:
        return []
    most = _set_by(str(pump.volume_max), pump.volume_setting)
    return [
        Refusal(
            "driver",
            text(
                "pump.volume_too_large",
                "{volume} is more than the pump's largest volume {most}",
                volume=volume,
                most=most,
            ),
            "PRG-13",
        )
    ]


def unfit_rate(rate: Rate, container: Container, pump: Capabilities) -> list[Refusal]:
    """Every limit of the container and the pump that this rate exceeds."""
    refusals = []
    if rate < pump.rate_min or not rate:
        refusals.append(
            Refusal(
                "driver",
                text(
                    "pump.rate_too_low",
                    "{rate} is below the pump's lowest rate {least}",
                    rate=rate,
                    least=pump.rate_min,
                ),
                "PRG-13",
            )
        )
    if rate > pump.rate_max:
        most = _set_by(str(pump.rate_max), pump.rate_setting)
        refusals.append(
            Refusal(
                "driver",
                text("pump.rate_too_high", "{rate} is above the pump's highest rate {most}", rate=rate, most=most),
                "PRG-13",
            )
        )
    if rate < container.minimum_rate:
        reason = text(
            "pump.rate_too_low_for",
            "{rate} is below the lowest rate {least} recommended for {container}",
            rate=rate,
            least=container.minimum_rate,
            container=container.name,
        )
        refusals.append(Refusal("container", reason, "PRG-13"))
    return refusals


def _set_by(most: str, setting: str) -> str:
    return text("pump.set_by", "{most} (its setting {setting})", most=most, setting=setting) if setting else most


def _split(vtbi: Volume, shares: Sequence[Decimal], pump: Capabilities) -> list[Volume] | None:
    """Volumes that the pump can hold, in these shares and with exactly this sum; None when there are none.

    The grid may be finer for a small number than for the sum, so the places between the steps are tried from the
    finest to the coarsest until every step lies on the grid.
    """
    if len(shares) == 1:
        return [vtbi]
    grid = pump.volume_grid
    ends = [vtbi.times(share) for share in accumulate(shares)]
    tries = [[end.floor(grid) for end in ends[:-1]]]
    tries += [[end.floor(coarser) for end in ends[:-1]] for coarser in _COARSER]
    for inner in tries:
        volumes = [end - start for start, end in pairwise([Volume(0), *inner, vtbi])]
        if all(volume and volume == volume.floor(grid) for volume in volumes):
            return volumes
    return None
