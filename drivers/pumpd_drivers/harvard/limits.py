"""What a Harvard pump can hold: rates by syringe diameter and plunger speed, and the wire format of its values."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from pumpd.driving import listed, text
from pumpd.pump import Capabilities, Container, FewDigits, LossOfControl, PumpKind, PumpProgram
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.harvard.settings import HarvardSettings

PLACES = 3  # after the point: 1 uL, and 1 uL/h
SMALLEST_DIAMETER = Length("0.1")  # 11 Elite metrics
DIAMETER_STEP = Decimal("0.0001")  # as the pump shows it
LONGEST_TIME_S = 99 * 3600

_PI = Decimal("3.14159265358979323846")
_ML = {"l": Decimal(1000), "ml": Decimal(1), "ul": Decimal("1e-3"), "nl": Decimal("1e-6"), "pl": Decimal("1e-9")}
_PER_HOUR = {"hr": Decimal(1), "h": Decimal(1), "min": Decimal(60), "sec": Decimal(3600), "s": Decimal(3600)}
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+) "

DIAMETER = re.compile(_NUMBER + "mm", re.ASCII)
VOLUME = re.compile(_NUMBER + "(l|ml|ul|nl|pl)", re.ASCII)
RATE = re.compile(_NUMBER + "(l|ml|ul|nl|pl)/(hr|h|min|sec|s)", re.ASCII)
RATE_LIMITS = re.compile(f"(?P<low>{RATE.pattern}) to (?P<high>{RATE.pattern})", re.ASCII)
TIME = re.compile(r"(\d+) seconds|(\d+):(\d\d):(\d\d)", re.ASCII)


def capabilities(family: str, container: Container, settings: HarvardSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if reasons := diameter_reasons(container.diameter, settings):
        raise ValueError(listed(reasons))
    assert container.diameter is not None  # diameter_reasons checked it
    low, high = rate_range(container.diameter, settings)
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=grid(settings),
        volume_grid=grid(settings),
        rate_min=low,
        rate_max=high,
        volume_max=Volume(settings.volume_max_ml),
        volume_setting="volume_max_ml",
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
    )


def diameter(match: re.Match[str]) -> Length:
    return Length(Decimal(match[1]))


def volume(match: re.Match[str]) -> Volume:
    return Volume(Decimal(match[1]) * _ML[match[2]])


def rate(match: re.Match[str]) -> Rate:
    return Rate(Decimal(match[1]) * _ML[match[2]] * _PER_HOUR[match[3]])


def rate_limits(match: re.Match[str]) -> tuple[Rate, Rate]:
    low, high = RATE.fullmatch(match["low"]), RATE.fullmatch(match["high"])
    assert low is not None
    assert high is not None
    return rate(low), rate(high)


def time_s(match: re.Match[str]) -> int:
    if match[1]:
        return int(match[1])
    return int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4])


def target_time_s(program: PumpProgram) -> int:
    """The time limit beside the target volume, in s: the program's duration, 1 % and 1 s more, rounded up.

    It is never less than the volume needs, so that the volume ends the run and the time only bounds it.
    """
    exact = program.duration.decimal * Decimal("1.01") + 1
    return int(exact.to_integral_value(ROUND_CEILING))


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def grid(settings: HarvardSettings) -> FewDigits:
    return FewDigits(settings.digits, PLACES)


def rate_range(inner: Length, settings: HarvardSettings) -> tuple[Rate, Rate]:
    """Lowest and highest rate for a syringe, rounded inwards to what the pump can hold."""
    area_cm2 = _PI * (inner.decimal / 20) ** 2
    step = Decimal(1).scaleb(-PLACES)
    low = (settings.slowest_mm_min * 6 * area_cm2).quantize(step, ROUND_CEILING)
    high = (settings.fastest_mm_min * 6 * area_cm2).quantize(step, ROUND_FLOOR)
    most = Decimal(10**settings.digits - 1)  # the largest number with that many digits
    return Rate(max(low, step)), Rate(grid(settings).floor(min(high, most)))


def diameter_reasons(inner: Length | None, settings: HarvardSettings) -> list[str]:
    """Why this diameter cannot be set; empty when it can."""
    if inner is None:
        return [
            text("limits.syringe_diameter", "diameter: this pump takes syringes; give the syringe's inner diameter")
        ]
    largest = Length(settings.diameter_max_mm)
    if not SMALLEST_DIAMETER <= inner <= largest:
        return [
            text(
                "limits.diameter",
                "diameter: {inner} is not within {smallest} to {largest}",
                inner=inner,
                smallest=SMALLEST_DIAMETER,
                largest=largest,
            )
        ]
    if inner.decimal % DIAMETER_STEP:
        return [text("harvard.places", "diameter: {inner} has more than four places after the point", inner=inner)]
    return []


def time_reasons(program: PumpProgram) -> list[str]:
    if target_time_s(program) <= LONGEST_TIME_S:
        return []
    return [
        text(
            "harvard.duration",
            "duration: {duration} is above {longest}, the longest that this driver runs",
            duration=program.duration,
            longest=Duration(LONGEST_TIME_S),
        )
    ]
