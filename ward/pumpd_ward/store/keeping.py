"""Which readings the store keeps: all while something flows or changes, else one a minute. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pumpd_ward.messages import Entry

QUIET = timedelta(minutes=1)
# As many as readings, and without content outside of the gateway: its state machine's events, and bytes of the line.
NOT_KEPT = frozenset({"happened", "frame"})
MAY_FLOW = frozenset({"starting", "running", "completing", "pausing", "stopping", "uncertain"})


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest reading of a pump that was kept."""

    ts: datetime
    state: str | None
    pump_state: str | None
    rate_ml_h: float | None

    @classmethod
    def of(cls, reading: Entry) -> "Kept":
        return cls(reading.ts, reading.text("state"), reading.text("pump_state"), reading.number("rate_ml_h"))


def worth_keeping(reading: Entry, before: Kept | None) -> bool:
    now = Kept.of(reading)
    flows = now.state in MAY_FLOW or bool(now.rate_ml_h)
    if flows or before is None:
        return True
    changed = (now.state, now.pump_state, now.rate_ml_h) != (before.state, before.pump_state, before.rate_ml_h)
    return changed or abs(now.ts - before.ts) >= QUIET  # a clock that was set back must not keep everything out
