"""The settings of a classic Harvard pump, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from pumpd.driving import DriverSettings, assumed


class HarvardClassicSettings(DriverSettings):
    """Settings of one pump. A pump that answers in another dialect than `dialect` is refused."""

    reads_while_answering: Literal[False] = Field(
        default=False, description="Strictly a command and its reply: the host waits for the prompt (Model 22 manual)."
    )
    dialect: Literal["11", "22", "33", "44"] = Field(
        default="22",
        description="the pump's dialect: 11 Pump 11 and 11 Plus; 22 Model 22; 33 Model 33; 44 Model 44 and PHD 2000",
    )
    phd_2000: bool = Field(default=False, description="with dialect 22: a PHD 2000 that is set to that protocol")
    address: int = Field(
        default=0, ge=0, le=99, description="the pump's address in its chain; a Model 22's is at most 9"
    )
    baudrate: Literal[300, 1200, 2400, 9600, 19200] = 9600
    version: str = assumed(
        "",
        "The reply to VER begins with this, and another pump is refused. Empty: 22. on a Model 22, 33V on a Model 33, "
        "PHD on a PHD 2000 (these have a source), 11 on a Pump 11 and 44 on a Model 44 (these are assumed).",
        max_length=20,
    )
    volume_mode: bool = assumed(
        False,
        "With phd_2000: the pump was put into volume mode at its keypad. In any other mode it ignores its target "
        "volume, and its protocol cannot ask for the mode. While this is false, the pump is not programmed.",
    )
    mlt_unit: Literal["ml", "ul"] = assumed(
        "ml",
        "With dialect 11: the unit of the target volume. A public client's comments have uL. With ml at a pump that "
        "means uL, a run ends after a thousandth; with ul at one that means mL, nothing ends it in time. So change it "
        "only after a run into a measuring cylinder.",
    )
    rate_command: Literal["MLH", "ULM"] = assumed(
        "MLH",
        "With dialect 11: the rate is set in mL/h, as on a Model 22. ULM: in uL/min, the only command that a public "
        "client of the Pump 11 sends; rates are then multiples of 0.06 mL/h.",
    )
    star_is_stall: bool = assumed(
        False,
        "With dialect 44 or phd_2000: the prompt `*` shows a stalled motor, and is an alarm. false: it shows only that "
        "pumping was interrupted, at the panel or by a stop. Whether a stall has a prompt there is unknown.",
    )
    fastest_mm_min: Decimal = assumed(
        Decimal("47.6"),
        "The plunger's highest speed, a Model 22's (a PHD 2000 may reach 190). The pump refuses a rate above its own.",
        gt=0,
        le=1000,
    )
    slowest_mm_min: Decimal = assumed(
        Decimal("0.0029068"), "The plunger's lowest speed, a Model 22's. The pump refuses a rate below its own.", gt=0
    )
    volume_max_ml: Decimal = assumed(
        Decimal(150),
        "The largest target volume that the pump accepts; no syringe for these pumps holds more.",
        gt=0,
        le=999,
    )
    digits: int = assumed(
        5, "With dialect 44: the pump keeps this many digits of a rate or a volume, as it shows them.", ge=3, le=6
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.phd_2000 and self.dialect != "22":
            raise ValueError("phd_2000 is for a PHD 2000 in its Model 22 protocol: set dialect to 22, or leave it out")
        if self.dialect == "22" and not self.phd_2000 and self.address > 9:
            raise ValueError("address: a Model 22's address is one digit, 0 to 9")
        return self
