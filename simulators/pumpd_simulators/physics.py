"""The data of a plant: its settings, what its sensors can detect, and the true state at an instant."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_AT_LEAST_0 = (
    "error_percent",
    "ripple_percent",
    "slack_ml",
    "near_empty_ml",
    "tube_to_sensor_ml",
    "tube_to_patient_ml",
    "battery_low_percent",
)
_ABOVE = {
    "ripple_period_ml": 0,
    "compliance_ml_per_mmhg": 0,
    "stall_mmhg": 0,
    "contents_ml": 0,
    "battery_h": 0,
    "drift_ppm": -1_000_000,  # at which the pump's clock would stop
}


class Sense(StrEnum):
    """What a pump's own sensors can detect."""

    PRESSURE = "pressure"  # the pressure in the line has reached the limit that the pump set
    AIR = "air"  # a bubble is in front of the air detector
    DOOR = "door"  # the door, or the syringe holder, is open
    NEAR_EMPTY = "near-empty"
    EMPTY = "empty"
    DROPS = "drops"  # drops without the motor, or none while it runs
    MAINS_OFF = "mains-off"
    BATTERY_LOW = "battery-low"
    BATTERY_EMPTY = "battery-empty"


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """`error_percent` bounds the motor's constant error (drawn by seed), `ripple_percent` is the size of the periodic
    error, `drift_ppm` the error of the pump's own clock. `slack_ml` is the drive's play: before the first movement, and
    after each reversal, the motor takes it up and nothing moves.

    At `stall_mmhg` the motor cannot continue. With the defaults the line then stores 0.5 mL: 34 s at 52.5 mL/h. An
    empty syringe stalls the motor; a peristaltic pump continues and pumps air.
    """

    seed: int = 0
    error_percent: float = 0.2
    ripple_percent: float = 1.0
    ripple_period_ml: float = 0.5
    drift_ppm: float = 0.0
    slack_ml: float = 0.005
    compliance_ml_per_mmhg: float = 0.0005
    stall_mmhg: float = 1000.0
    contents_ml: float | None = None  # None: the container never empties
    near_empty_ml: float = 5.0
    is_peristaltic: bool = False
    tube_to_sensor_ml: float = 1.0
    tube_to_patient_ml: float = 3.0
    battery_h: float = 8.0
    battery_low_percent: float = 20.0

    def __post_init__(self) -> None:
        """Raises ValueError that names every wrong field."""
        if wrong := list(self._wrong()):
            raise ValueError("; ".join(wrong))

    def _wrong(self) -> Iterator[str]:
        unusable = [f"{name}: must be at least 0" for name in _AT_LEAST_0 if not self._number(name) >= 0]
        for name, bound in _ABOVE.items():
            if not self._number(name) > bound and not (name == "contents_ml" and self.contents_ml is None):
                unusable.append(f"{name}: must be above {bound}")
        if unusable:
            yield from (f"{reason}, not {getattr(self, reason.partition(':')[0])!r}" for reason in unusable)
            return
        if self.error_percent + self.ripple_percent > 50:
            yield "error_percent, ripple_percent: must be at most 50 together"
        if self.tube_to_sensor_ml > self.tube_to_patient_ml:
            yield "tube_to_sensor_ml: must be at most tube_to_patient_ml: the detector is on the way to the patient"
        if self.battery_low_percent > 100:
            yield f"battery_low_percent: must be at most 100, not {self.battery_low_percent!r}"

    def _number(self, name: str) -> float:
        """The value, or NaN if it is not a finite number: every comparison then fails."""
        value = getattr(self, name)
        return value if isinstance(value, int | float) and math.isfinite(value) else math.nan

    @classmethod
    def ideal(cls, contents_ml: float | None = None) -> "PlantSettings":
        """A pump without error, for arithmetic that a person can check."""
        return cls(error_percent=0.0, ripple_percent=0.0, slack_ml=0.0, contents_ml=contents_ml)

    @classmethod
    def syringe(cls, seed: int = 0) -> "PlantSettings":
        """A plunger driven by a screw."""
        return cls(seed=seed)

    @classmethod
    def peristaltic(cls, seed: int = 0) -> "PlantSettings":
        """Rollers or fingers on a tube: a larger error, and a pulse for each roller."""
        return cls(
            seed=seed, error_percent=2.0, ripple_percent=10.0, ripple_period_ml=0.1, slack_ml=0.0, is_peristaltic=True
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """The true state at one instant. `delivered_ml` is the fluid that has reached the patient, less what was drawn
    back; `air_ml` is the air.
    """

    time_s: float
    delivered_ml: float
    rate_ml_h: float
    running: bool
    pressure_mmhg: float
    occluded: bool
    jammed: bool
    largest_bolus_ml: float
    contents_ml: float | None
    air_ml: float
    door_open: bool
    mains: bool
    battery_percent: float
