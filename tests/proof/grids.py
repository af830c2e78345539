"""Every number that a grid holds: the symbols' rounding is checked against the grid's own, number by number.

Between two neighbours a grid rounds down, and rounding down is the same or rises with its argument. So it is right
everywhere if it is right at each number and at the last decimal of 60 digits before the next one.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import pairwise

from pumpd.pump import FewDigits, FixedStep

_FINE = Context(prec=60)
Grid = FixedStep | FewDigits


def numbers(grid: Grid, most: Decimal) -> Iterator[Decimal]:
    """What it holds from 0 to `most`, in order."""
    if isinstance(grid, FixedStep):
        for count in range(int(most / grid.step) + 1):
            yield count * grid.step
        return
    places = grid.places
    count = 0
    while (number := Decimal(count).scaleb(-places)) <= most:
        yield number
        count += 1
        # One digit more before the point is one fewer after it.
        if len(str(count)) > grid.digits and count >= 10 ** max(grid.digits, places):
            if places == 0:
                return
            count, places = count // 10, places - 1


def wrong(grid: Grid, most: Decimal, every: int = 1) -> list[str]:
    """Where the grid does not round down to the next number that it holds; `every`: only each so-many-th number."""
    found = []
    for place, (here, following) in enumerate(pairwise(numbers(grid, most))):
        if place % every:
            continue
        last = following.next_minus(_FINE)
        found += [f"{value} -> {grid.floor(value)}, not {here}" for value in (here, last) if grid.floor(value) != here]
    return found
