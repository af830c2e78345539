"""The settings of a Harvard pump, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class HarvardSettings(DriverSettings):
    """Settings of one pump. `serial`, if given, is the only serial number that is accepted."""

    address: int = Field(default=0, ge=0, le=99, description="the pump's address in its chain")
    baudrate: Literal[9600, 19200, 38400, 57600, 115200, 128000, 230400, 256000, 460800, 921600] = 115200
    serial: str = Field(default="", max_length=20, description="refuse a pump with another serial number")
    address_colon: bool = assumed(
        False,
        "Requests carry the address as `12irat` (Legato manual); true: as `12:irat` (PHD Ultra rev A). Pumps are "
        "assumed to accept the first.",
    )
    asks_ver: bool = assumed(
        True,
        "The reply to `ver` is one line, the model and a version number, as on an 11 Elite. false: it is not sent, "
        "and the model stays unknown; firmware and serial number come from `version`.",
    )
    fastest_mm_min: Decimal = assumed(
        Decimal("159.004"),
        "The plunger's highest speed, calculated from a Legato 100's recorded limits and an 11 Elite's metrics; other "
        "models are asked for their own limits before anything is set.",
        gt=0,
        le=1000,
    )
    slowest_mm_min: Decimal = assumed(Decimal("0.000153116"), "The plunger's lowest speed, from the same data.", gt=0)
    diameter_max_mm: Decimal = assumed(
        Decimal(33), "The largest inner diameter that can be set: the 11 Elite's.", gt=1, le=60
    )
    volume_max_ml: Decimal = assumed(
        Decimal(150),
        "The largest target volume that the pump accepts; no syringe for these pumps holds more.",
        gt=0,
        le=1000,
    )
    digits: int = assumed(
        5, "The pump keeps this many digits of a rate or volume. Public clients send no more than five.", ge=3, le=6
    )
    target_time: Literal["required", "off"] = assumed(
        "required",
        "A target time applies besides the target volume, and whichever is reached first ends the run. `off`: for a "
        "pump that keeps only one of them; the target volume is then its only limit.",
    )
    nul_in_text: Literal["unread", "dropped"] = assumed(
        "unread",
        "A NUL within a line may stand for a byte that was lost, so the line is not believed. `dropped`: this pump "
        "sends NULs that mean nothing. NULs between lines are ignored with either.",
    )
