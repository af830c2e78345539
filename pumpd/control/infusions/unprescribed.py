"""Flow that no infusion explains: left behind by a crash, or started by a person at the pump.

Promises:
- A pump that flows, or waits to flow, when this process starts is stopped again at every poll, answered or not, until
  readings over two seconds confirm that it stopped (STP-03, STP-04). Three seconds without that raise a high alarm.
- A pump that took a program from pumpd and later flows without an infusion is stopped at every poll, whether or not
  this or an earlier process ever started it. It is recorded under the order that the program was for. So is a pump
  that may be another bed's, because nothing shows which one it is. What a person starts on any other pump raises an
  alarm and is left alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from pumpd.infusion import Limits
from pumpd.pump import AlarmCode, Reading, no_flow_since, stopped

log = structlog.get_logger("pumpd.control")

Note = Callable[[str, str, Mapping[str, Any]], None]


class UnprescribedFlow:
    """`alarms` are the pump's, with or without an infusion. The alarm service records them.

    `note` takes the session, the kind of the entry and its body.
    """

    def __init__(self, pump: str, limits: Limits, note: Note, stop: Callable[[], None]) -> None:
        self._pump, self._limits, self._note, self._stop = pump, limits, note, stop
        self._unconfirmed: frozenset[AlarmCode] = frozenset()
        self._flowing: frozenset[AlarmCode] = frozenset()
        self._found_ns: int | None = None
        self._no_flow_since_ns: int | None = None
        self._last: Reading | None = None
        self._noted = False
        self._session = ""  # the session whose program the pump may hold, whatever happened to it

    def holds(self, session: str) -> None:
        """The pump may hold a program of this session from now on."""
        self._session = session

    @property
    def alarms(self) -> frozenset[AlarmCode]:
        return self._unconfirmed | self._flowing

    @property
    def stopping(self) -> bool:
        """The pump was found flowing and is not yet confirmed to have stopped."""
        return self._found_ns is not None

    def left_behind(self, reading: Reading) -> None:
        """The pump flows, or waits to flow, as it is found again. The caller stops it.

        Nobody knows since when: the program that it holds counts as given (PRG-14), so that no rest is given after it.
        """
        if self._session and not self._noted:
            self._noted = True
            self._note(self._session, "unprescribed_flow", {"pump_state": reading.state.value, "stopping": True})
        self.found(reading.answered_ns)

    def found(self, now_ns: int) -> None:
        """It is being stopped from now on, until readings confirm that."""
        self._found_ns = now_ns if self._found_ns is None else self._found_ns
        self._no_flow_since_ns = self._last = None

    def check(self, reading: Reading | None, now_ns: int) -> None:
        """Apply a poll, None when the pump did not answer, while the pump that was found flowing is being stopped."""
        if self._found_ns is None:
            return
        if reading is not None:
            self._no_flow_since_ns = no_flow_since(self._no_flow_since_ns, self._last, reading, self._found_ns)
            self._last = reading
            if stopped(self._no_flow_since_ns, reading, self._limits.still_for_ns):
                self._end(reading)
                return
        if reading is None or not reading.state.no_flow:
            self._stop()
        self.let_time_pass(now_ns)

    def let_time_pass(self, now_ns: int) -> None:
        """The alarm depends on time alone: a call to the pump may hang."""
        if (
            self._found_ns is not None
            and now_ns - self._found_ns >= self._limits.stop_alarm_ns
            and not self._unconfirmed
        ):
            self._unconfirmed = frozenset({AlarmCode.STOP_UNCONFIRMED})
            log.error("stop_unconfirmed", pump=self._pump)

    def _end(self, reading: Reading) -> None:
        self._found_ns = self._last = None
        self._note("", "leftover_stopped", {"delivered_ml": reading.delivered.number})
        self._unconfirmed = frozenset()

    def flows(self, reading: Reading, *, may_be_another_beds: bool) -> None:
        """The pump flows, or waits to flow, without an infusion. If it took a program from pumpd, it is stopped."""
        ours = bool(self._session) or self.stopping or may_be_another_beds
        self._flowing = frozenset({AlarmCode.UNPRESCRIBED_FLOW})
        if not self._noted:
            self._noted = True
            log.error("unprescribed_flow", pump=self._pump, stopping=ours)
            self._note(self._session, "unprescribed_flow", {"pump_state": reading.state.value, "stopping": ours})
        if ours:
            self.found(reading.answered_ns)
            self._stop()

    def rests(self) -> None:
        self._noted, self._flowing = False, frozenset()
