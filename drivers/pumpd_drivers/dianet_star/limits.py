"""What a Dianet Star pump can hold: its numbers, its assumed limits, and the limits that it reports itself."""

from decimal import Decimal

from pumpd.driving import text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind, RateStep
from pumpd.quantities import Duration, Rate, Volume
from pumpd_drivers.dianet_star.segments import Limits
from pumpd_drivers.dianet_star.settings import DianetStarSettings

LONGEST_WATCHDOG = Duration(60)


def capabilities(family: str, container: Container, settings: DianetStarSettings) -> Capabilities:
    """Raises ValueError for a container that the model does not take."""
    volumetric = settings.model == "infusomat-fms"
    if volumetric and container.diameter is not None:
        raise ValueError(
            text(
                "dianet_star.bags", "diameter: this pump takes bags and bottles; for syringes, set model to perfusor-fm"
            )
        )
    if not volumetric and container.diameter is None:
        raise ValueError(
            text(
                "dianet_star.syringes",
                "diameter: this pump takes syringes; for bags and bottles, set model to infusomat-fms",
            )
        )
    native = settings.stops_when_control_is_lost
    return Capabilities(
        family=family,
        kind=PumpKind.VOLUMETRIC if volumetric else PumpKind.SYRINGE,
        rate_grid=FixedStep(settings.rate_step_ml_h),
        volume_grid=FixedStep(Decimal("0.1")),
        rate_min=Rate(settings.rate_min_ml_h),
        rate_max=Rate(settings.rate_max_ml_h),
        volume_max=Volume(settings.vtbd_max_ml),
        max_steps=1,
        loss_of_control=(LossOfControl.NATIVE,) if native else (LossOfControl.VTBI_ONLY,),
        watchdog=LONGEST_WATCHDOG if native else None,
        counter_step=Volume("0.1"),
        rate_setting="rate_max_ml_h",
        volume_setting="vtbd_max_ml",
    )


def step_reasons(step: RateStep, limits: Limits) -> list[str]:
    """Why a step does not fit the limits that the pump reports; empty when it does."""
    reasons: list[str] = []
    low, high = rate(limits.cc_rate_min), rate(limits.cc_rate_max)
    if not low <= step.rate <= high:
        reasons.append(
            text(
                "dianet_star.rate",
                "rate: {rate} is not within {low} to {high}, the pump's own limits in closed loop",
                rate=step.rate,
                low=low,
                high=high,
            )
        )
    if step.volume > (most := volume(limits.vtbd_max)):
        reasons.append(
            text(
                "dianet_star.volume",
                "volume: {volume} is above the pump's own limit {most}",
                volume=step.volume,
                most=most,
            )
        )
    return reasons


def rate(hundredths: int) -> Rate:
    return Rate(Decimal(hundredths).scaleb(-2))


def volume(tenths: int) -> Volume:
    return Volume(Decimal(tenths).scaleb(-1))


def hundredths(value: Rate) -> int:
    return int(value.decimal.scaleb(2))


def tenths(value: Volume) -> int:
    return int(value.decimal.scaleb(1))
