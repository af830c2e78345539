"""What an entry of the pump's event log means: the alarm that it is, or none.

Source: the protocol sheet names cassette empty (3), occlusion (9), detached (14), system error (18), unattended (21).
The other types, and the place of the subtype, are a public client's by the pump's maker (pyZynoUnifiedDrivers 0.0.9).

Promises: an unknown type or subtype is a fault, never ignored; so is a dose that the pump gives besides its program.
"""

import re
from dataclasses import dataclass

from pumpd.pump import PumpAlarm

EVENT = re.compile("[0-9A-F]{32}")

CASSETTE_EMPTY = 3
_LIMIT, _OCCLUSION, _BATTERY = 4, 9, 13

_FAULT, _PROGRAM, _RESET = PumpAlarm.PUMP_FAULT, PumpAlarm.PUMP_PROGRAM_ERROR, PumpAlarm.PUMP_RESET

# infusion data, run, paused, authentication, extra dose denied, delay end, shift total cleared, time stamp, debug,
# setting changed, starting dose skipped
_NO_ALARM = frozenset({0, 1, 2, 5, 7, 10, 12, 15, 20, 22, 25})

_ALARMS = {
    CASSETTE_EMPTY: PumpAlarm.EMPTY,
    6: _PROGRAM,  # dose granted
    8: _PROGRAM,  # dose cancelled
    11: _FAULT,  # pump's service life
    14: PumpAlarm.DOOR_OPEN,  # cassette detached
    16: _RESET,  # power off
    17: _FAULT,  # firmware error
    18: _FAULT,  # system error
    19: _FAULT,  # battery failure
    21: _FAULT,  # unattended: the pump waits for a person
    23: _PROGRAM,  # dose finished
    24: _RESET,  # power on
    26: _FAULT,  # system error, second word
    27: _FAULT,  # pump's service life is over
    28: _FAULT,  # battery depleted
    29: _PROGRAM,  # programming incomplete
    30: PumpAlarm.BATTERY_LOW,
    31: _FAULT,  # battery found empty or depleted
}

_OCCLUSIONS = {1: PumpAlarm.OCCLUSION, 2: PumpAlarm.OCCLUSION, 4: None}  # upstream, downstream, cleared
_LIMITS = {1: _PROGRAM, 2: _PROGRAM, 4: None}  # most per hour, most per interval, cleared

_BATTERY_FINE = 1 | 8 | 16 | 32 | 64  # medium, reset, AC, high, new
_BATTERY_LOW = 2


@dataclass(frozen=True, slots=True)
class Event:
    kind: int
    subtype: int

    @classmethod
    def of(cls, text: str) -> "Event":
        """From its 32 hexadecimal digits: the type, four bytes of time, two bytes of subtype, and the rest."""
        return cls(int(text[:2], 16), int(text[10:14], 16))

    @property
    def alarm(self) -> PumpAlarm | None:
        if self.kind in _NO_ALARM:
            return None
        if self.kind == _OCCLUSION:
            return _OCCLUSIONS.get(self.subtype, _FAULT)
        if self.kind == _LIMIT:
            return _LIMITS.get(self.subtype, _FAULT)
        if self.kind == _BATTERY:
            return _battery(self.subtype)
        return _ALARMS.get(self.kind, _FAULT)


def _battery(bits: int) -> PumpAlarm | None:
    if bits & ~(_BATTERY_FINE | _BATTERY_LOW):
        return _FAULT  # depleted, empty, out of its limits, or unknown
    return PumpAlarm.BATTERY_LOW if bits & _BATTERY_LOW else None
