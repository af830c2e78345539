"""The arithmetic of a program, as a person would check it with pencil and paper: forwards, then backwards."""

from decimal import Decimal
from fractions import Fraction

from pumpd.dosing.limits import shown
from pumpd.dosing.program import RateProgram

_PLACES = 6


def lines(program: RateProgram) -> list[tuple[str, str]]:
    """Lines of (what, how) for a program as planned, not for a remainder."""
    order, entry, container = program.prescription, program.entry, program.container
    steps = program.pump_program.steps
    back = program.delivery()
    whole, usable = program.programmed_dose == program.dose, container.usable
    holds = f"{container.volume} + {container.overfill} overfill" if container.overfill else str(container.volume)
    found = [
        ("dose", f"{order.dose_per_weight} x {order.weight} ({order.weight_basis} weight) = {program.dose}"),
        ("volume", f"{program.dose} / {entry.concentration} = {program.vtbi}{_rounded(exact=whole)}"),
        ("container", f"{container.name}: {holds} - {container.dead_volume} dead = {usable} usable"),
    ]
    shares = [part.time for part in entry.profile] or [Decimal(1)]
    for number, (step, share) in enumerate(zip(steps, shares, strict=True), 1):
        time = order.duration.times(share)
        what = "rate" if len(steps) == 1 else f"step {number}"
        found.append((what, f"{step.volume} / {shown(time)} = {step.rate}{_rounded(exact=step.duration == time)}"))
    volumes = " + ".join(str(step.volume) for step in steps)
    volumes = volumes if len(steps) == 1 else f"({volumes})"
    times = " + ".join(f"{step.volume} / {step.rate}" for step in steps)
    found += [
        ("backwards", f"{volumes} x {entry.concentration} = {_approximate(back.dose_mg)} mg"),
        ("", f"{_approximate(back.dose_mg)} mg / {order.weight} = {_approximate(back.dose_mg_kg)} mg/kg"),
        ("", f"{times} = {_approximate(back.seconds)} s"),
    ]
    return found


def _rounded(*, exact: bool) -> str:
    return "" if exact else " (rounded down to what the pump can hold)"


def _approximate(value: Fraction) -> str:
    """The number with up to six places, marked when more would be needed."""
    scaled = value * 10**_PLACES
    whole, part = divmod(int(scaled), 10**_PLACES)
    text = f"{whole}.{part:0{_PLACES}d}".rstrip("0").rstrip(".")
    return text if scaled.denominator == 1 else f"about {text}"
