"""What can be chosen of a simulated Harvard pump: who it is, and the other side of everything that is only assumed."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


@dataclass(frozen=True, slots=True)
class Model:
    """`version` is the answer to `ver`; that of the 11 Elite is in public clients, the others are made like it [I]."""

    name: str
    version: str
    firmware: str


MODELS = {
    "legato-100": Model("Legato 100", "LEGATO 100 3.0.6", "v3.0.6"),
    "legato-110": Model("Legato 110", "LEGATO 110 3.0.6", "v3.0.6"),
    "11-elite": Model("Pump 11 Elite", "11 ELITE I/W Single 3.0.4", "v3.0.4"),
    "phd-ultra": Model("PHD Ultra", "PHD ULTRA I/W Single 3.0.4", "v3.0.4"),
}


class HarvardOptions(SimulatorOptions):
    """The defaults answer the recorded Legato 100 dialogue. [I] inferred, [U] unknown: an assumption either way."""

    addresses: str = Field(
        default="0", pattern=r"^\d{1,2}(,\d{1,2}){0,9}$", description="addresses of the pumps on the line, with commas"
    )
    serial: str = Field(
        default="D101754", max_length=20, description="serial number (the first pump's; others count on)"
    )
    firmware: str = Field(
        default="", max_length=20, description="firmware in the answer to version; empty: the model's"
    )
    baud: int = Field(default=115200, ge=9600, le=921600, description="line speed at power-up")
    diameter_mm: float = Field(default=14.43, ge=0.1, le=50, description="diameter set in a new pump")
    fastest_mm_min: float = Field(
        default=159.0044,
        gt=0,
        description="plunger's highest speed. The recorded limits at 14.43 mm and the 11 Elite's metrics (a step of "
        "1/15360 of 24 threads an inch each 26 us) give this; of other models it is assumed",
    )
    slowest_mm_min: float = Field(
        default=0.0001531153, gt=0, description="its lowest, a step each 27 s; of other models assumed"
    )
    largest_target_ml: float = Field(default=1000, gt=0, description="[U] tvolume above this is out of range")
    diameter_max_mm: float = Field(
        default=33, ge=0.1, le=60, description="largest diameter that can be set: the 11 Elite's; of others assumed"
    )
    digits: int = Field(
        default=15, ge=2, le=15, description="[U] digits that are kept of a rate or a volume; six at most are shown"
    )
    address_on_text: bool = Field(
        default=True, description="[I] text lines of a pump that shows its address begin with it, as the prompt does"
    )
    show_address_zero: bool = Field(
        default=False, description="[I] address 0 is shown too (some 11 Elite clients insist)"
    )
    unaddressed: Literal["any", "zero"] = Field(
        default="any", description="[I] a pump alone on its line also takes what has no address, whatever its own is"
    )
    address_colon: Literal["optional", "required", "refused"] = Field(
        default="optional", description="between address and command, as `12:irat` (PHD Ultra) or `12irat` (Legato)"
    )
    has_ver: bool = Field(default=True, description="`ver` is a command; otherwise only `version` is")
    status_width: int = Field(default=35, ge=0, le=80, description="[I] status lines are filled to this width; 0: not")
    crate_reply: Literal["words", "rate"] = Field(
        default="words", description="crate: `Infusing at 1 ml/min` while it runs, or the rate alone"
    )
    status_time: Literal["ms", "s"] = Field(default="ms", description="unit of status' time field; PHD Ultra rev A: s")
    status_target_flag: bool = Field(default=True, description="status has its sixth flag; PHD Ultra rev A: five flags")
    targets: Literal["both", "last"] = Field(
        default="both",
        description="[U] target volume and target time hold together; last: setting one clears the other",
    )
    target_counts: Literal["total", "run"] = Field(
        default="total", description="[U] the target volume is of all that was infused since cleared, or of each run"
    )
    stp_clears_stall: bool = Field(default=True, description="[U] stp takes the prompt from * or T* back to :")
    after_ramp: Literal["hold", "stop"] = Field(default="hold", description="[U] what follows a ramp's end")
    poll_after_power: Literal["off", "on"] = Field(default="off", description="[U] poll at power-up")
    nvram: Literal["on", "none", "off"] = Field(default="on", description="[U] nvram at power-up")
    has_nvram_none: bool = Field(default=True, description="nvram none is known; otherwise only nvram off")
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to answer")

    @property
    def chain(self) -> tuple[int, ...]:
        return tuple(int(address) for address in self.addresses.split(","))

    def limits_ml_h(self, diameter_mm: float) -> tuple[float, float]:
        """Lowest and highest rate: the plunger's speeds times the syringe's area."""
        area_cm2 = math.pi * (diameter_mm / 20) ** 2
        return self.slowest_mm_min * 6 * area_cm2, self.fastest_mm_min * 6 * area_cm2

    def takes(self, rate_ml_h: float, diameter_mm: float) -> bool:
        """Whether the rate is within the limits, as they are shown: with six digits."""
        low, high = self.limits_ml_h(diameter_mm)
        return low * (1 - 1e-5) <= rate_ml_h <= high * (1 + 1e-5)
