"""What the fields of an answer mean: numbers with their units, the state of the infusion, the word of an alarm.

Promises: a number counts only with its own unit behind it, in plain digits; an alarm that is not known is a fault, and
so is one whose word the pump does not tell.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from pumpd.driving import UnansweredError
from pumpd.pump import PumpAlarm
from pumpd.quantities import Rate, Volume
from pumpd_drivers.alaris_asena.settings import AlarisSettings

Fields = tuple[str, ...]

_PLAIN = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?")
_PRESSURE = re.compile(r"(-?[0-9]{1,4})(?:\.[0-9]{1,3})?")  # below that of the air it is negative

_ALARMS = {"AL_OCCLU": PumpAlarm.OCCLUSION, "AL_COMTO": PumpAlarm.PUMP_WATCHDOG}
_ASSUMED = {
    "AL_EOIST": PumpAlarm.EMPTY,
    "AL_LBTAC": PumpAlarm.BATTERY_LOW,
    "AL_DRDIS": PumpAlarm.DOOR_OPEN,
    "AL_SYRCO": PumpAlarm.DOOR_OPEN,
}


def number(word: str, fields: Fields, place: int, unit: str) -> Decimal:
    """The number at a place, whose unit stands behind it. Raises UnansweredError."""
    match fields[place : place + 2]:
        case (value, said) if said == unit and _PLAIN.fullmatch(value):
            return Decimal(value)
    raise UnansweredError(f"{word}: the pump says {'^'.join(fields)}, where a number in {unit} is due")


def plain(field: str) -> str:
    """A number without surplus zeros, so that 52.5 and 52.50 are the same; any other text as it is."""
    return str(Decimal(field).normalize()) if _PLAIN.fullmatch(field) else field


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to INF. `flagged`: it says that an alarm is there, not which."""

    serial: str
    flagged: bool
    mode: str
    rate: Rate
    infused: Volume
    pressure_mmhg: int | None

    @classmethod
    def of(cls, fields: Fields) -> "Status":
        """Raises UnansweredError for fields that are none."""
        if len(fields) < 10:
            raise UnansweredError(f"INF: the answer is too short ({'^'.join(fields)})")
        pressure = _PRESSURE.fullmatch(fields[8]) if fields[9] == "mmHg" else None
        return cls(
            serial=fields[0],
            flagged=fields[1] != "-",
            mode=fields[2],
            rate=Rate(number("INF", fields, 3, "ml/h")),
            infused=Volume(number("INF", fields, 6, "ml")),
            pressure_mmhg=int(pressure[1]) if pressure else None,
        )

    def stands(self, settings: AlarisSettings) -> bool:
        return self.mode in settings.standing_words and not (self.rate and settings.stands_at_rate_0)


def alarm(fields: Fields, settings: AlarisSettings) -> PumpAlarm | None:
    """What the answer to ALARM of a flagged pump means; None for a remark."""
    word = fields[0] if fields else ""
    if word in settings.remark_words:
        return None
    known = _ALARMS | _ASSUMED if settings.alarm_meanings else _ALARMS
    return known.get(word, PumpAlarm.PUMP_FAULT)
