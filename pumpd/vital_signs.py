"""The vital signs that pumpd knows: their names, units, and what is possible. One table for all who take them."""

from collections.abc import Mapping
from enum import StrEnum

from pumpd.texts import text


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
        return text("sign.value", "{sign} {value}", sign=words, value=f"{value}{unit}")

    @property
    def field(self) -> str:
        """Its name as a field of a request, as a message."""
        return _FIELDS[self]


_WORDS: Mapping[Sign, tuple[str, str]] = {
    Sign.SPO2: (text("sign.spo2", "SpO2"), " %"),
    Sign.HEART_RATE: (text("sign.heart_rate", "heart rate"), "/min"),
    Sign.SYSTOLIC: (text("sign.systolic", "systolic pressure"), " mmHg"),
    Sign.DIASTOLIC: (text("sign.diastolic", "diastolic pressure"), " mmHg"),
    Sign.RESPIRATION: (text("sign.respiration", "respiration"), "/min"),
}
_FIELDS: Mapping[Sign, str] = {
    Sign.SPO2: text("field.spo2", "spo2_percent"),
    Sign.HEART_RATE: text("field.heart_rate", "heart_rate_bpm"),
    Sign.SYSTOLIC: text("field.systolic", "systolic_mmhg"),
    Sign.DIASTOLIC: text("field.diastolic", "diastolic_mmhg"),
    Sign.RESPIRATION: text("field.respiration", "respiration_per_min"),
}

PRESSURE = (Sign.SYSTOLIC, Sign.DIASTOLIC)
BASELINE = (Sign.SPO2, Sign.HEART_RATE, *PRESSURE)  # STA-07

# What a monitor can measure; anything else is a fault of the monitor [P]. A heart that does not beat is measured as 0.
MEASURABLE: Mapping[Sign, tuple[int, int]] = {
    Sign.SYSTOLIC: (0, 350),
    Sign.DIASTOLIC: (0, 300),
    Sign.HEART_RATE: (0, 400),
    Sign.SPO2: (0, 100),
    Sign.RESPIRATION: (0, 200),
}
# What a person enters about a living adult: anything else is a typing error [P].
PLAUSIBLE: Mapping[Sign, tuple[int, int]] = {
    Sign.SYSTOLIC: (40, 300),
    Sign.DIASTOLIC: (20, 200),
    Sign.HEART_RATE: (20, 250),
    Sign.SPO2: (50, 100),
    Sign.RESPIRATION: (0, 80),
}


def impossible(values: Mapping[Sign, int], limits: Mapping[Sign, tuple[int, int]] = MEASURABLE) -> dict[Sign, str]:
    """Why some of these values, measured together, cannot be true: by sign. `limits`: what is possible of each."""
    found: dict[Sign, str] = {
        sign: text(
            "sign.not_between",
            "{sign}: {value} is not between {least} and {most}",
            sign=sign.field,
            value=value,
            least=least,
            most=most,
        )
        for sign, value in values.items()
        for least, most in (limits[sign],)
        if not least <= value <= most
    }
    systolic, diastolic = (values.get(sign) for sign in PRESSURE)
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        for sign in PRESSURE:
            not_below = text("sign.not_below", "{sign}: not below the systolic pressure", sign=Sign.DIASTOLIC.field)
            found.setdefault(sign, not_below)
    return found
