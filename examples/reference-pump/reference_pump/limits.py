"""What the reference firmware can hold, and its whole numbers: micrometres, microlitres per hour, microlitres.

The machine's numbers are those at the head of examples/firmware/pump.c.
"""

from decimal import Decimal

from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Duration, Length, Rate, Volume

LONGEST_LEASE_S = 60
DIAMETER_MIN, DIAMETER_MAX = Length(4), Length(40)
VOLUME_MAX = Volume(100)
STEPS_PER_MM = 3200
FASTEST_STEPS_PER_S = 1000

_MICRO = Decimal("0.001")  # of a millimetre, a millilitre per hour, a millilitre: the steps of all its numbers
_QUARTER_PI = Decimal("0.785398")  # as the firmware has it
_MM3_PER_ML = 1000
_SECONDS_PER_HOUR = 3600


def capabilities(family: str, container: Container) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if container.diameter is None:
        raise ValueError("diameter: this pump takes syringes")
    if not DIAMETER_MIN <= container.diameter <= DIAMETER_MAX:
        raise ValueError(f"diameter: {container.diameter} is not within {DIAMETER_MIN} to {DIAMETER_MAX}")
    if container.diameter.decimal % _MICRO:
        raise ValueError(f"diameter: {container.diameter} is finer than the {_MICRO} mm of this pump")
    grid = FixedStep(_MICRO)
    fastest = ml_per_step(container.diameter) * FASTEST_STEPS_PER_S * _SECONDS_PER_HOUR
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=grid,
        volume_grid=grid,
        rate_min=Rate("0.1"),
        rate_max=Rate(grid.floor(fastest)),
        volume_max=VOLUME_MAX,
        max_steps=1,
        loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN),
        watchdog=Duration(LONGEST_LEASE_S),
        counter_step=Volume(_MICRO),
    )


def ml_per_step(diameter: Length) -> Decimal:
    return diameter.decimal**2 * _QUARTER_PI / STEPS_PER_MM / _MM3_PER_ML


def micro(value: Decimal) -> int:
    """Thousandths, of a value that fits the pump."""
    return int(value / _MICRO)


def rate(ul_h: int) -> Rate:
    return Rate(ul_h * _MICRO)


def volume(ul: int) -> Volume:
    return Volume(ul * _MICRO)


def diameter(um: int) -> Length:
    return Length(um * _MICRO)
