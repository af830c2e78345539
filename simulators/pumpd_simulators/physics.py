"""What a plant is made of and what is true of it: its settings, what its sensors can feel, the truth at an instant."""

from dataclasses import dataclass
from enum import StrEnum


class Sense(StrEnum):
    """What a pump's own sensors can feel."""

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
    """`error_percent` bounds the motor's constant error (drawn by seed), `ripple_percent` is the periodic one's size,
    `drift_ppm` the error of the pump's own clock. `slack_ml` is the drive's play: before the first movement, and after
    each reversal, the motor takes it up and nothing moves.

    At `stall_mmhg` the motor cannot go on. The defaults store 0.5 mL by then: 34 s at 52.5 mL/h. An empty syringe
    stalls the motor; a peristaltic pump goes on and pumps air.
    """

    seed: int = 0
    error_percent: float = 0.2
    ripple_percent: float = 1.0
    ripple_period_ml: float = 0.5
    drift_ppm: float = 0.0
    slack_ml: float = 0.005
    compliance_ml_per_mmhg: float = 0.0005
    stall_mmhg: float = 1000.0
    contents_ml: float | None = None  # None: the container never ends
    near_empty_ml: float = 5.0
    is_peristaltic: bool = False
    tube_to_sensor_ml: float = 1.0
    tube_to_patient_ml: float = 3.0
    battery_h: float = 8.0
    battery_low_percent: float = 20.0

    def __post_init__(self) -> None:
        if self.error_percent < 0 or self.ripple_percent < 0 or self.error_percent + self.ripple_percent > 50:
            raise ValueError("error_percent and ripple_percent must be at least 0 and together at most 50")
        if self.slack_ml < 0 or not 0 <= self.tube_to_sensor_ml <= self.tube_to_patient_ml:
            raise ValueError("slack_ml must be at least 0, and the air detector lies between container and patient")
        for name in ("ripple_period_ml", "compliance_ml_per_mmhg", "stall_mmhg", "battery_h"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        if self.contents_ml is not None and not self.contents_ml > 0:
            raise ValueError("contents_ml must be above 0, or left out for a container that never ends")

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
        """Rollers or fingers on a tube: a larger error, and a pulse with each roller."""
        return cls(
            seed=seed, error_percent=2.0, ripple_percent=10.0, ripple_period_ml=0.1, slack_ml=0.0, is_peristaltic=True
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really so at one instant. `delivered_ml` is the fluid that has reached the patient, net of what was drawn
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
