"""What a Zyno pump can hold, and how its numbers become quantities.

Source: the family's protocol sheet. Volumes are hexadecimal hundredths of a mL (Q5, Q6), as is the battery's voltage
(R7); a rate is plain decimal text.
"""

import re
from decimal import Decimal

from pumpd.driving import text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Rate, Volume
from pumpd_drivers.zyno_miva.settings import ZynoMivaSettings

COUNTER_STEP = Volume("0.01")

HUNDREDTHS = re.compile("[0-9A-F]{1,8}")
DECIMAL = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", re.ASCII)


def capabilities(family: str, container: Container, settings: ZynoMivaSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if container.diameter is not None:
        raise ValueError(text("zyno_miva.bag", "diameter: this pump takes a bag or a cassette, not a syringe"))
    grid = FixedStep(Decimal(1).scaleb(-settings.places))
    return Capabilities(
        family=family,
        kind=PumpKind.VOLUMETRIC,
        rate_grid=grid,
        volume_grid=grid,
        rate_min=Rate(max(grid.step, settings.rate_min_ml_h)),
        rate_max=Rate(grid.floor(settings.rate_max_ml_h)),
        volume_max=Volume(grid.floor(settings.volume_max_ml)),
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
        if settings.stops_unheard
        else (LossOfControl.VTBI_ONLY,),
        counter_step=COUNTER_STEP,
        rate_setting="rate_max_ml_h",
        volume_setting="volume_max_ml",
    )


def volume(text: str) -> Volume:
    return Volume(Decimal(int(text, 16)) / 100)


def rate(text: str) -> Rate:
    return Rate(Decimal(text))


def number(value: Decimal, settings: ZynoMivaSettings) -> str:
    """A rate or a volume as it is sent; exact for one on the grid."""
    return f"{value:.{settings.places}f}"
