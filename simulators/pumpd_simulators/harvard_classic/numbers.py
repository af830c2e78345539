"""Numbers and units as classic pumps take and show them."""

import re

_NUMBER = re.compile(r"\d{1,9}\.?\d{0,20}|\.\d{1,20}", re.ASCII)
LARGEST_22 = 1999
ML_H = {"MLH": 1.0, "MLM": 60.0, "ULH": 1e-3, "ULM": 0.06}  # by the Model 22's commands


def number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def kept_22(value: float) -> float:
    """Rounded to four digits if the first is a 1, otherwise to three (manual)."""
    first = f"{value:e}"[0]
    return float(f"{value:.{4 if first == '1' else 3}g}")


def kept(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def shown_22(value: float) -> str:
    """Eight characters, the point as the fifth."""
    return f"{value:8.3f}"


def shown_44(value: float) -> str:
    """Six characters, digits and a point."""
    places = max(0, 5 - len(str(int(value))))
    return f"{value:.{places}f}{'' if places else '.'}"[:6]
