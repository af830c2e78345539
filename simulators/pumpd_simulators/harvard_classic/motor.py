"""What a classic pump does with its motor: infuses and refills until its target, a stall or a stop, and counts.

Promises (from the sheet):
- There is no watchdog: only a target, a stall or a command ends a run.
- A run ends when the counter reaches the target, not after that volume.
- Volumes are the plant's record of what the motor believes it moved, never counted here.
"""

from enum import Enum

from pumpd_simulators.harvard_classic.memory import INFUSE
from pumpd_simulators.plant import Plant


class Rest(Enum):
    """Why a motor does not turn."""

    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    TARGET = "target"
    STALLED = "stalled"


class Motor:
    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.rest = Rest.STOPPED
        self.way = INFUSE
        self.running = False
        self._rate_ml_h = 0.0
        self._target_ml: float | None = None
        self._cleared = dict(zip((INFUSE, -INFUSE), plant.moved(), strict=True))
        plant.on_target = lambda: self._halt(Rest.TARGET)
        plant.on_stall = lambda: self._halt(Rest.STALLED)

    def volume_ml(self, way: int | None = None) -> float:
        """The counter: what was moved in the present direction, or another, since it was cleared."""
        way = way or self.way
        return self.plant.moved()[0 if way == INFUSE else 1] - self._cleared[way]

    def clear(self, *ways: int) -> None:
        """The counters of these directions; without one, both."""
        moved = dict(zip((INFUSE, -INFUSE), self.plant.moved(), strict=True))
        self._cleared |= {way: moved[way] for way in ways or moved}
        if self.rest is Rest.INTERRUPTED:
            self.rest = Rest.STOPPED
        self._turn()

    def run(self, way: int, rate_ml_h: float, target_ml: float | None) -> None:
        """Turn until the counter is at the target; None: until it is stopped."""
        self.way, self._rate_ml_h, self._target_ml = way, rate_ml_h, target_ml
        self.running = True
        self._turn()

    def change(self, rate_ml_h: float) -> None:
        self._rate_ml_h = rate_ml_h
        self._turn()

    def aim(self, target_ml: float | None) -> None:
        self._target_ml = target_ml
        self._turn()

    def stop(self) -> None:
        if self.running:
            self._halt(Rest.INTERRUPTED)

    def _turn(self) -> None:
        if not self.running:
            return
        left = None if self._target_ml is None else self._target_ml - self.volume_ml()
        if left is not None and left <= 1e-9:
            self._halt(Rest.TARGET)
        else:
            self.plant.run(self.way * self._rate_ml_h, left)

    def _halt(self, rest: Rest) -> None:
        self.running, self.rest = False, rest
        self.plant.stop()
