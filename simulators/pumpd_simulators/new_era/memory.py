"""What a New Era pump stores: its phases, and the settings that survive a power cut."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pumpd_simulators.new_era.numbers import UNITS_ML_H

PHASES = 41


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of the program. Volume 0 means continuous, rate 0 means never set."""

    function: Literal["RAT", "STP", "PAS", "CLD", "BEP"] = "RAT"
    argument: int = 0
    rate: Decimal = Decimal(0)
    rate_units: str = "MH"
    volume: Decimal = Decimal(0)
    direction: Literal["INF", "WDR", "STK"] = "INF"

    @property
    def rate_ml_h(self) -> float:
        return float(self.rate * UNITS_ML_H[self.rate_units])

    @property
    def shown_function(self) -> str:
        return f"PAS{self.argument}" if self.function == "PAS" else self.function


def program(rest: Literal["stop", "continue"]) -> list[Phase]:
    return [Phase(), *[Phase("STP" if rest == "stop" else "RAT")] * (PHASES - 1)]


@dataclass(slots=True)
class Memory:
    """What survives a power cut: all data set over RS-232 except a rate that was changed while pumping."""

    diameter: Decimal
    phases: list[Phase]
    address: int = 0
    baud: int = 19200
    safe_s: int = 0  # SAF: 0 is basic mode
    volume_units: str | None = None  # None: by diameter
    switches: dict[str, str] = field(default_factory=dict)  # AL, PF, LOC, BUZ, TRG, DIN, ROM
    was_running: bool = False

    @property
    def units(self) -> str:
        """Units of VOL and DIS, unless set: UL up to and including 14.00 mm, ML above."""
        return self.volume_units or ("UL" if self.diameter <= 14 else "ML")
