"""What a New Era pump can hold: number grids, limits by syringe diameter, and why a program does not fit.

The plunger moves at 5.1005 cm/min at most and 0.004205 cm/h at least (manual, section 12.5, quoted in the protocol
sheet); a rate limit is that speed times the syringe's inner area.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from pumpd.driving import listed, of_error, text
from pumpd.pump import Capabilities, Container, FewDigits, LossOfControl, PumpKind, PumpProgram
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.new_era.settings import NewEraSettings

GRID = FewDigits(4, 3)
SMALLEST = Decimal("0.001")
MAX_STEPS = 40  # of 41 phases: the one after the last step is a stop
MAX_VOLUME = Volume(9999)
MIN_DIAMETER, MAX_DIAMETER = Length("0.1"), Length("50.0")
LONGEST_WATCHDOG_S = 255

_PI = Decimal("3.14159265358979323846264338328")
_FASTEST_CM_H = Decimal("5.1005") * 60
_SLOWEST_CM_H = Decimal("0.004205")


def capabilities(family: str, container: Container, settings: NewEraSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if reasons := diameter_reasons(container.diameter):
        raise ValueError(listed(reasons))
    assert container.diameter is not None  # diameter_reasons checked it
    native = settings.safe_mode == "required"
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=GRID,
        volume_grid=GRID,
        rate_min=lowest_rate(container.diameter),
        rate_max=highest_rate(container.diameter),
        volume_max=MAX_VOLUME,
        max_steps=max_steps(settings),
        loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN)
        if native
        else (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
        watchdog=Duration(LONGEST_WATCHDOG_S) if native else None,
    )


def max_steps(settings: NewEraSettings) -> int:
    return MAX_STEPS if settings.rate_query == "running" else 1


def _area_cm2(diameter: Length) -> Decimal:
    return _PI * (diameter.decimal / 20) ** 2


def highest_rate(diameter: Length) -> Rate:
    """The fastest rate for a syringe, rounded down to what the pump can hold."""
    exact = min(_area_cm2(diameter) * _FASTEST_CM_H, Decimal(9999))
    places = 0 if exact >= 1000 else min(3, 4 - len(str(int(exact))))
    return Rate(exact.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR))


def lowest_rate(diameter: Length) -> Rate:
    """The slowest rate for a syringe, rounded up to what the pump can hold in mL/h."""
    exact = _area_cm2(diameter) * _SLOWEST_CM_H
    return Rate(max(SMALLEST, exact.quantize(SMALLEST, ROUND_CEILING)))


def wire_number(value: Decimal) -> str:
    """A number for the pump: 4 digits, at most 3 after the point ("52.50"). ValueError when it does not fit."""
    if value < 0 or value >= 10000 or GRID.floor(value) != value:
        raise ValueError(
            text(
                "new_era.four_digits",
                "{value} is not a number of at most 4 digits, 3 of them after the point",
                value=value,
            )
        )
    places = min(3, 4 - len(str(int(value))))
    return str(value.quantize(Decimal(1).scaleb(-places)))


def diameter_reasons(diameter: Length | None) -> list[str]:
    """Why this diameter cannot be set; empty when it can."""
    if diameter is None:
        return [
            text("limits.syringe_diameter", "diameter: this pump takes syringes; give the syringe's inner diameter")
        ]
    if not MIN_DIAMETER <= diameter <= MAX_DIAMETER:
        return [
            text(
                "limits.diameter",
                "diameter: {inner} is not within {smallest} to {largest}",
                inner=diameter,
                smallest=MIN_DIAMETER,
                largest=MAX_DIAMETER,
            )
        ]
    return _unfit(text("new_era.field_diameter", "diameter"), diameter.decimal)


def program_reasons(program: PumpProgram, most_steps: int = MAX_STEPS) -> list[str]:
    """Every reason why the pump cannot hold this program; empty when it can."""
    reasons = diameter_reasons(program.diameter)
    if reasons or program.diameter is None:
        return reasons
    low, high = lowest_rate(program.diameter), highest_rate(program.diameter)
    if len(program.steps) > most_steps:
        reasons.append(
            text(
                "new_era.steps",
                "steps: {steps} steps, this pump holds {most}",
                steps=len(program.steps),
                most=most_steps,
            )
        )
    for number, step in enumerate(program.steps, start=1):
        if not low <= step.rate <= high:
            reasons.append(
                text(
                    "new_era.rate",
                    "step {number} rate: {rate} is not within {low} to {high} for a {diameter} syringe",
                    number=number,
                    rate=step.rate,
                    low=low,
                    high=high,
                    diameter=program.diameter,
                )
            )
        reasons += _unfit(text("new_era.field_rate", "step {number} rate", number=number), step.rate.decimal)
        if step.volume > MAX_VOLUME:
            reasons.append(
                text(
                    "new_era.volume",
                    "step {number} volume: {volume} is above {most}",
                    number=number,
                    volume=step.volume,
                    most=MAX_VOLUME,
                )
            )
        else:
            reasons += _unfit(text("new_era.field_volume", "step {number} volume", number=number), step.volume.decimal)
    return reasons


def _unfit(field: str, value: Decimal) -> list[str]:
    try:
        wire_number(value)
    except ValueError as error:
        return [text("new_era.field", "{field}: {why}", field=field, why=of_error(error))]
    return []
