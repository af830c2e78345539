"""What a classic pump stores: a syringe, rates in the units in which they were given, a target, and its mode."""

from dataclasses import dataclass, field

from pumpd_simulators.harvard_classic import numbers

INFUSE, REFILL = 1, -1


@dataclass(frozen=True, slots=True)
class Amount:
    """A rate with its unit, as the Model 22's command for it: `MLH`."""

    value: float
    unit: str

    @property
    def ml_h(self) -> float:
        return self.value * numbers.ML_H[self.unit]


@dataclass(slots=True)
class Memory:
    diameter_mm: float
    rates: dict[int, Amount] = field(default_factory=dict)
    target_ml: float = 0.0
    mode: str = "PMP"
    way: int = INFUSE
    words: dict[str, str] = field(default_factory=dict)  # stored and reported only

    def copy(self) -> "Memory":
        return Memory(self.diameter_mm, dict(self.rates), self.target_ml, self.mode, self.way, dict(self.words))
