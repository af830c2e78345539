"""Hard and soft limits: the catalogue's values, those of a library entry, and checking a prescription against them.

Promises:
- A hard limit has no override. A value at a limit is inside, the next one is outside (PRG-22).
- A site may tighten the hard values of this file, never loosen them: an entry that tries is not loaded.

The numbers come from the requirements (PRG-04 to PRG-10, PRG-13); [P] marks those that this project chose.
"""

from decimal import Decimal
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, model_validator

from pumpd import texts
from pumpd.dosing.reading import read_twice
from pumpd.dosing.refusal import Refusal, SoftLimit
from pumpd.quantities import Concentration, DosePerWeight, Duration, Length, Mass, Quantity, Rate, Volume, Weight, plain

DOSE_LEAST, DOSE_MOST = DosePerWeight("0.1"), DosePerWeight("1")  # PRG-04, the arms of the dose-finding trial
DURATION_LEAST, DURATION_MOST = Duration(40 * 60), Duration(100 * 60)  # PRG-06
WEIGHT_LEAST, WEIGHT_MOST = Weight(30), Weight(200)  # PRG-07 [P]
DOSE_CAP = Mass(100)  # PRG-09 [P]
CONCENTRATION_MOST = Concentration(2)  # PRG-10: the stronger of the label's two dilutions; never a vial (10 to 100)
WEIGHT_CHANGE = Decimal("0.1")  # PRG-07
PROFILE_PEAK = Decimal("1.25")  # [P] no step over 1.25 x the mean rate: a loading dose is a bolus (PRG-15)
SYRINGE_MINIMUM = ((Volume(50), Rate(1)), (Volume(20), Rate("0.5")), (Volume(10), Rate("0.1")))  # PRG-13

Q = TypeVar("Q", bound=Quantity)


def shown(quantity: Quantity) -> str:
    """As a clinician writes it: a time of whole minutes in minutes, anything else in the unit of its kind."""
    if isinstance(quantity, Duration) and quantity.decimal % 60 == 0:
        return f"{plain(quantity.minutes)} min"
    return str(quantity)


def _reads(kind: type[Quantity]) -> BeforeValidator:
    def read(text: Any, info: ValidationInfo) -> Quantity:
        return read_twice(kind, text, str(info.field_name))

    return BeforeValidator(read)


ConcentrationText = Annotated[Concentration, _reads(Concentration)]
DoseText = Annotated[DosePerWeight, _reads(DosePerWeight)]
DurationText = Annotated[Duration, _reads(Duration)]
LengthText = Annotated[Length, _reads(Length)]
MassText = Annotated[Mass, _reads(Mass)]
RateText = Annotated[Rate, _reads(Rate)]
VolumeText = Annotated[Volume, _reads(Volume)]
WeightText = Annotated[Weight, _reads(Weight)]


class Section(BaseModel):
    """A table of a library file: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Limits(Section, Generic[Q]):
    """Hard and soft limits of one quantity, all inclusive."""

    hard_min: Q
    soft_min: Q
    soft_max: Q
    hard_max: Q

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.hard_min <= self.soft_min <= self.soft_max <= self.hard_max:
            raise ValueError("hard_min <= soft_min <= soft_max <= hard_max must hold")
        return self

    def looser_than(self, least: Q, most: Q) -> list[str]:
        """Which hard limits a site has loosened beyond the catalogue."""
        looser = []
        if self.hard_min < least:
            looser.append(f"hard_min {shown(self.hard_min)} is looser than the hard limit {shown(least)}")
        if self.hard_max > most:
            looser.append(f"hard_max {shown(self.hard_max)} is looser than the hard limit {shown(most)}")
        return looser

    def refusal(self, field: str, value: Q, requirement: str) -> Refusal | None:
        if value < self.hard_min:
            return Refusal(
                field,
                texts.text(
                    "dose.below_hard",
                    "{value} is below the hard limit of {limit}",
                    value=shown(value),
                    limit=shown(self.hard_min),
                ),
                requirement,
            )
        if value > self.hard_max:
            return Refusal(
                field,
                texts.text(
                    "dose.above_hard",
                    "{value} is above the hard limit of {limit}",
                    value=shown(value),
                    limit=shown(self.hard_max),
                ),
                requirement,
            )
        return None

    def warning(self, field: str, value: Q, requirement: str) -> SoftLimit | None:
        if value < self.soft_min:
            reason = texts.text(
                "dose.below_soft",
                "{value} is below the soft limit of {limit}",
                value=shown(value),
                limit=shown(self.soft_min),
            )
            return SoftLimit(f"{field}_low", field, reason, requirement)
        if value > self.soft_max:
            reason = texts.text(
                "dose.above_soft",
                "{value} is above the soft limit of {limit}",
                value=shown(value),
                limit=shown(self.soft_max),
            )
            return SoftLimit(f"{field}_high", field, reason, requirement)
        return None


class LimitsWithDefault(Limits[Q], Generic[Q]):
    """Limits and the default that a form proposes; planning itself never fills anything in."""

    default: Q

    @model_validator(mode="after")
    def _default_inside(self) -> Self:
        if not self.soft_min <= self.default <= self.soft_max:
            raise ValueError(f"default {shown(self.default)} is outside the soft limits")
        return self


class DoseCap(Section):
    """The most drug in one infusion, whatever the weight (PRG-09)."""

    soft: MassText
    hard: MassText

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.soft > self.hard:
            raise ValueError("soft <= hard must hold")
        return self

    def refusal(self, dose: Mass) -> Refusal | None:
        if dose > self.hard:
            return Refusal(
                "dose",
                texts.text(
                    "dose.total_above_hard",
                    "{dose} in all is above the hard limit of {limit}",
                    dose=dose,
                    limit=self.hard,
                ),
                "PRG-09",
            )
        return None

    def warning(self, dose: Mass) -> SoftLimit | None:
        if dose > self.soft:
            return SoftLimit(
                "dose_total",
                "dose",
                texts.text(
                    "dose.total_above_soft",
                    "{dose} in all is above the soft limit of {limit}",
                    dose=dose,
                    limit=self.soft,
                ),
                "PRG-09",
            )
        return None


def weight_change(weight: Weight, on_record: Weight | None, typed: Weight | None = None) -> SoftLimit | None:
    """A weight that differs by more than 10 % from the last one is a soft limit (PRG-07).

    The weight of the last session on record counts; a `typed` one is for a patient's first session here.
    """
    recorded = texts.text("dose.weight_on_record", "on record from the last session")
    as_typed = texts.text("dose.weight_as_typed", "in the previous session, as typed")
    for last, whose in ((on_record, recorded), (typed, as_typed)):
        if last is not None and abs(weight - last) > last.times(WEIGHT_CHANGE):
            reason = texts.text(
                "dose.weight_changed",
                "{weight} differs by more than 10 % from the {last} {whose}; kilograms are meant, not pounds",
                weight=weight,
                last=last,
                whose=whose,
            )
            return SoftLimit("weight_change", "weight", reason, "PRG-07")
    return None


def syringe_minimum(volume: Volume) -> Rate | None:
    """The lowest recommended rate for a syringe of that size; None below the smallest size with a known value."""
    return next((rate for size, rate in SYRINGE_MINIMUM if volume >= size), None)
