"""What a Poseidon's motor can do: steps, speeds and syringes, and how a program becomes steps.

Steps follow from the screw, the motor and the syringe (protocol sheet, "Units"). The firmware takes any number and
silently does not reach high speeds; 1000 steps/s is the sheet's limit for a motor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType

from pumpd.driving import listed, text
from pumpd.pump import Capabilities, Container, FixedStep, LossOfControl, PumpKind, PumpProgram
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd_drivers.poseidon.settings import PoseidonSettings

GRID = FixedStep(Decimal("0.001"))  # mL and mL/h
FASTEST = Decimal(1000)  # steps/s
SLOWEST = Decimal(2)  # steps/s: a slice needs a few steps, or nothing shows that the motor was told to move
SHORTEST = Duration("1.5")  # of a program: a shorter move may end before the pump's clock shows it
LARGEST = Volume(60)  # the largest syringe of the public client
SMALLEST_DIAMETER, LARGEST_DIAMETER = Length("1"), Length("40")

PROVE_S = Decimal("0.06")  # before the next slice is due, to see that this one has ended
STANDSTILL_S = Decimal("0.06")  # of the motor in a slice, while the pump prints its replies: 6 to 9 ms each (sheet)
SLOW = Decimal("1.03")  # a move may last 3 % longer than its speed says (sheet)

# Inner diameters in the public client, calculated from its areas (sheet).
SYRINGES: Mapping[str, Length] = MappingProxyType(
    {
        f"BD plastic {size} mL": Length(mm)
        for size, mm in {
            "1": "4.699", "3": "8.585", "5": "11.99", "10": "14.43", "20": "19.05", "30": "21.59", "60": "26.56",
        }.items()
    }
)  # fmt: skip

_PI = Decimal("3.14159265358979323846")
_MICRO = Decimal("1e-6")
_SPEED_STEP = Decimal("0.1")  # the firmware takes short numbers


def capabilities(family: str, container: Container, settings: PoseidonSettings) -> Capabilities:
    """Raises ValueError for a container that the pump does not take."""
    if reasons := diameter_reasons(container.diameter):
        raise ValueError(listed(reasons))
    assert container.diameter is not None  # diameter_reasons checked it
    per_ml = steps_per_ml(container.diameter, settings)
    lowest = (SLOWEST * 3600 / per_ml).quantize(GRID.step, ROUND_CEILING)
    return Capabilities(
        family=family,
        kind=PumpKind.SYRINGE,
        rate_grid=GRID,
        volume_grid=GRID,
        rate_min=Rate(lowest),
        rate_max=Rate((highest_mean(settings) * 3600 / per_ml).quantize(GRID.step, ROUND_FLOOR)),
        volume_max=LARGEST,
        max_steps=1,
        loss_of_control=(LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY),
        counter_step=Volume((1 / per_ml).quantize(_MICRO, ROUND_CEILING)),
    )


def diameter_reasons(inner: Length | None) -> list[str]:
    """Why this diameter cannot be used; empty when it can."""
    if inner is None:
        return [
            text("limits.syringe_diameter", "diameter: this pump takes syringes; give the syringe's inner diameter")
        ]
    if not SMALLEST_DIAMETER <= inner <= LARGEST_DIAMETER:
        return [
            text(
                "limits.diameter",
                "diameter: {inner} is not within {smallest} to {largest}",
                inner=inner,
                smallest=SMALLEST_DIAMETER,
                largest=LARGEST_DIAMETER,
            )
        ]
    return []


def time_reasons(program: PumpProgram) -> list[str]:
    if program.duration >= SHORTEST:
        return []
    return [
        text(
            "poseidon.duration",
            "duration: {duration} is below {shortest}, the shortest that this driver can follow",
            duration=program.duration,
            shortest=SHORTEST,
        )
    ]


def steps_per_ml(inner: Length, settings: PoseidonSettings) -> Decimal:
    area_mm2 = _PI * (inner.decimal / 2) ** 2
    return 1000 / area_mm2 / settings.lead_mm * settings.steps_per_rev * settings.microsteps


def highest_mean(settings: PoseidonSettings) -> Decimal:
    """The highest mean speed in steps/s whose slices end in time at `FASTEST`."""
    moving_s = settings.slice_s - PROVE_S - STANDSTILL_S - FASTEST / settings.acceleration
    return (moving_s * FASTEST / SLOW - 3) / settings.slice_s  # 3: a slice holds whole steps


@dataclass(frozen=True, slots=True)
class Plan:
    """A program in steps: `total` at `mean` steps/s, in slices of `each` steps at `speed` steps/s.

    Steps are rounded down: the last fraction of a step is not given.
    """

    program: PumpProgram
    per_ml: Decimal
    total: int
    mean: Decimal
    each: int
    speed: Decimal

    @classmethod
    def of(cls, program: PumpProgram, settings: PoseidonSettings) -> "Plan":
        """For a program that fits."""
        assert program.diameter is not None  # a program without a diameter does not fit
        (step,) = program.steps
        per_ml = steps_per_ml(program.diameter, settings)
        mean = step.rate.decimal * per_ml / 3600
        each = int(mean * settings.slice_s)
        return cls(program, per_ml, int(step.volume.decimal * per_ml), mean, each, _speed(each, each / mean, settings))

    def slice(self, number: int) -> int:
        """Steps of a slice, counted from 1; the last one has what is left."""
        return min(self.each, self.total - self.each * (number - 1))

    def volume(self, steps: int) -> Volume:
        return Volume((steps / self.per_ml).quantize(_MICRO, ROUND_FLOOR))


def _speed(steps: int, due_s: Decimal, settings: PoseidonSettings) -> Decimal:
    """The speed with which a slice ends before the next one is due, printing and acceleration included.

    A move of n steps takes at most n / v * SLOW + v / acceleration.
    """
    moving_s = due_s - PROVE_S - STANDSTILL_S
    a = Decimal(settings.acceleration)
    root = (moving_s * moving_s - 4 * SLOW * steps / a).sqrt()
    return ((moving_s - root) * a / 2).quantize(_SPEED_STEP, ROUND_CEILING)
