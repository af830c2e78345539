"""A simulated patient at rest: vital signs that wander around a healthy adult's, the same for the same seed. Pure.

The numbers are plausible, not a model of a person: nothing here reacts to a drug. What should happen to a patient is a
fault of the monitor's table, such as a desaturation.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

PULL = 0.1  # of the way back to its mean that a value goes in a second


@dataclass(frozen=True, slots=True)
class Sign:
    mean: float
    step: float  # standard deviation of the change in a second
    least: float
    most: float


SIGNS: Mapping[str, Sign] = {
    "spo2_percent": Sign(97.5, 0.25, 94.0, 100.0),
    "heart_rate_bpm": Sign(72.0, 0.9, 60.0, 86.0),
    "respiration_per_min": Sign(14.0, 0.35, 10.0, 18.0),
    "systolic_mmhg": Sign(122.0, 1.2, 110.0, 136.0),
    "diastolic_mmhg": Sign(78.0, 0.9, 68.0, 88.0),
}


class Patient:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._now = {name: sign.mean for name, sign in SIGNS.items()}

    def second(self) -> dict[str, float]:
        """A second later: the true value of each sign."""
        for name, sign in SIGNS.items():
            here = self._now[name]
            moved = here + PULL * (sign.mean - here) + self._random.gauss(0.0, sign.step)
            self._now[name] = min(max(moved, sign.least), sign.most)
        return dict(self._now)
