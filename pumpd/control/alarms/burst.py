"""When an alarm output is on: bursts of pulses for what sounds, as in section 3.1 of the safety reference (ALM-03,
ALM-07), and flashing for what shines. Pure.

The rhythm is the one of the tablets (alarm/pattern.ts), so that an alarm is recognized wherever it is heard.
"""

from collections.abc import Iterator
from itertools import chain

from pumpd.pump import Priority

PULSE_MS = {Priority.HIGH: 150, Priority.MEDIUM: 200, Priority.LOW: 200}  # 75..200, 125..250
_GAPS_MS = {
    # C d g, then C d, then both again after a longer rest: ten pulses
    Priority.HIGH: (100, 100, 350, 100, 700, 100, 100, 350, 100),
    Priority.MEDIUM: (200, 200),
    Priority.LOW: (200,),
}
REST_MS = {Priority.HIGH: 4_000, Priority.MEDIUM: 10_000, Priority.LOW: 20_000}  # 2.5..15 s, 2.5..30 s, over 15 s


def burst(priority: Priority) -> Iterator[tuple[bool, int]]:
    """On or off, and for how many milliseconds; after the last, it repeats."""
    pulse = (True, PULSE_MS[priority])
    yield pulse
    yield from chain.from_iterable(((False, gap), pulse) for gap in _GAPS_MS[priority])
    yield False, REST_MS[priority]


# IEC 60601-1-8 [2nd source]: high flashes at 1.4 to 2.8 Hz, medium at 0.4 to 0.8 Hz, both on for 20 to 60 % of the
# time; low is steady.
_FLASH_MS = {Priority.HIGH: (250, 250), Priority.MEDIUM: (833, 833), Priority.LOW: (5_000,)}


def flash(priority: Priority) -> Iterator[tuple[bool, int]]:
    """The same for a light."""
    yield from zip((True, False), _FLASH_MS[priority], strict=False)
