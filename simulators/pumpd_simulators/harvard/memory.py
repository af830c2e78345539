"""What a Harvard pump stores: its program, with numbers in the units in which they were given. `nvram` keeps it."""

from dataclasses import dataclass, field

from pumpd_simulators.harvard import numbers

INFUSE, WITHDRAW = 1, -1


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with the unit in which it was given, and in which the pump shows it."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{numbers.shown(self.value)} {self.unit}"

    @property
    def ml(self) -> float:
        return self.value * numbers.ML[self.unit]

    @property
    def ml_h(self) -> float:
        return numbers.ml_h(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Ramp:
    begin: Amount
    end: Amount
    time_s: float

    def __str__(self) -> str:
        return f"{self.begin} to {self.end} in {numbers.shown(self.time_s)} seconds"


@dataclass(slots=True)
class Program:
    """What `nvram` keeps: diameter, rates, ramps, targets."""

    diameter_mm: float
    rates: dict[int, Amount] = field(default_factory=dict)
    ramps: dict[int, Ramp] = field(default_factory=dict)
    target: Amount | None = None
    target_time_s: int | None = None

    def copy(self) -> "Program":
        return Program(self.diameter_mm, dict(self.rates), dict(self.ramps), self.target, self.target_time_s)
