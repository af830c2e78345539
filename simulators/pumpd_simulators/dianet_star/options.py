"""The options of a simulated Dianet Star pump: its identity, and the other choice for every assumption."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


@dataclass(frozen=True, slots=True)
class Model:
    """`kind` is the type in the ident number (sheet: 1019 Perfusor fm, 202 Infusomat fmS)."""

    name: str
    kind: int
    volumetric: bool


MODELS = {
    "perfusor-fm": Model("Perfusor fm", 1019, volumetric=False),
    "infusomat-fms": Model("Infusomat fmS", 202, volumetric=True),
}


class DianetStarOptions(SimulatorOptions):
    """[I] inferred, [U] unknown: an assumption either way."""

    aliases: ClassVar[Mapping[str, str]] = {"software": "firmware", "vtbd_max_ml": "vtbi_max_ml"}

    serial: int = Field(default=12345, ge=1, le=0x3FFFF, description="serial number, 18 bits of the ident number")
    firmware: str = Field(default="FM10A00001", pattern=r"^[ -~]{0,10}$", description="software version in IDENT")
    unix_time_s: int = Field(default=0, ge=0, lt=2**32, description="the pump's clock at power-up, seconds since 1970")
    rate_min_ml_h: float = Field(default=0.1, gt=0, le=10, description="[U] lowest rate in LIMITS")
    rate_max_ml_h: float = Field(default=99.9, gt=0, le=1800, description="[U] highest rate, local and mode 1")
    cc_rate_max_ml_h: float = Field(default=99.9, gt=0, le=1800, description="[U] highest rate in closed loop")
    rate_step_ml_h: float = Field(
        default=0.01, ge=0.01, le=10, description="[U] a rate between two steps is rounded down"
    )
    rate_places: int = Field(default=1, ge=0, le=2, description="[U] decimal places of a rate on the display")
    vtbi_max_ml: float = Field(default=999.9, gt=0, le=9999, description="[U] largest VTBD in LIMITS")
    bolus_max_ml_h: float = Field(
        default=1800, gt=0, le=1800, description="[I] highest bolus rate, from a known client"
    )
    syringe_ml: int = Field(default=50, ge=0, le=100, description="[U] syringe that the Perfusor recognised")
    pressure_level: int = Field(default=5, ge=1, le=9, description="[U] pressure level set in a new pump")
    pressure_step_mmhg: float = Field(default=100, gt=0, le=200, description="[U] pressure alarm = level times this")
    cc_timeout_s: float = Field(default=1.2, gt=0, le=60, description="silence after which control is lost")
    timeout_in_mode_1: bool = Field(default=True, description="[I] the time-out applies in FERNSTEUER too")
    at_timeout: Literal["stop", "go-on"] = Field(default="stop", description="[I] flow when control is lost")
    address_survives: bool = Field(default=True, description="[U] the assigned address stays when control is lost")
    other_address: Literal["silence", "nak"] = Field(
        default="silence", description="[U] reply to a frame for another address"
    )
    ident_reply_address: Literal["asked", "own"] = Field(
        default="asked", description="[U] address in the replies to frames for address 0"
    )
    answers_damaged: bool = Field(default=True, description="[I] the reply to a wrong CRC is NAK 1 for segment 0")
    after_vtbd: Literal["mode-1", "stay"] = Field(
        default="mode-1", description="[I] after the VTBD, closed loop falls back to FERNSTEUER"
    )
    kvo_ml_h: float = Field(default=0, ge=0, le=10, description="[U] rate that continues after the VTBD; 0: none")
    volume_when_cleared: Literal["any-time", "at-rest"] = Field(
        default="any-time", description="[U] when the volume counter may be cleared"
    )
    rate_at_rest: Literal["set", "zero"] = Field(
        default="set", description="[U] rate in STATUS while the pump is stopped"
    )
    stop_key_in_fernregel: Literal["stops", "blocked"] = Field(
        default="stops", description="[I] the start/stop key alarms in FERNREGEL; whether it also stops the flow"
    )
    keys_hold_back_stop: bool = Field(
        default=True, description="[I] for 2 s after a key press a stop is refused like every other write"
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to reply")
