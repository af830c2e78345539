"""The options of a simulated classic pump: its model, and the other choice for every assumption."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


class Protocol(StrEnum):
    PUMP_11 = "11"
    MODEL_22 = "22"
    OEM = "oem"
    PHD_22 = "phd-22"  # a PHD 2000 that was set to the Model 22 protocol at its keypad
    MODEL_44 = "44"
    MODEL_33 = "33"


@dataclass(frozen=True, slots=True)
class Model:
    """`version` is the text of VER: of the Models 22 and 33 from their manuals, the others' digits are invented."""

    name: str
    protocol: Protocol
    version: str
    largest_mm: float


MODELS = {
    "model-22": Model("Model 22", Protocol.MODEL_22, "  22.900", 50),
    "pump-11": Model("Pump 11 Plus", Protocol.PUMP_11, "11PLUS 1.0", 35),
    "microliter-oem": Model("Microliter OEM", Protocol.OEM, "MLOEM 1.00", 4.61),
    "model-44": Model("Model 44", Protocol.MODEL_44, "  44V1.0", 50),
    "phd-2000": Model("PHD 2000", Protocol.MODEL_44, "  PHD1.2", 50),
    "phd-2000-as-22": Model("PHD 2000 in Model 22 mode", Protocol.PHD_22, "  22.900", 50),
    "model-33": Model("Model 33", Protocol.MODEL_33, "33V2.0", 50),
}


class HarvardClassicOptions(SimulatorOptions):
    """The defaults follow the manuals and public clients. [I] inferred, [U] unknown: an assumption either way."""

    addresses: str = Field(
        default="0",
        pattern=r"^\d{1,2}(,\d{1,2}){0,9}$",
        description="addresses of the pumps on the line, separated by commas",
    )
    baud: int = Field(default=9600, ge=300, le=19200, description="line speed")
    version: str = Field(default="", max_length=20, description="the text of VER; empty: the model's")
    diameter_mm: float = Field(default=14.5, ge=0.1, le=50, description="diameter set in a new pump")
    fastest_mm_min: float = Field(default=47.6, gt=0, description="plunger's highest speed: a Model 22's, others [U]")
    slowest_mm_min: float = Field(default=0.0029068, gt=0, description="plunger's lowest speed: a Model 22's")
    largest_target_ml: float = Field(default=1999, gt=0, description="[U] a target above this is out of range")
    keypad: Literal["sheet", "locked", "live"] = Field(
        default="sheet",
        description="sheet: any command locks the keys of a Model 22 (manual), a Pump 11 and a PHD 2000 in Model 22 "
        "mode [I]; those of a Model 33 (manual) and 44 [I] stay live",
    )
    digits: int = Field(default=5, ge=2, le=6, description="[I] Model 44: digits kept of a rate or a volume")
    mlt_unit: Literal["ml", "ul"] = Field(default="ml", description="[U] Pump 11: the unit of MLT and TAR")
    knows: str = Field(
        default="MLM,MLH,ULH,CLV,CLT,TAR,RNG,KEY",
        pattern=r"^[A-Z,]*$",
        description="[U] Pump 11: the commands that it knows of those that no public client sends",
    )
    rat_reply: Literal["unit", "number"] = Field(
        default="unit", description="[U] Pump 11: RAT is a value with its unit, or a number as on a Model 22"
    )
    stp_when_stopped: Literal["prompt", "NA"] = Field(
        default="prompt", description="[I] Model 22, Pump 11: the reply to STP at rest"
    )
    spaced_oor: bool = Field(default=False, description="[I] Model 22: out of range is `O O R`, as one page prints it")
    prompt_gap: bool = Field(default=False, description="[I] Model 22: a space between address and prompt, as printed")
    target_counts: Literal["total", "run"] = Field(
        default="total",
        description="what a target is compared with: the counter (Model 22), or the volume of the run; others [U]",
    )
    target_in_reverse: bool = Field(default=True, description="[U] the target also ends a run in reverse")
    volume_mode: bool = Field(
        default=False, description="PHD 2000 in Model 22 mode: volume mode was set at the keypad; else MLT is ignored"
    )
    extra_cr: Literal["prompt", "lines"] = Field(
        default="prompt",
        description="[I] PHD 2000 in Model 22 mode: the extra CR is in front of the prompt, or of text",
    )
    stop_prompt: Literal["*", ":"] = Field(
        default="*", description="[U] Model 44, PHD 2000: the prompt after a stop in the middle of a run"
    )
    target_prompt: Literal[":", "*"] = Field(
        default=":", description="[U] Model 44, PHD 2000: the prompt once the target is reached"
    )
    stall_prompt: Literal["*", ":"] = Field(default="*", description="[U] Model 44, PHD 2000: the prompt after a stall")
    has_autofill: bool = Field(default=True, description="[U] Model 44: AF is a command")
    kept_without_power: Literal["settings", "all", "nothing"] = Field(
        default="settings",
        description="[U] what survives a power cut: settings, those and the counter, or nothing. A Model 22 keeps its "
        "settings (manual), a Model 33 only what SAV saved",
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to reply")

    @property
    def chain(self) -> tuple[int, ...]:
        return tuple(int(address) for address in self.addresses.split(","))

    def takes(self, rate_ml_h: float, diameter_mm: float) -> bool:
        """Whether the plunger can run at this rate."""
        area_cm2 = math.pi * (diameter_mm / 20) ** 2
        slowest, fastest = self.slowest_mm_min * 6 * area_cm2, self.fastest_mm_min * 6 * area_cm2
        return slowest * (1 - 1e-5) <= rate_ml_h <= fastest * (1 + 1e-5)
