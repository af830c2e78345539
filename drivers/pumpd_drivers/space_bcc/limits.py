"""What the interface can do with a pump: read it, and nothing else."""

from decimal import Decimal

from pumpd.pump import Capabilities, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Rate, Volume
from pumpd_drivers.space_bcc.settings import SpaceBccSettings


def capabilities(family: str, settings: SpaceBccSettings) -> Capabilities:
    """For any container: no program fits."""
    return Capabilities(
        family=family,
        kind=PumpKind(settings.kind),
        rate_grid=FixedStep(Decimal("0.01")),
        volume_grid=FixedStep(Decimal("0.01")),
        rate_min=Rate(0),
        rate_max=Rate(0),
        volume_max=Volume(0),
        max_steps=0,
        loss_of_control=(LossOfControl.VTBI_ONLY,),
        monitor_only=True,
    )
