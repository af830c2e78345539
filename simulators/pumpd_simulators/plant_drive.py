"""The drive: what really moves when the motor turns. Play, a constant error and a ripple, as formulas of its position.

Promises: turning forward never moves anything back (the slope is at least a half); the same seed gives the same error.
Steps are mL as the motor counts them, negative when it draws back; movements are true mL.
"""

import math
import random

from pumpd_simulators.physics import PlantSettings


class Drive:
    def __init__(self, settings: PlantSettings) -> None:
        rng = random.Random(settings.seed)  # noqa: S311 - repeatable physics, not secrets
        self._gain = 1.0 + rng.uniform(-1.0, 1.0) * settings.error_percent / 100.0
        self._wave = 2.0 * math.pi / settings.ripple_period_ml
        self._swing = settings.ripple_percent / 100.0 / self._wave
        self._phase = rng.uniform(0.0, 2.0 * math.pi)
        self._slack = settings.slack_ml
        self._motor = 0.0
        self._place = 0.0  # the position of what the motor moves: behind the motor by no more than the slack
        self._moved = self._at(0.0)

    def turn(self, step_ml: float) -> float:
        """Turn the motor; returns what really moved."""
        self._motor += step_ml
        self._place = self._held(self._motor)
        before, self._moved = self._moved, self._at(self._place)
        return self._moved - before

    def slip(self, step_ml: float) -> None:
        """Turn the motor while it moves nothing; its play is open afterwards."""
        self._motor += step_ml
        self._place = self._motor
        self._moved = self._at(self._place)

    def ahead(self, step_ml: float) -> float:
        """What would move if the motor turned by this step."""
        return self._at(self._held(self._motor + step_ml)) - self._moved

    def slope(self, way: int) -> float:
        """True movement per motor movement at this instant, forward (1) or back (-1)."""
        if self._play(way) > 0:
            return 0.0
        return self._gain + self._swing * self._wave * math.cos(self._wave * self._place + self._phase)

    def farthest(self, true_ml: float, way: int) -> float:
        """A step, without its sign, that certainly moves `true_ml` or more."""
        return self._play(way) + true_ml / (self._gain - self._swing * self._wave)

    def _play(self, way: int) -> float:
        """How far the motor turns in that direction before anything moves."""
        return self._place - (self._motor - self._slack) if way > 0 else self._motor - self._place

    def _held(self, motor: float) -> float:
        """The resulting position of what is moved when the motor goes to this position."""
        behind = motor - self._slack
        return behind if self._place < behind else min(self._place, motor)

    def _at(self, place: float) -> float:
        return self._gain * place + self._swing * math.sin(self._wave * place + self._phase)
