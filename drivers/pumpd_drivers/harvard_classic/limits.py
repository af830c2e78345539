"""What a classic Harvard pump can hold: rates by syringe diameter and plunger speed, and diameters by their digits.

The manuals' tables of rates differ by up to 2 % from speed times area, so the pump itself decides: it answers `OOR`.
"""

from decimal import ROUND_CEILING, Decimal

from pumpd.driving import listed, text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Length, Rate
from pumpd_drivers.harvard_classic.dialects import PLACES, Dialect, dialect
from pumpd_drivers.harvard_classic.settings import HarvardClassicSettings

_PI = Decimal("3.14159265358979323846")


def capabilities(family: str, container: Container, settings: HarvardClassicSettings) -> Capabilities:
    """Raises ValueError for a pump that is never programmed, and for a container that it does not take."""
    words = dialect(settings)
    if words.never:
        raise ValueError(words.never)
    if reasons := diameter_reasons(container.diameter, words):
        raise ValueError(listed(reasons))
    assert container.diameter is not None  # diameter_reasons checked it
    low, high = rate_range(container.diameter, words)
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=words.rate_grid,
        volume_grid=words.volume_grid,
        rate_min=low,
        rate_max=high,
        volume_max=words.volume_max,
        volume_setting="volume_max_ml",
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
    )


def rate_range(inner: Length, words: Dialect) -> tuple[Rate, Rate]:
    """Lowest and highest rate for a syringe, rounded inwards to what the pump can hold."""
    area_cm2 = _PI * (inner.decimal / 20) ** 2
    grid, settings = words.rate_grid, words.settings
    step = grid.step if isinstance(grid, FixedStep) else Decimal(1).scaleb(-PLACES)
    low = (settings.slowest_mm_min * 6 * area_cm2 / step).to_integral_value(ROUND_CEILING) * step
    high = min(settings.fastest_mm_min * 6 * area_cm2, words.rate_max.decimal)
    return Rate(grid.floor(low)), Rate(grid.floor(high))


def diameter_reasons(inner: Length | None, words: Dialect) -> list[str]:
    """Why this diameter cannot be set; empty when it can."""
    if inner is None:
        return [
            text("limits.syringe_diameter", "diameter: this pump takes syringes; give the syringe's inner diameter")
        ]
    smallest, largest = Length(words.smallest_mm), Length(words.largest_mm)
    if not smallest <= inner <= largest:
        return [
            text(
                "limits.diameter",
                "diameter: {inner} is not within {smallest} to {largest}",
                inner=inner,
                smallest=smallest,
                largest=largest,
            )
        ]
    if (held := Length(words.held_mm(inner.decimal))) != inner:
        return [
            text(
                "harvard_classic.diameter",
                "diameter: a {pump} cannot hold {inner}; the next smaller one that it holds is {held}",
                pump=words.pump,
                inner=inner,
                held=held,
            )
        ]
    return []
