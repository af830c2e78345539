"""What can be set for one channel of a Reglo ICC, and which of it stands in for a fact that no public source states."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class RegloIccSettings(DriverSettings):
    """Settings of one channel. `serial`, when given, is the only serial number that is accepted."""

    channel: int = Field(default=1, ge=1, le=4)
    address: int = Field(default=1, ge=1, le=8, description="the pump's own address, while channels are not told apart")
    serial: str = Field(default="", max_length=20, description="refuse a pump with another serial number")
    direction: Literal["clockwise", "counter-clockwise"] = Field(
        default="clockwise", description="the way in which this channel's tube infuses"
    )
    model: str = assumed("REGLO ICC", "The answer to `#` begins with this. Another pump is refused.", max_length=30)
    channels_apart: bool = assumed(
        False,
        "false: `E` or `:` asked of one channel may tell of the whole pump, as a public client has it for `E`; one "
        "channel of a pump is then used, and a `+` is taken for its own. true: they tell of that channel alone, and "
        "all channels can be used.",
    )
    volume_unit: Literal["ml", "l"] = assumed(
        "ml",
        "`v` is in this unit and `f` in it a minute. A public client's comments say both. Calibrate: run a volume into "
        "a measure, and compare with the answer to `:`, which names its unit. While it is not set, rates so low that "
        "the pump could run them as L too are refused.",
    )
    asks_setpoint: bool = assumed(
        True,
        "`xf1` makes `f` rule a run, not the speed `S`; only public clients know it. false: for a pump that does not; "
        "mode M, set before mode O, has to do it.",
    )
    asks_serial: bool = assumed(
        True, "`xS` is answered with the serial number; only public clients know it. false: it is not asked."
    )
    sets_backsteps: bool = assumed(
        True,
        "`%0000` takes turning back after a stop off; its four digits are a public client's. false: not sent, and "
        "somebody has to take it off at the pump.",
    )
    total_digits: int = assumed(4, "The answer to `:` has so many digits, at most three after the point.", ge=3, le=7)
    rate_min_ml_h: Decimal = assumed(Decimal("0.6"), "The least rate that the pump keeps with any tubing.", gt=0)
    rate_max_ml_h: Decimal = assumed(
        Decimal("599.94"),
        "The highest rate that is planned with, at most 599.94. What the tubing allows the pump is asked at each load.",
        gt=0,
        le=Decimal("599.94"),
    )
    volume_max_ml: Decimal = assumed(Decimal("999.9"), "The largest volume that the pump takes.", gt=0, le=9999)
