"""Air in the tube: bubbles that entered at the container and travel with the flow, past the detector to the patient.

A bubble is a stretch of the volume that left the container, so everything follows from `flowed`: what has come out of
the tube, air and liquid, less what was drawn back. Promises: air is detected while it is in front of the detector, in
whichever direction it passes; exactly the bubble's volume reaches the patient as air.
"""

import math
from collections.abc import Iterator

from pumpd_simulators.physics import PlantSettings
from pumpd_simulators.plant_marks import passed


class Air:
    def __init__(self, settings: PlantSettings) -> None:
        self._to_sensor = settings.tube_to_sensor_ml
        self._to_patient = settings.tube_to_patient_ml
        self._bubbles: list[tuple[float, float]] = []  # (front, end) in order, without overlap

    def enter(self, taken_ml: float, volume_ml: float = math.inf) -> None:
        """A bubble follows what the container has delivered so far, or the previous bubble."""
        front = max(taken_ml, self._bubbles[-1][1]) if self._bubbles else taken_ml
        if front < math.inf:
            self._bubbles.append((front, front + volume_ml))

    def close(self, taken_ml: float) -> None:
        """The container delivers liquid again: an endless bubble ends here."""
        if self.endless:
            front, _ = self._bubbles.pop()
            if taken_ml > front:
                self._bubbles.append((front, taken_ml))

    @property
    def endless(self) -> bool:
        return bool(self._bubbles) and self._bubbles[-1][1] == math.inf

    def detected(self, flowed_ml: float) -> bool:
        here = flowed_ml - self._to_sensor
        return any(passed(front - here) and not passed(end - here) for front, end in self._bubbles)

    def marks(self, flowed_ml: float) -> Iterator[float]:
        """How far each bubble's front and end are from the detector."""
        here = flowed_ml - self._to_sensor
        for bubble in self._bubbles:
            for edge in bubble:
                yield edge - here

    def delivered_ml(self, flowed_ml: float) -> float:
        """Air that has reached the patient."""
        here = flowed_ml - self._to_patient
        return sum(min(max(here - front, 0.0), end - front) for front, end in self._bubbles)
