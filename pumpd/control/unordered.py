"""Flow that no infusion explains: left behind by a crash, or started by somebody at the pump.

Promises:
- What flows when this process comes up is told to stop at every look, answered or not, until two looks over two seconds
  show no flow and the same volume (STP-03, STP-04). Three seconds without that are a high alarm.
- What starts to flow later on a pump that took a program of ours is stopped at every look, whether we ever started it
  or not; what somebody starts on a pump of which pumpd knows nothing is theirs, and is written down.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from pumpd.control import rows
from pumpd.infusion import Limits
from pumpd.pump import AlarmCode, Reading
from pumpd.quantities import Volume

log = structlog.get_logger("pumpd.control")

Note = Callable[[str, Mapping[str, Any]], None]


class UnorderedFlow:
    """`alarms` are those of the pump, whatever infusion it has or has not: `note_of_pump` writes them of no session."""

    def __init__(self, pump: str, limits: Limits, note: Note, note_of_pump: Note, stop: Callable[[], None]) -> None:
        self._pump, self._limits, self._note, self._stop = pump, limits, note, stop
        self._note_of_pump = note_of_pump
        self.alarms: frozenset[AlarmCode] = frozenset()
        self._found_ns: int | None = None
        self._still_since_ns: int | None = None
        self._volume: Volume | None = None
        self._noted = False

    @property
    def stopping(self) -> bool:
        """What was found flowing has not been proven to stand yet."""
        return self._found_ns is not None

    def found(self, now_ns: int) -> None:
        """The pump flows as this process comes up; whoever calls stops it."""
        self._found_ns = now_ns if self._found_ns is None else self._found_ns
        self._still_since_ns = None

    def look(self, reading: Reading | None, now_ns: int) -> None:
        """A look at the pump, None when it did not answer, while a stop of what was found is under way."""
        if self._found_ns is None:
            return
        if reading is not None and self._stands(reading):
            self._found_ns = None
            self._note_of_pump("leftover_stands", {"delivered_ml": reading.delivered.number})
            for code in sorted(self.alarms):
                self._note_of_pump("alarm_cleared", {"code": code.value})
            self.alarms = frozenset()
            return
        if reading is None or reading.state.flowing:
            self._stop()
        if now_ns - self._found_ns >= self._limits.stop_alarm_ns and not self.alarms:
            self.alarms = frozenset({AlarmCode.STOP_UNCONFIRMED})
            log.error("stop_unconfirmed", pump=self._pump)
            self._note_of_pump("alarm_raised", rows.alarm(AlarmCode.STOP_UNCONFIRMED))

    def _stands(self, reading: Reading) -> bool:
        if reading.state.flowing:
            self._still_since_ns = None
        elif self._still_since_ns is None or reading.delivered != self._volume:
            self._still_since_ns = reading.answered_ns
        self._volume, since = reading.delivered, self._still_since_ns
        return since is not None and reading.answered_ns - since >= self._limits.still_for_ns

    def flows(self, reading: Reading, *, ours: bool) -> None:
        """The pump flows and has no infusion. `ours`: it took a program of ours, so this is more of the same."""
        ours = ours or self.stopping
        if not self._noted:
            self._noted = True
            log.error("flow_without_order", pump=self._pump, stopping=ours)
            self._note("flow_without_order", {"pump_state": reading.state.value, "stopping": ours})
        if ours:
            self._stop()

    def rests(self) -> None:
        self._noted = False
