"""The options of a simulated Zyno pump: its identity, and the other choice for every assumption."""

from typing import Literal

from pydantic import Field

from pumpd_drivers.zyno_miva.codec import Check
from pumpd_simulators.family import SimulatorOptions


class ZynoMivaOptions(SimulatorOptions):
    """[I] inferred, [U] unknown: an assumption either way. The defaults are what a public client relies on."""

    checksum: Check = Field(default=Check.SUM, description="sum: MIVA, Nimbus II, CAPS; xor: Nimbus H")
    serial: str = Field(default="SN000001", pattern="^[A-Z0-9]{8}$", description="reply to RN")
    firmware: str = Field(default="1.0.0", pattern=r"^[A-Za-z0-9.\-]{1,20}$", description="reply to RS")
    library: str = Field(default="PUMPD     1         ", min_length=20, max_length=20, description="reply to RL")
    platform: str = Field(default="02", pattern="^[0-9A-F]{2}$", description="reply to RM; 00: H, 01: K")
    name: str = Field(default="ZYNO MEDICAL,MIVA", min_length=1, max_length=60, description="[U] reply to *IDN?")
    unix_time_s: int = Field(default=1_767_225_600, ge=0, description="the pump's clock when the simulation begins")
    mode: str = Field(default="CONT", min_length=1, max_length=20, description="[I] reply to Q0; not CONT: no rate")
    rate_unit: str = Field(default="ML/HR", min_length=1, max_length=20, description="[I] reply to Q4 and QC")
    places: int = Field(default=1, ge=0, le=2, description="[I] digits after the point of rate and volume; more: ERROR")
    has_volume: bool = Field(default=True, description="[I] :PROTOCOL:VTBI is a command; no: only a key sets it")
    set_reply: Literal["ok", "value", "echo", "none"] = Field(
        default="ok", description="[U] reply to a setting: OK, the value, the request itself, or nothing"
    )
    time_query: Literal["exact", "error"] = Field(
        default="exact", description="[I] reply to QE: the whole seconds of volume over rate, or ERROR"
    )
    auto_bolus_ml: float = Field(default=0.0, ge=0, le=100, description="reply to QH; 0: ERROR, as in a public client")
    demand_bolus_ml: float = Field(default=0.0, ge=0, le=100, description="reply to QI; 0: ERROR; key bolus gives it")
    keeps_infused: bool = Field(
        default=False, description="[U] Q5 keeps its value when the volume is set again; no: it is 0 then"
    )
    vtbi_tells: Literal["left", "all"] = Field(default="left", description="[U] Q6: what is left, or the whole volume")
    review_s: float = Field(default=0.0, ge=0, le=60, description="[I] time from WT01 until the motor turns")
    review_ignores_stop: bool = Field(default=False, description="[U] WT02 has no effect before the motor turns")
    needs_ok: bool = Field(default=False, description="[U] after WT01 a person has to press ok")
    log_head: Literal["newest", "next"] = Field(
        default="newest", description="[I] head in the reply to RI: the newest event, or where the next one will be"
    )
    logs_end: bool = Field(default=True, description="[I] the end of the volume is event 3, as an empty cassette is")
    keeps_program: bool = Field(default=True, description="[U] rate and volume survive a power cut; Q5 does not")
    rate_max_ml_h: float = Field(default=400.0, gt=0, le=9999, description="[U] a rate above this: ERROR")
    rate_min_ml_h: float = Field(default=0.1, gt=0, le=9999, description="[U] a rate below this: ERROR")
    volume_max_ml: float = Field(default=2000.0, gt=0, le=9999, description="[U] a volume above this: ERROR")
    occlusion_mmhg: float = Field(default=500.0, gt=0, le=1000, description="pressure of the downstream alarm")
    battery_v: float = Field(default=4.0, ge=0, le=99, description="reply to R7; the plant's level does not change it")
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time the pump takes to reply")
