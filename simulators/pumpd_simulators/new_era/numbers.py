"""Numbers as the pump accepts and shows them: at most four digits and one point, at most three digits after it."""

import math
import re
from decimal import Decimal

_PLAIN = re.compile(r"(?P<whole>\d*)(?:\.(?P<places>\d*))?", re.ASCII)

UNITS_ML_H = {"UM": Decimal("0.06"), "MM": Decimal(60), "UH": Decimal("0.001"), "MH": Decimal(1)}
UNITS_ML = {"UL": Decimal("0.001"), "ML": Decimal(1)}


class NotANumberError(ValueError):
    """The text is not a number: the pump does not recognise the command."""


class TooLongError(ValueError):
    """A number with more digits than the pump can hold: out of range."""


def read(text: str) -> Decimal:
    """A number sent to the pump. A trailing point is allowed (public clients send one)."""
    match = _PLAIN.fullmatch(text)
    if match is None or not (match["whole"] or match["places"]):
        raise NotANumberError(text)
    whole, places = match["whole"], match["places"] or ""
    if len(whole) + len(places) > 4 or len(places) > 3:
        raise TooLongError(text)
    return Decimal(f"{whole or '0'}.{places or '0'}")


def show(value: float | Decimal, *, dot: bool) -> str:
    """Four digits: `0.000`, `52.50`, `999.9`; from 1000 on `1000.` or `1000`. Truncated, never rounded up."""
    for places in (3, 2, 1, 0):
        scaled = _cut(value, places)
        if scaled < 10_000:
            break
    else:
        scaled, places = 9999, 0
    if places == 0:
        return f"{scaled}." if dot else str(scaled)
    digits = f"{scaled:04d}"
    return f"{digits[:-places]}.{digits[-places:]}"


def _cut(value: float | Decimal, places: int) -> int:
    if isinstance(value, Decimal):
        return int(value.scaleb(places))
    # A counter that is a rounding error below its target shows the target.
    return math.floor(value * 10.0**places + 1e-6)
