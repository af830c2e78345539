"""The options of a simulated Harvard pump: its identity, and the other choice for every assumption."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


@dataclass(frozen=True, slots=True)
class Model:
    """`version` is the reply to `ver`; the 11 Elite's is in public clients, the others follow it [I]."""

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
    """The defaults reproduce the recorded Legato 100 dialogue. [I] inferred, [U] unknown: an assumption either way."""

    aliases: ClassVar[Mapping[str, str]] = {"largest_target_ml": "vtbi_max_ml"}

    addresses: str = Field(
        default="0",
        pattern=r"^\d{1,2}(,\d{1,2}){0,9}$",
        description="addresses of the pumps on the line, separated by commas",
    )
    serial: str = Field(
        default="D101754", max_length=20, description="serial number of the first pump; the others count up"
    )
    firmware: str = Field(default="", max_length=20, description="firmware in the reply to version; empty: the model's")
    baud: int = Field(default=115200, ge=9600, le=921600, description="line speed at power-up")
    diameter_mm: float = Field(default=14.43, ge=0.1, le=50, description="diameter set in a new pump")
    fastest_mm_min: float = Field(
        default=159.0044,
        gt=0,
        description="plunger's highest speed, from the recorded limits at 14.43 mm and the 11 Elite's metrics (a step "
        "of 1/15360 of 24 threads per inch every 26 us); for other models assumed",
    )
    slowest_mm_min: float = Field(
        default=0.0001531153, gt=0, description="plunger's lowest speed, a step every 27 s; for other models assumed"
    )
    vtbi_max_ml: float = Field(default=1000, gt=0, description="[U] tvolume above this is out of range")
    diameter_max_mm: float = Field(
        default=33, ge=0.1, le=60, description="largest diameter that can be set: the 11 Elite's; for others assumed"
    )
    digits: int = Field(
        default=15, ge=2, le=15, description="[U] digits kept of a rate or a volume; at most six are shown"
    )
    address_on_text: bool = Field(default=True, description="[I] text lines begin with the address, as the prompt does")
    prompt_on_text: bool = Field(
        default=False,
        description="[I] text lines of a pump that shows its address begin with it and the prompt (02>52.5 ml/hr)",
    )
    colon_before_prompt: bool = Field(
        default=False, description="[U] T* and * come as 02:T* and 02:*, at address 0 as :T* and :*"
    )
    leaked_prompt: bool = Field(default=False, description="[U] at the target T* comes once more before a reply")
    trailing_blank: bool = Field(default=False, description="[U] text lines end in a blank")
    telnet: bool = Field(default=False, description="[U] CR is followed by NUL, as on a Telnet line")
    nul_bytes: Literal["none", "before", "text"] = Field(
        default="none", description="[U] a NUL comes before each reply, or in the middle of each text line"
    )
    wrong_address: Literal["none", "before", "instead"] = Field(
        default="none",
        description="[U] a pump of a chain shows the first pump's prompt before its own, or instead of it",
    )
    silent_settings: bool = Field(
        default=False, description="[U] a pump with an address other than 0 answers no command that sets or clears"
    )
    show_address_zero: bool = Field(
        default=False, description="[I] address 0 is shown too (some 11 Elite clients insist)"
    )
    unaddressed: Literal["any", "zero"] = Field(
        default="any", description="[I] the only pump on a line also accepts requests without an address"
    )
    address_colon: Literal["optional", "required", "refused"] = Field(
        default="optional", description="between address and command, as `12:irat` (PHD Ultra) or `12irat` (Legato)"
    )
    has_ver: bool = Field(default=True, description="`ver` is a command; otherwise only `version` is")
    status_width: int = Field(default=35, ge=0, le=80, description="[I] status lines are padded to this width; 0: not")
    crate_reply: Literal["words", "rate"] = Field(
        default="words", description="crate: `Infusing at 1 ml/min` while it runs, or the rate alone"
    )
    status_time: Literal["ms", "s"] = Field(default="ms", description="unit of status' time field; PHD Ultra rev A: s")
    status_target_flag: bool = Field(default=True, description="status has its sixth flag; PHD Ultra rev A: five flags")
    targets: Literal["both", "last"] = Field(
        default="both",
        description="[U] target volume and target time apply together; last: setting one clears the other",
    )
    target_counts: Literal["total", "run"] = Field(
        default="total", description="[U] the target volume counts since the last clear, or for each run"
    )
    stp_clears_stall: bool = Field(default=True, description="[U] stp takes the prompt from * or T* back to :")
    after_ramp: Literal["hold", "stop"] = Field(default="hold", description="[U] what happens at the end of a ramp")
    poll_after_power: Literal["off", "on"] = Field(default="off", description="[U] poll at power-up")
    nvram: Literal["on", "none", "off"] = Field(default="on", description="[U] nvram at power-up")
    has_nvram_none: bool = Field(default=True, description="nvram none is known; otherwise only nvram off")
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to reply")

    @property
    def chain(self) -> tuple[int, ...]:
        return tuple(int(address) for address in self.addresses.split(","))

    def limits_ml_h(self, diameter_mm: float) -> tuple[float, float]:
        """Lowest and highest rate: the plunger's speeds times the syringe's area."""
        area_cm2 = math.pi * (diameter_mm / 20) ** 2
        return self.slowest_mm_min * 6 * area_cm2, self.fastest_mm_min * 6 * area_cm2

    def takes(self, rate_ml_h: float, diameter_mm: float) -> bool:
        """Whether the rate is within the limits as shown, with six digits."""
        low, high = self.limits_ml_h(diameter_mm)
        return low * (1 - 1e-5) <= rate_ml_h <= high * (1 + 1e-5)
