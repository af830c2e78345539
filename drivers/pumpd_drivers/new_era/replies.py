"""The form and meaning of a reply's data: numbers with their units, states, alarm letters, the version word.

A number may end in a point ("1000."): pumps differ, and so do programs that imitate them.
"""

import re
from decimal import Decimal
from functools import lru_cache

from pumpd.driving import text
from pumpd.pump import PumpAlarm, PumpState
from pumpd.quantities import Rate, Volume

_NUMBER = r"[0-9]{1,4}(?:\.[0-9]{0,3})?"

NUMBER = re.compile(_NUMBER)
RATE = re.compile(rf"({_NUMBER})(UM|MM|UH|MH)")
VOLUME = re.compile(rf"({_NUMBER})(UL|ML)")
COUNTERS = re.compile(rf"I({_NUMBER})W({_NUMBER})(UL|ML)")
FUNCTION = re.compile(r"[A-Z]{3}[ 0-9]{0,4}")
DIRECTION = re.compile(r"INF|WDR|REV|STK")
VERSION = re.compile(r"([A-Z]{2})([0-9]{3,5})(X?)(?:(?<=X)[0-9])?V([0-9]{1,2}\.[0-9]{1,3})")

STATES = {
    "I": PumpState.INFUSING,
    "W": PumpState.WITHDRAWING,
    "S": PumpState.STOPPED,
    "P": PumpState.PAUSED,
    "T": PumpState.WAITING,
    "U": PumpState.WAITING,
    "X": PumpState.PURGING,
}

ALARMS = {
    "R": PumpAlarm.PUMP_RESET,
    "S": PumpAlarm.OCCLUSION,  # this pump detects a blocked line by its stalled motor
    "T": PumpAlarm.PUMP_WATCHDOG,
    "E": PumpAlarm.PUMP_PROGRAM_ERROR,
    "O": PumpAlarm.PUMP_PROGRAM_ERROR,
}

_ML_H = {"MH": Decimal(1), "MM": Decimal(60), "UH": Decimal("0.001"), "UM": Decimal("0.06")}
_ML = {"ML": Decimal(1), "UL": Decimal("0.001")}


@lru_cache(maxsize=64)  # a pump reports the same rate again and again
def rate(data: str) -> Rate:
    return Rate(Decimal(data[:-2]) * _ML_H[data[-2:]])


def volume(data: str) -> Volume:
    return Volume(Decimal(data[:-2]) * _ML[data[-2:]])


def infused(data: str) -> Volume:
    """The infusion counter of `I<v>W<v><unit>`."""
    return Volume(Decimal(data[1 : data.index("W")]) * _ML[data[-2:]])


def model_and_firmware(data: str) -> tuple[str, str]:
    """("NE-1000", "3.92") from "NE1000V3.92". X models, and those of other makers ("AL"), are models of their own."""
    match = VERSION.fullmatch(data)
    if match is None:
        raise ValueError(text("new_era.version", "{data} is not a version word", data=f"{data!r}"))
    return f"{match[1]}-{match[2]}{match[3]}", match[4]
