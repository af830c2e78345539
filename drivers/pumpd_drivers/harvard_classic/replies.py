"""What the prompts and texts of the classic dialects mean as shared states, rates and volumes.

Source: harvard-classic.md, sections A to E. One prompt has different meanings: `*` is a stalled motor on a Model 22 or
33, and an interrupted run on a Model 44.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from pumpd.pump import PumpState
from pumpd.quantities import Rate

_FLOWS = {":": PumpState.STOPPED, ">": PumpState.INFUSING, "<": PumpState.WITHDRAWING}

STALLING: Mapping[str, PumpState] = MappingProxyType({**_FLOWS, "*": PumpState.ALARM})
INTERRUPTING: Mapping[str, PumpState] = MappingProxyType({**_FLOWS, "*": PumpState.PAUSED})
# `/` a pause within a program, `^` waiting for a dispense trigger: both may start by themselves.
WAITING: Mapping[str, PumpState] = MappingProxyType({**INTERRUPTING, "/": PumpState.WAITING, "^": PumpState.WAITING})

_UNIT = r"(?P<unit>[MmUu][Ll]/(?:[Mm][Nn]?|[Hh][Rr]?))"

# Eight characters, the point as the fifth; a lost character must not change the value.
NUMBER_22 = re.compile(r"(?=.{8} *$) *(?P<value>\d+\.\d{3}) *", re.ASCII)
RATE_11 = re.compile(rf" *(?P<value>\d+\.\d*) ?{_UNIT}? *", re.ASCII)
UNIT_22 = re.compile(rf" *{_UNIT} *", re.ASCII)
# Two spaces, then six characters.
NUMBER_44 = re.compile(r"  (?=[\d.]{6} *$)(?P<value>\d*\.?\d*) *", re.ASCII)
RATE_44 = re.compile(rf"  (?=[\d.]{{6}} ?[a-z])(?P<value>\d*\.?\d*) ?{_UNIT} *", re.ASCII)

_ML_H = {"ml/h": Decimal(1), "ml/m": Decimal(60), "ul/h": Decimal("0.001"), "ul/m": Decimal("0.06")}

_VERSIONS = {"22.": "22", "11": "11", "33V": "33", "44": "44", "PHD": "44"}  # dialects, by how the text of VER begins
VERSION = re.compile(r" *(?P<model>33|\d+|\S.*?\D)[ .]?(?P<firmware>V?\d[\d.]*)? *", re.ASCII)


def number(match: re.Match[str]) -> Decimal:
    return Decimal(match["value"])


def rate(value: Decimal, unit: str) -> Rate:
    """`ml/mn` and `ML/M` are the same unit."""
    volume, _, time = unit.lower().partition("/")
    return Rate(value * _ML_H[f"{volume}/{time[0]}"])


def dialect_of(version: str) -> str | None:
    """The dialect of the pump whose VER this is; None for a text that no source gives."""
    return next((name for begin, name in _VERSIONS.items() if version.startswith(begin)), None)
