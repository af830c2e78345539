"""What a toy pump can hold, and what ends its flow when the gateway dies."""

from decimal import Decimal

from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Duration, Rate, Volume

LONGEST_WATCHDOG_S = 60


def capabilities(family: str, container: Container) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if container.diameter is None:
        raise ValueError("diameter: this pump takes syringes")
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=FixedStep(Decimal("0.1")),
        volume_grid=FixedStep(Decimal("0.1")),
        rate_min=Rate("0.1"),
        rate_max=Rate(200),
        volume_max=Volume(60),
        max_steps=1,
        loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN),
        watchdog=Duration(LONGEST_WATCHDOG_S),
    )
