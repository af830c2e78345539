"""Numbers, units and times as these pumps take and show them: `199.49 ul/min`, `01:30:00`, `30 seconds`."""

import re

ML = {"l": 1000.0, "ml": 1.0, "ul": 1e-3, "nl": 1e-6, "pl": 1e-9}
PER_HOUR = {"hr": 1.0, "min": 60.0, "sec": 3600.0}

_VOLUME_WORDS = {**{unit: unit for unit in ML}, "m": "ml", "u": "ul", "n": "nl", "p": "pl"}
_TIME_WORDS = {"hr": "hr", "h": "hr", "min": "min", "m": "min", "sec": "sec", "s": "sec"}
_NUMBER = re.compile(r"\d{1,9}(\.\d{0,20})?|\.\d{1,20}", re.ASCII)  # public clients send fifteen decimals
_CLOCK = re.compile(r"(\d{1,3}):([0-5]?\d):([0-5]?\d)", re.ASCII)


def number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def volume_unit(text: str) -> str | None:
    """The unit that the pump shows for an accepted one: `u`, `uL` and `ul` are `ul`."""
    return _VOLUME_WORDS.get(text.lower())


def rate_unit(text: str) -> str | None:
    volume, _, time = text.lower().partition("/")
    unit, per = _VOLUME_WORDS.get(volume), _TIME_WORDS.get(time)
    return f"{unit}/{per}" if unit and per else None


def ml_h(value: float, unit: str) -> float:
    volume, _, time = unit.partition("/")
    return value * ML[volume] * PER_HOUR[time]


def shown(value: float) -> str:
    """Six significant digits without trailing zeros, as recorded: `1.69023`, `25.0404`, `199.49`."""
    text = f"{value:.6g}"
    return f"{value:.0f}" if "e+" in text else text if "e" not in text else f"{value:.12f}".rstrip("0")


def volume(volume_ml: float) -> str:
    """In the largest unit that leaves a non-zero digit before the point; zero is `0 ul` (recorded)."""
    if volume_ml < 1e-12:
        return "0 ul"
    for unit in ("ml", "ul", "nl", "pl"):
        if volume_ml >= ML[unit] * (1 - 1e-9):
            break
    return f"{shown(volume_ml / ML[unit])} {unit}"


def rate(rate_ml_h: float) -> str:
    """A rate that was not given with a unit, per minute (as in the recorded limits)."""
    value, _, unit = volume(rate_ml_h / 60).partition(" ")
    return f"{value} {unit}/min"


def seconds(text: str) -> int | None:
    """`30`, `180` or `01:30:00`."""
    if match := _CLOCK.fullmatch(text):
        hours, minutes, rest = (int(part) for part in match.groups())
        return hours * 3600 + minutes * 60 + rest
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def time(time_s: float) -> str:
    """Below a minute in seconds, otherwise as a clock (recorded)."""
    whole = int(time_s + 1e-6)
    if whole < 60:
        return f"{whole} seconds"
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
