"""The vital signs that pumpd knows: their names, units, and what is possible. One table for all who take them."""

from collections.abc import Mapping
from enum import StrEnum


class Sign(StrEnum):
    SPO2 = "spo2_percent"
    HEART_RATE = "heart_rate_bpm"
    SYSTOLIC = "systolic_mmhg"
    DIASTOLIC = "diastolic_mmhg"
    RESPIRATION = "respiration_per_min"

    @property
    def words(self) -> str:
        return _WORDS[self][0]

    def shown(self, value: int) -> str:
        """The value with its name and unit, for people."""
        words, unit = _WORDS[self]
        return f"{words} {value}{unit}"


_WORDS: Mapping[Sign, tuple[str, str]] = {
    Sign.SPO2: ("SpO2", " %"),
    Sign.HEART_RATE: ("heart rate", "/min"),
    Sign.SYSTOLIC: ("systolic pressure", " mmHg"),
    Sign.DIASTOLIC: ("diastolic pressure", " mmHg"),
    Sign.RESPIRATION: ("respiration", "/min"),
}

PRESSURE = (Sign.SYSTOLIC, Sign.DIASTOLIC)
BASELINE = (Sign.SPO2, Sign.HEART_RATE, *PRESSURE)  # STA-07

# What is possible in a living adult: anything else is a typing error, or a probe that fell off [P].
PLAUSIBLE: Mapping[Sign, tuple[int, int]] = {
    Sign.SYSTOLIC: (40, 300),
    Sign.DIASTOLIC: (20, 200),
    Sign.HEART_RATE: (20, 250),
    Sign.SPO2: (50, 100),
    Sign.RESPIRATION: (0, 80),
}


def impossible(values: Mapping[Sign, int]) -> dict[Sign, str]:
    """Why some of these values, measured together, cannot be true: by sign."""
    found = {
        sign: f"{sign}: {value} is not between {least} and {most}"
        for sign, value in values.items()
        for least, most in (PLAUSIBLE[sign],)
        if not least <= value <= most
    }
    systolic, diastolic = (values.get(sign) for sign in PRESSURE)
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        for sign in PRESSURE:
            found.setdefault(sign, f"{Sign.DIASTOLIC}: not below the systolic pressure")
    return found
