"""What a module can hold: the steps of its rates and volumes, its limits, and how a value is written to it."""

from decimal import Decimal
from typing import Literal

from pumpd.driving import DeclinedError, text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Rate, Volume
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings

RATE_STEP, VOLUME_STEP = Decimal("0.1"), Decimal("0.001")  # of d in mL/h and of r in mL


def capabilities(family: str, container: Container, settings: FreseniusBaseASettings) -> Capabilities:
    """For any syringe: the pump measures it and is given no diameter. Raises ValueError for a bag."""
    if container.diameter is None:
        raise ValueError(
            text("fresenius_base_a.bag", "diameter: this pump takes syringes; a bag needs a volumetric pump")
        )
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=FixedStep(RATE_STEP),
        volume_grid=FixedStep(VOLUME_STEP),
        rate_min=Rate(RATE_STEP),
        rate_max=Rate(settings.highest_rate_ml_h),
        volume_max=Volume(settings.highest_volume_ml),
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
        if settings.stops_unheard
        else (LossOfControl.VTBI_ONLY,),
        rate_setting="highest_rate_ml_h",
        volume_setting="highest_volume_ml",
    )


def in_steps(value: Decimal, step: Decimal, digits: int, value_format: Literal["hex", "decimal"]) -> str:
    """A value as the pump accepts it. Raises DeclinedError for one that is not on the pump's grid."""
    steps, base, letter = value / step, *((16, "X") if value_format == "hex" else (10, "d"))
    if steps != int(steps) or not 0 < steps < base**digits:
        raise DeclinedError(
            text(
                "fresenius_base_a.grid",
                "{value} is not {step} times a number of {digits} {format} digits above 0",
                value=value,
                step=step,
                digits=digits,
                format=value_format,
            )
        )
    return f"{int(steps):0{digits}{letter}}"
