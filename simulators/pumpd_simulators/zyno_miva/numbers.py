"""Numbers as a simulated Zyno pump accepts and shows them.

Source: the protocol sheet: hexadecimal hundredths of a mL or V, hexadecimal tenths in R3, decimal text in settings.
"""

import re
from decimal import Decimal

_HAIR = 1e-9  # rounding error of a sum of floats
_PLAIN = re.compile(r"[0-9]{1,4}(?:\.([0-9]{0,3}))?", re.ASCII)


def hexadecimal(value: float, parts: int = 100) -> str:
    """In parts of a unit, never more than there is, four digits or more."""
    return f"{int((value + _HAIR) * parts):04X}"


def decimal(value: Decimal, places: int) -> str:
    return f"{value:.{places}f}"


def accepted(text: str, places: int) -> Decimal | None:
    """The number in a setting; None when the pump does not accept it."""
    match = _PLAIN.fullmatch(text)
    if match is None or len((match[1] or "").rstrip("0")) > places:
        return None
    return Decimal(text)
