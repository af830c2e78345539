"""What a Reglo ICC stores: the settings of a run, and values without effect on it (language, tubing, calibration).

Source of the latter: the forms in which a public client sets and requests them [I].
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pumpd_drivers.reglo_icc.codec import FAIL, OK, read_set, volume_text
from pumpd_simulators.reglo_icc.options import RegloIccOptions

RPM, FLOW, VOLUME, VOLUME_TIME, VOLUME_PAUSE, TIME, TIME_PAUSE = MODES = "LMOGQNP"

_VOLUME = r"[0-9]{4}[+-][0-9]"


@dataclass(frozen=True, slots=True)
class Settings:
    """A channel's settings. Flow in mL/min and volume in mL, whatever the unit on the wire."""

    mode: str = RPM
    speed_rpm: Decimal = Decimal(0)
    flow_ml_min: Decimal = Decimal(0)
    volume_ml: Decimal = Decimal(0)
    run_s: Decimal = Decimal(0)
    pause_s: Decimal = Decimal(0)
    cycles: int = 0
    clockwise: bool = True
    by_flow: bool = True  # otherwise by speed, in modes other than L and M
    backsteps: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that is only stored and reported. `shape` is a regular expression for the values that it accepts."""

    initial: str
    shape: str
    shown: Callable[[str], str] = str


class Memory:
    def __init__(self, cells: Mapping[str, Cell]) -> None:
        self.cells = cells
        self._held = {name: cell.initial for name, cell in cells.items()}

    def __getitem__(self, name: str) -> str:
        """The value as it was set."""
        return self._held[name]

    def answer(self, name: str, rest: str) -> str:
        """The reply to a question (`rest` is empty) or a setting."""
        cell = self.cells[name]
        if not rest:
            return cell.shown(self._held[name])
        if re.fullmatch(cell.shape, rest, re.ASCII) is None:
            return FAIL
        self._held[name] = rest
        return OK


def of_pump(options: RegloIccOptions) -> Memory:
    return Memory(
        {
            "xS": Cell(options.serial, r"[!-~]{1,20}"),
            "xL": Cell("0", r"[0-3]"),
            "U": Cell("00000", r"[0-9]{5}", _whole),
            "u": Cell("00000", r"[0-9]{5}", _whole),
        }
    )


def of_channel(options: RegloIccOptions) -> Memory:
    return Memory(
        {
            "+": Cell(f"{options.tubing_mm * 100:04.0f}", r"[0-9]{4}", lambda text: f"{Decimal(text) / 100:.2f} mm"),
            "xB": Cell(f"{options.rollers:04d}", r"[0-9]{4}", _whole),
            "r": Cell("0000+0", _VOLUME, _number),
            "xR": Cell("J", r"[JK]"),
            "xU": Cell("0000+0", _VOLUME, _number),
            "xV": Cell("0000+0", _VOLUME, _number),
            "xW": Cell("00000000", r"[0-9]{8}", _whole),
        }
    )


def number(text: str) -> Decimal:
    """The number in a cell that holds a volume."""
    value = read_set(text)
    assert value is not None  # the cell accepted it
    return value


def _number(text: str) -> str:
    return volume_text(number(text))


def _whole(text: str) -> str:
    return str(int(text))
