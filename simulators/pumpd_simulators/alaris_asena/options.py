"""The options of a simulated Asena: its identity, its syringe, and a choice for every fact that no source states."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions

_WORD = r"^[A-Z_]{1,20}$"


class AlarisOptions(SimulatorOptions):
    aliases: ClassVar[Mapping[str, str]] = {
        "rate_step": "rate_step_ml_h",
        "knows_cfg": "has_cfg",
        "held_rate": "rate_at_rest",
    }

    serial: str = Field(default="8002-51740", pattern=r"^[0-9A-Za-z-]{1,20}$", description="serial number")
    revision: str = Field(
        default="2.1.5",
        pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){0,5}$",
        description="revision in the reply to COMMS_PROTOCOL",
    )
    firmware: str = Field(
        default="",
        pattern=r"^([0-9]{1,4}(\.[0-9]{1,4}){0,5})?$",
        description="firmware; after 2.3.6 there is no remote control; empty: the revision",
    )
    syringe: str = Field(
        default="BD PLASTIPAK", pattern=r"^[A-Z0-9 -]{1,20}$", description="syringe that the pump recognised"
    )
    syringe_ml: int = Field(default=50, ge=1, le=60, description="its size in mL")
    confirmed: bool = Field(default=True, description="the syringe was confirmed at the panel")
    rate_max_ml_h: Decimal = Field(default=Decimal(1200), gt=0, le=1200, description="highest rate with that syringe")
    rate_step_ml_h: Decimal = Field(
        default=Decimal("0.01"), gt=0, le=10, description="a rate between two steps is rounded down"
    )
    vtbi_max_ml: Decimal = Field(default=Decimal(50), gt=0, le=9999, description="largest volume that can be set")
    pressure_limit_mmhg: float = Field(default=500.0, gt=0, le=1000, description="pressure alarm level in mmHg")

    token_lapse_s: float = Field(default=5.0, ge=0, description="lifetime of a token that is not repeated; 0: forever")
    told_lapse_ms: int = Field(default=0, ge=0, le=99999, description="lifetime in the reply to REMOTE_CTRL, in ms")
    settings_need_cfg: bool = Field(default=False, description="settings are accepted only with a live REMOTE_CFG")
    has_cfg: bool = Field(default=True, description="REMOTE_CFG is a command; otherwise the pump does not know it")
    stop_needs_control: bool = Field(default=False, description="INF_STOP is accepted only from the pump's controller")
    start_clears_alarm: bool = Field(
        default=True, description="INF_START acknowledges an alarm whose cause is gone; otherwise only the keys do"
    )
    start_delay_s: float = Field(default=0.0, ge=0, le=5, description="from INF_START until the motor turns")
    infusing_word: str = Field(default="SET", pattern=_WORD, description="mode word while infusing")
    standing_word: str = Field(default="HLD", pattern=_WORD, description="mode word while stopped")
    rate_at_rest: Literal["zero", "set"] = Field(
        default="zero",
        description="rate in the reply to INF while the pump is stopped: 0.00 as in the capture, or the set rate",
    )
    vtbi_tells: Literal["set", "left"] = Field(
        default="set", description="reply to INF_VTBI: the volume that was set, or the rest of it"
    )
    vtbi_word: str = Field(
        default="AL_VTBIS",
        pattern=r"^[A-Z_]{0,20}$",
        description="reported when the volume has been delivered; empty: nothing",
    )
    holder_word: Literal["AL_DRDIS", "AL_SYRCO"] = Field(
        default="AL_DRDIS", description="reported when the syringe comes loose while infusing"
    )
    empty_word: Literal["AL_EOIST", "AL_LBTAC", "AL_DRDIS", "AL_SYRCO"] = Field(
        default="AL_EOIST", description="reported when the syringe is empty"
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="time the pump takes to reply")
