"""What can be chosen of a simulated Reglo ICC: who it is, and the other side of everything that is only assumed."""

from typing import Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


class RegloIccOptions(SimulatorOptions):
    """[I] inferred, [U] unknown: an assumption either way. What public clients rely on is the default."""

    channels: int = Field(default=1, ge=1, le=4, description="channels of the pump head, a plant each")
    address: int = Field(default=1, ge=1, le=8, description="the pump's own address, for its legacy mode")
    serial: str = Field(default="ICC00001", min_length=1, max_length=20, description="answer to xS")
    firmware: str = Field(default="0208", pattern=r"^[0-9]{1,6}$", description="answer to (, and within that to #")
    protocol_version: int = Field(default=8, ge=0, le=99, description="[U] answer to x!")
    description: str = Field(default="REGLO ICC", max_length=30, description="the model, within the answer to #")
    rollers: int = Field(default=8, ge=1, le=99, description="rollers of each channel, within the answer to #")
    max_flow_ml_min: float = Field(default=20.0, gt=0, le=1000, description="flow at 100 rpm; depends on the tubing")
    min_flow_ml_min: float = Field(default=0.0, ge=0, le=1000, description="[U] below it H is refused (xe: R)")
    max_volume_ml: float = Field(default=9999.0, gt=0, description="[U] v above this cannot be started (xe: V)")
    tubing_mm: float = Field(default=2.06, gt=0, le=9.99, description="tubing's inner diameter, answer to +")
    channel_addressing: bool = Field(default=False, description="[U] ~ at power-up; false: legacy mode")
    flow_setpoint: bool = Field(default=True, description="[U] xf at power-up; false: S is the speed, not f")
    has_setpoint: bool = Field(default=True, description="[I] xf is a command, as public clients have it")
    has_serial: bool = Field(default=True, description="[I] xS is a command, as public clients have it")
    has_backsteps: bool = Field(default=True, description="[I] % takes four digits, as a public client has it")
    unit: Literal["ml", "l"] = Field(default="ml", description="[I] unit of f (a minute) and v; xe, ? and : say mL")
    running_query: Literal["pump", "channel"] = Field(
        default="pump", description="[I] E tells whether any channel runs, as a public client has it; or that channel"
    )
    total_query: Literal["channel", "pump"] = Field(default="channel", description="[I] ':' and W are of that channel")
    total_units: Literal["ml", "auto"] = Field(
        default="ml", description="[I] unit of ':'; auto: ul below 1 mL, l from 1000 mL on"
    )
    total_digits: int = Field(default=4, ge=3, le=7, description="[I] digits of ':', at most three after the point")
    set_answers: Literal["value", "ok"] = Field(
        default="value",
        description="[I] f and v, when set, are answered with the value, as public clients expect; or *",
    )
    short_times: bool = Field(
        default=True, description="[I] xT and xP take less than eight digits too, as a public client sends them"
    )
    pause_resumes: bool = Field(default=True, description="[I] H after xI goes on with what was left; false: anew")
    locked_while_running: bool = Field(
        default=True, description="[U] settings of a running channel fail (but its flow or speed in modes M and L)"
    )
    keeps_settings: bool = Field(default=True, description="[U] settings survive a power cut")
    keeps_total: bool = Field(default=False, description="[U] the total volume survives a power cut")
    after_stall: Literal["stop", "overload"] = Field(
        default="stop",
        description="[U] a motor that cannot turn ends the run; overload: and all is answered # until - is sent, "
        "as the family's predecessors do",
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to answer")
