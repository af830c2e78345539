"""What a Reglo ICC can hold, and how its numbers become quantities.

A flow has four digits in mL/min (protocol sheet). All multiples of 0.001 mL/min up to 9.999 mL/min fit; in mL/h these
are the multiples of 0.06 up to 599.94.
"""

import re
from decimal import Decimal

from pumpd.driving import text
from pumpd.pump import Capabilities, Container, FewDigits, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Rate, Volume
from pumpd_drivers.reglo_icc.settings import RegloIccSettings

RATE_GRID = FixedStep(Decimal("0.06"))
VOLUME_GRID = FewDigits(4, 3)
PLACES = 3  # of a total, at most, after the point

TOTAL = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) (ul|ml|l)", re.ASCII)
TOP_FLOW = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?) ?(?:ml/min)?", re.ASCII)

_ML = {"ul": Decimal("0.001"), "ml": Decimal(1), "l": Decimal(1000)}


def capabilities(family: str, container: Container, settings: RegloIccSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if container.diameter is not None:
        raise ValueError(text("reglo_icc.tube", "diameter: this pump takes a tube, not a syringe"))
    return Capabilities(
        family=family,
        kind=PumpKind.VOLUMETRIC,
        rate_grid=RATE_GRID,
        volume_grid=VOLUME_GRID,
        rate_min=Rate(settings.rate_min_ml_h),
        rate_max=Rate(settings.rate_max_ml_h),
        volume_max=Volume(settings.volume_max_ml),
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
        counter_step=counter_step(container.volume + container.overfill, settings),
        rate_setting="rate_max_ml_h",
        volume_setting="volume_max_ml",
    )


def scale(settings: RegloIccSettings) -> Decimal:
    """One of the pump's units of `f` and `v`, in mL."""
    return _ML[settings.volume_unit]


def rate(flow: Decimal, settings: RegloIccSettings) -> Rate:
    return Rate(flow * scale(settings) * 60)


def flow(value: Rate, settings: RegloIccSettings) -> Decimal:
    """Exact for a rate on the grid."""
    return value.decimal / 60 / scale(settings)


def total(match: re.Match[str]) -> Volume:
    return Volume(Decimal(match[1]) * _ML[match[2]])


def counter_step(largest: Volume, settings: RegloIccSettings) -> Volume:
    """The step by which the total grows once it has as many digits before the point as `largest`."""
    places = min(PLACES, settings.total_digits - len(str(int(largest.decimal))))
    return Volume(Decimal(1).scaleb(-max(0, places)))
