"""What a motor of a Poseidon does: steps towards its target, in three pieces: faster, steady, slower.

Source: the sheet's measured speeds (straight lines between them) and AccelStepper's ramps. A piece has one speed, the
mean of its ramp; a motor that rests in between continues at the speed that it had.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from pumpd_simulators.plant import Alert, Plant
from pumpd_simulators.poseidon.options import PoseidonOptions

# Steps/s asked for and measured, one motor (sheet, "Motion"). The last pair is the ceiling.
MEASURED = ((0.0, 0.0), (300.0, 298.0), (1000.0, 977.0), (2000.0, 1981.0), (3000.0, 2837.0), (20000.0, 3900.0))
_TINY = 1e-6


def reached(asked: float, motors: int, options: PoseidonOptions) -> float:
    """The speed that a motor really has, in steps/s, while so many move together."""
    ceilings = {1: options.ceiling_steps_s, 3: options.ceiling_of_three_steps_s}
    ceiling = ceilings.get(motors, options.ceiling_steps_s / motors)  # two: [I]
    if asked >= MEASURED[-1][0]:
        return ceiling
    place = max(1, bisect_left(MEASURED, (asked, 0.0)))
    (low, at_low), (high, at_high) = MEASURED[place - 1], MEASURED[place]
    return min(ceiling, at_low + (at_high - at_low) * (asked - low) / (high - low))


@dataclass(slots=True)
class Leg:
    """One motor's part of one move: `left` steps, of which the sign is the direction. With `speed` 0 it rests."""

    left: float
    speed: float
    acceleration: float
    whole: float = 0.0

    def __post_init__(self) -> None:
        self.whole = abs(self.left)

    @property
    def done(self) -> bool:
        return abs(self.left) < _TINY

    def piece(self, top: float) -> tuple[float, float]:
        """The steps of the piece that is due, and its speed in steps/s; `top` is the speed that is reached."""
        ramp = min(top * top / (2 * self.acceleration), self.whole / 2) if self.acceleration else 0.0
        gone = self.whole - abs(self.left)
        mean = max((2 * self.acceleration * ramp) ** 0.5 / 2, _TINY)
        if gone < ramp - _TINY:
            return ramp - gone, mean
        if gone < self.whole - ramp - _TINY:
            return self.whole - ramp - gone, top
        return abs(self.left), mean


@dataclass(slots=True)
class _Piece:
    """Steps of a leg at one speed. `dry_s`: when the motor stalled; it then steps on, and moves nothing."""

    leg: Leg
    steps: float
    speed: float
    at_ml: float
    dry_s: float | None = None
    before: float = 0.0  # steps that it had made when it stalled
    end: Alert | None = None


class Motor:
    """One motor on its plant. `steps` counts its pulses, forward positive; `on_piece` is called when a piece ends."""

    def __init__(self, plant: Plant, options: PoseidonOptions, on_piece: Callable[[], None]) -> None:
        self.plant, self.options = plant, options
        self.speed, self.acceleration = 1000.0, 5000.0
        self._on_piece = on_piece
        self._counted = 0.0
        self._now: _Piece | None = None
        plant.on_target, plant.on_stall = on_piece, self._stalled

    @property
    def steps(self) -> int:
        part = self._now
        return round(self._counted + (self._made(part) * _sign(part.leg) if part else 0.0))

    def power_up(self) -> None:
        self.rest()
        self.speed, self.acceleration = 1000.0, 5000.0

    def move(self, leg: Leg, motors: int) -> None:
        """Turn for the piece of this leg that is due; `motors` move together."""
        self.rest()
        if leg.speed:
            self._turn(leg, *leg.piece(reached(leg.speed, motors, self.options)))
        elif leg.whole - abs(leg.left) < 1:  # one step, and then it rests until it is stopped
            self._turn(leg, 1.0, self.options.ceiling_steps_s)

    def _turn(self, leg: Leg, steps: float, speed: float) -> None:
        per_ml = self.options.steps_per_ml
        self._now = _Piece(leg, steps, speed, sum(self.plant.moved()))
        infuses = (leg.left > 0) == (self.options.infuses == "F")
        self.plant.run((speed if infuses else -speed) * 3600 / per_ml, steps / per_ml)

    def _stalled(self) -> None:
        """The firmware does not notice: it steps on, for as long as it would have taken."""
        if (part := self._now) is not None and part.dry_s is None:
            part.before, part.dry_s = self._made(part), self.plant.now
            part.end = self.plant.at(part.dry_s + (part.steps - part.before) / part.speed, self._on_piece)

    def _made(self, part: _Piece) -> float:
        if part.dry_s is None:
            made = (sum(self.plant.moved()) - part.at_ml) * self.options.steps_per_ml
        else:
            made = part.before + (self.plant.now - part.dry_s) * part.speed
        return min(part.steps, made)

    def rest(self) -> None:
        """Stand still, and note what was stepped."""
        part, self._now = self._now, None
        if part is None:
            return
        if part.end is not None:
            part.end.cancel()
        made = self._made(part)
        if part.steps - made < _TINY:
            made = part.steps
        self._counted += made * _sign(part.leg)
        left = abs(part.leg.left) - made
        part.leg.left = 0.0 if left < _TINY else left * _sign(part.leg)
        self.plant.stop()


def _sign(leg: Leg) -> int:
    return 1 if leg.left > 0 else -1
