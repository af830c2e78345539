"""The options of a simulated Reglo ICC: its identity, and the other choice for every assumption."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


class RegloIccOptions(SimulatorOptions):
    """[I] inferred, [U] unknown: an assumption either way. The defaults are what public clients rely on."""

    aliases: ClassVar[Mapping[str, str]] = {
        "address": "addresses",
        "description": "reported_model",
        "max_flow_ml_min": "rate_max_ml_min",
        "min_flow_ml_min": "rate_min_ml_min",
        "max_volume_ml": "vtbi_max_ml",
    }

    channels: int = Field(default=1, ge=1, le=4, description="channels of the pump head, each with its own plant")
    addresses: int = Field(default=1, ge=1, le=8, description="the pump's own address, for its legacy mode")
    serial: str = Field(default="ICC00001", min_length=1, max_length=20, description="reply to xS")
    firmware: str = Field(default="0208", pattern=r"^[0-9]{1,6}$", description="reply to (, and part of the reply to #")
    protocol_version: int = Field(default=8, ge=0, le=99, description="[U] reply to x!")
    reported_model: str = Field(default="REGLO ICC", max_length=30, description="model, part of the reply to #")
    rollers: int = Field(default=8, ge=1, le=99, description="rollers of each channel, part of the reply to #")
    rate_max_ml_min: float = Field(default=20.0, gt=0, le=1000, description="flow at 100 rpm; depends on the tubing")
    rate_min_ml_min: float = Field(default=0.0, ge=0, le=1000, description="[U] below it H is refused (xe: R)")
    vtbi_max_ml: float = Field(default=9999.0, gt=0, description="[U] v above this cannot be started (xe: V)")
    tubing_mm: float = Field(default=2.06, gt=0, le=9.99, description="tubing's inner diameter, reply to +")
    channel_addressing: bool = Field(default=False, description="[U] ~ at power-up; false: legacy mode")
    flow_setpoint: bool = Field(default=True, description="[U] xf at power-up; false: S is the speed, not f")
    has_setpoint: bool = Field(default=True, description="[I] xf is a command, as in public clients")
    has_serial: bool = Field(default=True, description="[I] xS is a command, as in public clients")
    has_backsteps: bool = Field(default=True, description="[I] % takes four digits, as in a public client")
    unit: Literal["ml", "l"] = Field(default="ml", description="[I] unit of f (per minute) and v; xe, ? and : use mL")
    running_query: Literal["pump", "channel"] = Field(
        default="pump", description="[I] reply to E: whether any channel runs, as in a public client; or that channel"
    )
    total_query: Literal["channel", "pump"] = Field(
        default="channel", description="[I] ':' and W are about that channel or the pump"
    )
    total_units: Literal["ml", "auto"] = Field(
        default="ml", description="[I] unit of the reply to ':'; auto: ul below 1 mL, l from 1000 mL on"
    )
    total_digits: int = Field(default=4, ge=3, le=7, description="[I] digits of ':', at most three after the point")
    set_answers: Literal["value", "ok"] = Field(
        default="value",
        description="[I] the reply to setting f or v is the value, as public clients expect; or *",
    )
    short_times: bool = Field(
        default=True, description="[I] xT and xP accept fewer than eight digits too, as a public client sends them"
    )
    pause_resumes: bool = Field(
        default=True, description="[I] H after xI continues with the rest; false: it starts over"
    )
    locked_while_running: bool = Field(
        default=True, description="[U] settings of a running channel fail, except flow in mode M and speed in mode L"
    )
    keeps_settings: bool = Field(default=True, description="[U] settings survive a power cut")
    keeps_total: bool = Field(default=False, description="[U] the total volume survives a power cut")
    after_stall: Literal["stop", "overload"] = Field(
        default="stop",
        description="[U] a motor that cannot turn ends the run; overload: every reply is then # until - is sent, as "
        "with the family's predecessors",
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to reply")
