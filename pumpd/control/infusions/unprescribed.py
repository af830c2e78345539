"""Flow that no infusion explains: left behind by a crash, or started by somebody at the pump.

Promises:
- What flows when this process comes up is told to stop at every look, answered or not, until two looks over two seconds
  show no flow and the same volume (STP-03, STP-04). Three seconds without that are a high alarm.
- What starts to flow later on a pump that took a program of ours is stopped at every look, whether we ever started it
  or not, in this process or in one before, and is written down under the order that the program was for; what somebody
  starts on a pump of which pumpd knows nothing is theirs, and is written down.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from pumpd.infusion import Limits
from pumpd.pump import AlarmCode, Reading
from pumpd.quantities import Volume

log = structlog.get_logger("pumpd.control")

Note = Callable[[str, str, Mapping[str, Any]], None]


class UnprescribedFlow:
    """`alarms` are those of the pump, whatever infusion it has or has not. The alarm service records them.

    `note` takes the session, the kind of the row and its body.
    """

    def __init__(self, pump: str, limits: Limits, note: Note, stop: Callable[[], None]) -> None:
        self._pump, self._limits, self._note, self._stop = pump, limits, note, stop
        self.alarms: frozenset[AlarmCode] = frozenset()
        self._found_ns: int | None = None
        self._still_since_ns: int | None = None
        self._volume: Volume | None = None
        self._noted = False
        self._session = ""  # whose program the pump may hold, whatever became of it

    def holds(self, session: str) -> None:
        """The pump may hold a program of this session from now on."""
        self._session = session

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
            self._note("", "leftover_stopped", {"delivered_ml": reading.delivered.number})
            self.alarms = frozenset()
            return
        if reading is None or reading.state.flowing:
            self._stop()
        if now_ns - self._found_ns >= self._limits.stop_alarm_ns and not self.alarms:
            self.alarms = frozenset({AlarmCode.STOP_UNCONFIRMED})
            log.error("stop_unconfirmed", pump=self._pump)

    def _stands(self, reading: Reading) -> bool:
        if reading.state.flowing:
            self._still_since_ns = None
        elif self._still_since_ns is None or reading.delivered != self._volume:
            self._still_since_ns = reading.answered_ns
        self._volume, since = reading.delivered, self._still_since_ns
        return since is not None and reading.answered_ns - since >= self._limits.still_for_ns

    def flows(self, reading: Reading) -> None:
        """The pump flows and has no infusion. If it took a program of ours, this is more of the same."""
        ours = bool(self._session) or self.stopping
        if not self._noted:
            self._noted = True
            log.error("unprescribed_flow", pump=self._pump, stopping=ours)
            self._note(self._session, "unprescribed_flow", {"pump_state": reading.state.value, "stopping": ours})
        if ours:
            self._stop()

    def rests(self) -> None:
        self._noted = False
