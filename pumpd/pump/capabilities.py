"""What a pump can do, declared by its driver: grids, limits, phases, and what ends its flow when the gateway dies."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum

from pumpd.quantities import Duration, Rate, Volume
from pumpd.texts import text

_DOWN = Context(prec=60, rounding=ROUND_DOWN)  # whatever the caller's own context is


@dataclass(frozen=True, slots=True)
class FixedStep:
    """A grid of equal steps, such as 0.1 mL/h."""

    step: Decimal

    def floor(self, value: Decimal) -> Decimal:
        steps = _DOWN.divide(value, self.step).to_integral_value(ROUND_DOWN, _DOWN)
        return _DOWN.multiply(steps, self.step)


@dataclass(frozen=True, slots=True)
class FewDigits:
    """A grid of short decimals: at most `digits` digits in all and `places` after the point."""

    digits: int
    places: int

    def floor(self, value: Decimal) -> Decimal:
        places = self.places
        if value >= 1:
            places = min(places, self.digits - len(str(int(value))))
        if places < 0:
            raise ValueError(
                text(
                    "fit.digits",
                    "{value} has more than {digits} digits before the point",
                    value=value,
                    digits=self.digits,
                )
            )
        return value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN, _DOWN)


class PumpKind(StrEnum):
    SYRINGE = "syringe"
    VOLUMETRIC = "volumetric"

    @property
    def accuracy_percent(self) -> Decimal:
        """Required flow accuracy of this kind: 2 % syringe, 5 % volumetric (RUN-02)."""
        return Decimal(2) if self is PumpKind.SYRINGE else Decimal(5)


class LossOfControl(StrEnum):
    """What ends the flow when nothing communicates with the pump any more (COM-13)."""

    NATIVE = "native"  # the pump's own communication watchdog
    DEADMAN = "deadman"  # the deadman process writes the stop frames, while the gateway has power and the cable holds
    VTBI_ONLY = "vtbi_only"  # nothing but the programmed volume


@dataclass(frozen=True, slots=True)
class Assumption:
    """A protocol fact that no public source states: its name in the driver's settings, default and meaning."""

    name: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Limits for one container on one model; a driver computes them without contacting a pump.

    `watchdog` is the longest time that the pump's own watchdog can be set to, None without one. `max_steps` is how many
    steps the pump itself can hold. `counter_step` is the step by which the delivered volume of a reading grows, where
    it is too coarse to be ignored. `rate_setting` and `volume_setting` name the driver's settings that hold `rate_max`
    and `volume_max`, for a refusal to name them; empty where no setting does.
    """

    family: str
    kind: PumpKind
    rate_grid: FixedStep | FewDigits
    volume_grid: FixedStep | FewDigits
    rate_min: Rate
    rate_max: Rate
    volume_max: Volume
    max_steps: int
    loss_of_control: tuple[LossOfControl, ...]
    watchdog: Duration | None = None
    monitor_only: bool = False
    counter_step: Volume = Volume(0)
    rate_setting: str = ""
    volume_setting: str = ""
