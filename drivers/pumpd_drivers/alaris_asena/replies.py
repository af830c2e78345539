"""What the fields of a reply mean: numbers with their units, the state of the infusion, alarm words.

Promises: a number counts only in plain digits and with its own unit after it; an unknown alarm word counts as a fault,
and so does an alarm without a name.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from pumpd.driving import UnansweredError, text
from pumpd.pump import PumpAlarm
from pumpd.quantities import Rate, Volume
from pumpd_drivers.alaris_asena.settings import AlarisSettings

Fields = tuple[str, ...]

_PLAIN = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?")
_PRESSURE = re.compile(r"(-?[0-9]{1,4})(?:\.[0-9]{1,3})?")  # negative below atmospheric pressure

_ALARMS = {"AL_OCCLU": PumpAlarm.OCCLUSION, "AL_COMTO": PumpAlarm.PUMP_WATCHDOG}
_ASSUMED = {
    "AL_EOIST": PumpAlarm.EMPTY,
    "AL_LBTAC": PumpAlarm.BATTERY_LOW,
    "AL_DRDIS": PumpAlarm.DOOR_OPEN,
    "AL_SYRCO": PumpAlarm.DOOR_OPEN,
}


def number(word: str, fields: Fields, place: int, unit: str) -> Decimal:
    """The number in the field at `place`; the next field must be its unit. Raises UnansweredError."""
    match fields[place : place + 2]:
        case (value, reported) if reported == unit and _PLAIN.fullmatch(value):
            return Decimal(value)
    raise UnansweredError(
        text(
            "alaris_asena.number",
            "{command}: the pump replied {reply}; a number in {unit} was expected",
            command=word,
            reply="^".join(fields),
            unit=unit,
        )
    )


def plain(field: str) -> str:
    """A number without trailing zeros, so that 52.5 and 52.50 compare equal; any other text unchanged."""
    return str(Decimal(field).normalize()) if _PLAIN.fullmatch(field) else field


@dataclass(frozen=True, slots=True)
class Status:
    """The reply to INF. `flagged` means that there is an alarm; which one, only ALARM reports."""

    serial: str
    flagged: bool
    mode: str
    rate: Rate
    infused: Volume
    pressure_mmhg: int | None

    @classmethod
    def of(cls, fields: Fields) -> "Status":
        """Raises UnansweredError for fields that are not a status."""
        _require_all(fields)
        pressure = _PRESSURE.fullmatch(fields[8]) if fields[9] == "mmHg" else None
        return cls(
            serial=fields[0],
            flagged=fields[1] != "-",
            mode=fields[2],
            rate=Rate(number("INF", fields, 3, "ml/h")),
            infused=Volume(number("INF", fields, 6, "ml")),
            pressure_mmhg=int(pressure[1]) if pressure else None,
        )

    def stopped(self, settings: AlarisSettings) -> bool:
        return _at_rest(self.mode, self.rate.decimal, settings)


def rests(fields: Fields, settings: AlarisSettings) -> bool:
    """Whether a reply to INF shows a pump at rest. No unit matters: a person may have changed it at the pump.

    Raises UnansweredError for fields that are not a status.
    """
    _require_all(fields)
    return _at_rest(fields[2], Decimal(fields[3]) if _PLAIN.fullmatch(fields[3]) else None, settings)


def _at_rest(mode: str, rate: Decimal | None, settings: AlarisSettings) -> bool:
    return mode in settings.standing_words and (rate == 0 or not settings.stands_at_rate_0)


def _require_all(fields: Fields) -> None:
    if len(fields) < 10:
        raise UnansweredError(
            text("alaris_asena.short", "INF: the reply is too short ({reply})", reply="^".join(fields))
        )


def alarm(fields: Fields, settings: AlarisSettings) -> PumpAlarm | None:
    """The alarm in a flagged pump's reply to ALARM; None when it is only a notice."""
    word = fields[0] if fields else ""
    if word in settings.remark_words:
        return None
    known = _ALARMS | _ASSUMED if settings.alarm_meanings else _ALARMS
    return known.get(word, PumpAlarm.PUMP_FAULT)
