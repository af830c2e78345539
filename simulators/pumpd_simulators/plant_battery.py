"""A pump's battery: it drains while the mains are off and charges, equally fast, while they are on.

Promises: a full battery lasts `battery_h`, whatever the motor does; it is low, or empty, exactly while its level is at
or below that mark.
"""

from pumpd_simulators.physics import PlantSettings
from pumpd_simulators.plant_marks import distance, passed

FULL_PERCENT = 100.0


class Battery:
    """`now` is plant time in seconds."""

    def __init__(self, settings: PlantSettings, now: float) -> None:
        self.mains = True
        self._low = settings.battery_low_percent
        self._speed = FULL_PERCENT / (settings.battery_h * 3600.0)  # percent a second
        self._percent, self._since = FULL_PERCENT, now

    def percent(self, now: float) -> float:
        change = (now - self._since) * self._speed
        return min(max(self._percent + (change if self.mains else -change), 0.0), FULL_PERCENT)

    def switch(self, now: float, *, mains: bool) -> None:
        self.put(self.percent(now), now)
        self.mains = mains

    def put(self, percent: float, now: float) -> None:
        self._percent, self._since = percent, now

    def low(self, now: float) -> bool:
        return passed(self.percent(now) - self._low)

    def empty(self, now: float) -> bool:
        return passed(self.percent(now))

    def seconds_to_change(self, now: float) -> float:
        """Seconds until `low` or `empty` changes; infinite when neither will."""
        percent, way = self.percent(now), -1 if self.mains else 1
        change = min(distance(percent - self._low, way), distance(percent, way))
        # A full battery stays full, even if the low mark is above 100 %.
        return change / self._speed if 0 <= percent - way * change <= FULL_PERCENT else float("inf")
