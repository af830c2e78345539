"""Marks: levels that a quantity of the plant meets while it grows or falls, such as the end of the container.

A mark is told by how far it is ahead, in the quantity's unit, in the direction of infusing or draining; what is behind
is below 0. Promises: the way ahead leads exactly to the mark; at the end of the way that `distance` gives, the mark is
passed (or, going back, no longer passed) whatever the last digits of the arithmetic did, so that no event repeats.
"""

import math

TINY = 1e-6  # mL or percent: far below what a sensor feels, far above what rounding leaves in years of plant time


def passed(ahead: float) -> bool:
    return ahead <= TINY


def distance(ahead: float, way: int) -> float:
    """How far to go, ahead (1) or back (-1), until `passed` changes; infinite when it will not."""
    if way > 0:
        return math.inf if passed(ahead) else ahead
    return 2 * TINY - ahead if passed(ahead) else math.inf
