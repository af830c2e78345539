"""What can be chosen for a simulated Asena: who it is, its syringe, and every fact that no public source states."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions

_WORD = r"^[A-Z_]{1,20}$"


class AlarisOptions(SimulatorOptions):
    serial: str = Field(default="8002-51740", pattern=r"^[0-9A-Za-z-]{1,20}$", description="serial number")
    revision: str = Field(
        default="2.1.5", pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){0,5}$", description="what COMMS_PROTOCOL tells"
    )
    firmware: str = Field(
        default="",
        pattern=r"^([0-9]{1,4}(\.[0-9]{1,4}){0,5})?$",
        description="the firmware, after 2.3.6 of which there is no remote control; empty: the revision",
    )
    syringe: str = Field(default="BD PLASTIPAK", pattern=r"^[A-Z0-9 -]{1,20}$", description="what the pump recognised")
    syringe_ml: int = Field(default=50, ge=1, le=60, description="its size")
    confirmed: bool = Field(default=True, description="somebody confirmed it at the panel")
    rate_max_ml_h: Decimal = Field(default=Decimal(1200), gt=0, le=1200, description="highest rate with that syringe")
    rate_step: Decimal = Field(
        default=Decimal("0.01"), gt=0, le=10, description="a rate between two steps is held as the lower one, in mL/h"
    )
    vtbi_max_ml: Decimal = Field(default=Decimal(50), gt=0, le=9999, description="largest volume that can be set")
    pressure_limit_mmhg: float = Field(default=500.0, gt=0, le=1000, description="its pressure alarm's level")

    token_lapse_s: float = Field(default=5.0, ge=0, description="how long a token lives unless repeated; 0: for ever")
    told_lapse_ms: int = Field(default=0, ge=0, le=99999, description="what REMOTE_CTRL says of that, in ms")
    settings_need_cfg: bool = Field(default=False, description="settings are taken with a live REMOTE_CFG only")
    knows_cfg: bool = Field(default=True, description="REMOTE_CFG is answered; otherwise the pump does not know it")
    stop_needs_control: bool = Field(default=False, description="INF_STOP is taken from the pump's controller only")
    start_clears_alarm: bool = Field(
        default=True, description="INF_START acknowledges an alarm whose cause is gone; else only the keys do"
    )
    start_delay_s: float = Field(default=0.0, ge=0, le=5, description="from INF_START until the motor turns")
    infusing_word: str = Field(default="SET", pattern=_WORD, description="the mode's word while infusing")
    standing_word: str = Field(default="HLD", pattern=_WORD, description="and while it stands")
    held_rate: Literal["zero", "set"] = Field(
        default="zero",
        description="the rate that INF tells while the pump stands: 0.00 as in the capture, or the set one",
    )
    vtbi_tells: Literal["set", "left"] = Field(
        default="set", description="INF_VTBI tells the volume that was set, or what is left of it"
    )
    vtbi_word: str = Field(
        default="AL_VTBIS", pattern=r"^[A-Z_]{0,20}$", description="said when the volume has been given; empty: nothing"
    )
    holder_word: Literal["AL_DRDIS", "AL_SYRCO"] = Field(
        default="AL_DRDIS", description="said when the syringe is let go of while infusing"
    )
    empty_word: Literal["AL_EOIST", "AL_LBTAC", "AL_DRDIS", "AL_SYRCO"] = Field(
        default="AL_EOIST", description="said when the syringe is empty"
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="time the pump takes to answer")
