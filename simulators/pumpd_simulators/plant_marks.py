"""Marks: levels that a quantity of the plant reaches as it grows or falls, such as the end of the container.

A mark is given by how far ahead it is, in the quantity's unit, in the direction of infusing or draining; behind is
negative. Promises: the distance ahead leads exactly to the mark; after the distance that `distance` returns, the mark
is passed (or, going back, no longer passed) whatever the rounding errors, so that no event repeats.
"""

import math

TINY = 1e-6  # mL or percent: far below a sensor's resolution, far above rounding errors in years of plant time


def passed(ahead: float) -> bool:
    return ahead <= TINY


def distance(ahead: float, way: int) -> float:
    """The distance, ahead (1) or back (-1), until `passed` changes; infinite when it will not."""
    if way > 0:
        return math.inf if passed(ahead) else ahead
    return 2 * TINY - ahead if passed(ahead) else math.inf
