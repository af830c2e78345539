"""What the `Time` of an echo shows: whether the pump moves.

Source: the published firmware takes `Time` from the chip's clock in its main loop only. While it moves, or is paused,
it is not there, and the Time of its echoes is frozen. This is its only report of motion.

Promises:
- "Idle" needs a Time that grew between two echoes: the firmware was in its main loop, and nothing moves or waits.
- A Time that falls, or runs faster than this gateway's clock allows, belongs to a restarted or another pump.
"""

from enum import Enum

TICK_S = 0.512
FROZEN_S = 0.56  # a Time that runs grows within this: a tick, and a tenth for the chip's clock
_FAST = 1.1  # the chip's clock runs at most this much faster than ours


class Sign(Enum):
    FIRST = "first"
    SAME = "same"  # too soon to tell
    FROZEN = "frozen"
    GREW = "grew"
    OTHER = "another clock"


class Times:
    """Follows the Time from echo to echo. Instants are of the loop's clock, in s."""

    def __init__(self) -> None:
        self._time: int | None = None
        self._since_s = 0.0  # when this Time was heard first

    def forget(self) -> None:
        self._time = None

    def take(self, time: int, asked_s: float, heard_s: float) -> Sign:
        """The next echo: its Time was that of an instant between these two."""
        before, since_s = self._time, self._since_s
        if time == before:
            return Sign.FROZEN if asked_s - since_s >= FROZEN_S else Sign.SAME
        self._time, self._since_s = time, heard_s
        if before is None:
            return Sign.FIRST
        if time < before or (time - before - 2) * TICK_S > (heard_s - since_s) * _FAST:
            return Sign.OTHER
        return Sign.GREW
