"""How much a benchmark measures: the whole of it, or only so much as shows that it works."""

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Size(StrEnum):
    """Every benchmark takes one, and asks it for each of its numbers: `size.of(TRIES, 2)`.

    SHORT shows that a benchmark works, and applies no bound: its figures mean nothing.
    """

    WHOLE = "whole"
    SHORT = "short"

    def of(self, whole: T, short: T) -> T:
        return whole if self is Size.WHOLE else short
