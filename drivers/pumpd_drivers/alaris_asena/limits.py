"""What an Asena can hold: its rates and volumes, and what ends its flow when the gateway dies."""

from decimal import Decimal

from pumpd.driving import text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.alaris_asena.settings import AlarisSettings

LONGEST_LEASE = Duration(60)


def capabilities(family: str, container: Container, settings: AlarisSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if container.diameter is None:
        raise ValueError(
            text("limits.syringe_diameter", "diameter: this pump takes syringes; give the syringe's inner diameter")
        )
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=FixedStep(settings.rate_step),
        volume_grid=FixedStep(Decimal("0.001")),
        rate_min=Rate("0.1"),
        rate_max=Rate(1200),
        volume_max=Volume(settings.vtbi_max_ml),
        max_steps=1,
        loss_of_control=(LossOfControl.NATIVE, LossOfControl.DEADMAN)
        if settings.token_lapse_s
        else (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
        watchdog=LONGEST_LEASE if settings.token_lapse_s else None,
        volume_setting="vtbi_max_ml",
    )
