"""When a pump counts as stopped: the one rule for the state machine, unprescribed flow, the deadman and every screen.

One reading without flow proves nothing. A stop is confirmed by readings without flow and with the same volume over two
seconds or more (STP-04). A pump that waits for a time or a trigger is never stopped: it may start by itself.
"""

from pumpd.pump.reading import Reading


def no_flow_since(
    since_ns: int | None, last: Reading | None, reading: Reading, asked_from_ns: int | None = None
) -> int | None:
    """The instant of the first in the unbroken run of readings without flow and with the same volume, up to this one;
    None when it flows.

    `since_ns` is what this returned for `last`, the previous reading. A reading that was requested before
    `asked_from_ns` proves nothing.
    """
    if not reading.state.no_flow or (asked_from_ns is not None and reading.asked_ns < asked_from_ns):
        return None
    unbroken = last is not None and since_ns is not None and last.delivered == reading.delivered
    return since_ns if unbroken else reading.answered_ns


def stopped(since_ns: int | None, reading: Reading | None, for_ns: int) -> bool:
    """Whether readings have shown no flow and the same volume for `for_ns` nanoseconds."""
    return reading is not None and since_ns is not None and reading.answered_ns - since_ns >= for_ns
