"""The rest of an interrupted treatment: a program of its own, from what was booked at worst (PRG-25).

Promises:
- Booked and rest together never exceed the program of the first delivery, whatever pump and container it gets.
- No part of it is faster than the same part of the first program: the same rates, or lower ones over a longer time.
- It is checked backwards by the independent computation, like every program.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpd.dosing import reverse
from pumpd.dosing.history import History, Treatment
from pumpd.dosing.history_limits import utc
from pumpd.dosing.library import Entry, Library
from pumpd.dosing.limits import shown
from pumpd.dosing.planning import unfit_rate, unfit_volume
from pumpd.dosing.prescription import Prescription
from pumpd.dosing.program import RateProgram
from pumpd.dosing.refusal import Refusal, Refusals
from pumpd.pump import Capabilities, Container, FixedStep, PumpProgram, RateStep
from pumpd.quantities import Duration, Mass, Volume, Weight, rate_for
from pumpd.texts import text

_FINE = FixedStep(Decimal("0.001"))  # mL, finer than most pumps
LEAST_REST = Volume("0.1")  # [P] less than a pump's count may be wrong by


@dataclass(frozen=True, slots=True)
class RestOrder:
    """The rest of `treatment`, whose first delivery was ordered by `prescription` with `program` and `digest`.

    `booked` is the most that all its deliveries can have given. `container`: None for the same one, which is still in
    place. `duration`: None for the same rates.
    """

    treatment: str
    prescription: Prescription
    program: PumpProgram
    digest: str
    booked: Mass
    container: str | None = None
    duration: Duration | None = None
    ordered_by: str = ""


def left_of(treatment: Treatment) -> tuple[Mass, PumpProgram] | None:
    """What is left of its first program, at the same rates, when everything that may have been given is left out. None
    when nothing is left, or when its program is not on record.
    """
    first = treatment.first
    if first.session != treatment.id or first.program is None or first.concentration is None or treatment.completed:
        return None
    if treatment.worst >= treatment.programmed:
        return None
    left = first.concentration.volume_holding(treatment.programmed - treatment.worst, _FINE)
    rest = first.program.after(first.program.vtbi - left) if left >= LEAST_REST else None
    return None if rest is None else (first.concentration.mass_in(rest.vtbi), rest)


def instead(history: History, weight: Weight, now_ns: int, within: Duration) -> Refusal | None:
    """What to do where another treatment is refused because the last one was interrupted a short time ago. None where
    that was for another weight: it may have been stopped because its weight was wrong.
    """
    last = history.treatments[-1] if history.treatments else None
    if last is None or last.running or last.first.weight != weight:
        return None
    left, until_ns = left_of(last), last.started_ns + within.ns
    if left is None or now_ns + left[1].duration.ns > until_ns:
        return None
    why = text(
        "rest.order_that_instead",
        "the last one was interrupted, and its rest of {left} may be given until {until}; order that instead, with "
        "`pumpd rest --treatment {treatment}` or on a tablet",
        left=left[0],
        until=utc(until_ns),
        treatment=last.id,
    )
    return Refusal("treatment", why, "PRG-25")


def plan_rest(order: RestOrder, library: Library, capabilities: Capabilities) -> RateProgram:
    """The program of the rest. Raises Refusals with every reason. `capabilities` are those for its container."""
    name = order.container or order.prescription.container
    entry, container = library.entries.get(order.prescription.entry), library.containers.get(name)
    refusals: list[Refusal] = []
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
    if entry is None:
        why = text(
            "rest.entry_gone", "its entry {entry} is not in the library any more", entry=order.prescription.entry
        )
        refusals.append(Refusal("treatment", why, "PRG-25"))
    if container is None:
        refusals.append(
            Refusal("container", text("library.not_in_it", "{name} is not in the library", name=repr(name)), "PRG-12")
        )
    if entry is not None and container is not None and name not in entry.containers:
        refusals.append(
            Refusal(
                "container",
                text(
                    "library.containers_only",
                    "{entry} may be in {containers} only",
                    entry=entry.id,
                    containers=", ".join(entry.containers),
                ),
                "PRG-12",
            )
        )
    if entry is None or container is None:
        raise Refusals(refusals)
    whole = entry.concentration.mass_in(order.program.vtbi)
    if order.booked >= whole:
        why = text(
            "rest.none_left",
            "up to {booked} of {whole} may have been given: there is no rest",
            booked=order.booked,
            whole=whole,
        )
        raise Refusals([*refusals, Refusal("treatment", why, "PRG-25")])
    if (left := entry.concentration.volume_holding(whole - order.booked, _FINE)) < LEAST_REST:
        why = text(
            "rest.too_little",
            "{left} are left, less than the {least} by which a pump's count may be wrong",
            left=left,
            least=LEAST_REST,
        )
        raise Refusals([*refusals, Refusal("treatment", why, "PRG-25")])
    rest = _rest(order, entry, capabilities, refusals)
    if rest is not None and order.container is not None and rest.vtbi > container.usable:
        why = text(
            "rest.not_in_container",
            "the rest of {volume} is more than the {usable} usable in {container}",
            volume=rest.vtbi,
            usable=container.usable,
            container=container.name,
        )
        refusals.append(Refusal("container", why, "PRG-12"))
    if rest is not None:
        refusals += unfit_volume(rest.vtbi, capabilities)
    steps = () if rest is None else _steps(order, rest, container, capabilities, refusals)
    if len(steps) > capabilities.max_steps:
        why = text(
            "pump.steps_of_rest",
            "the pump holds {most} step(s), the rest has {steps}",
            most=capabilities.max_steps,
            steps=len(steps),
        )
        refusals.append(Refusal("driver", why, "RUN-05"))
    if not steps and not refusals:
        why = text(
            "pump.volume_too_small",
            "the pump cannot hold a volume as small as that of {dose}",
            dose=whole - order.booked,
        )
        refusals.append(Refusal("driver", why, "PRG-11"))
    if rest is None or refusals:
        raise Refusals(refusals)
    held = PumpProgram(tuple(steps), container.diameter)
    prescription = replace(
        order.prescription, container=container.name, duration=held.duration, ordered_by=order.ordered_by
    )
    program = RateProgram(
        prescription,
        entry,
        container,
        entry.concentration.mass_in(held.vtbi),
        held,
        capabilities.family,
        library.digest,
        continues=order.digest,
        given=order.program.vtbi - held.vtbi,
        manifest=library.manifest,
        treatment=order.treatment,
    )
    objections = reverse.treatment_objections(
        program.delivery(),
        booked=str(order.booked),
        dose_per_weight=str(prescription.dose_per_weight),
        weight=str(prescription.weight),
        first=[(str(step.rate), str(step.volume)) for step in order.program.steps],
        concentration=str(entry.concentration),
        duration=str(order.duration or rest.duration),
    )
    if objections:
        raise Refusals(objections)
    return program


def _rest(order: RestOrder, entry: Entry, pump: Capabilities, refusals: list[Refusal]) -> PumpProgram | None:
    """What of the first program is left, at its rates; None when the pump cannot hold as little, or as much."""
    vtbi = order.program.vtbi
    try:
        left = entry.concentration.volume_holding(entry.concentration.mass_in(vtbi) - order.booked, pump.volume_grid)
    except ValueError as error:
        refusals.append(
            Refusal(
                "driver", text("pump.no_such_volume", "a volume that the pump cannot hold: {why}", why=error), "PRG-13"
            )
        )
        return None
    return order.program.after(vtbi - min(left, vtbi))


def _steps(
    order: RestOrder, rest: PumpProgram, container: Container, pump: Capabilities, refusals: list[Refusal]
) -> Sequence[RateStep]:
    """The steps of what is left, as the pump can hold them; appends to `refusals`."""
    longer = order.duration or rest.duration
    if longer < rest.duration:
        why = text(
            "rest.faster_in",
            "the rest in {time} would be faster than the first program: at least {least}",
            time=shown(longer),
            least=shown(rest.duration),
        )
        refusals.append(Refusal("duration", why, "PRG-25"))
        return ()
    steps = []
    for step in rest.steps:
        time = Duration.from_ns(-(-step.duration.ns * longer.ns // rest.duration.ns))
        try:
            volume, rate = step.volume.floor(pump.volume_grid), step.rate.floor(pump.rate_grid)
            if longer > rest.duration:
                rate = min(rate, rate_for(volume, time, pump.rate_grid))
        except ValueError as error:
            refusals.append(
                Refusal(
                    "driver",
                    text("pump.no_such_number", "a number that the pump cannot hold: {why}", why=error),
                    "PRG-13",
                )
            )
            continue
        if volume:
            refusals += unfit_rate(rate, container, pump)
        if volume and rate:
            steps.append(RateStep(rate, volume))
    return steps
