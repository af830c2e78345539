"""The settings of one Reglo ICC channel, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class RegloIccSettings(DriverSettings):
    """Settings of one channel. `serial`, if given, is the only serial number that is accepted."""

    channel: int = Field(default=1, ge=1, le=4)
    address: int = Field(default=1, ge=1, le=8, description="the pump's own address in its legacy mode")
    serial: str = Field(default="", max_length=20, description="refuse a pump with another serial number")
    direction: Literal["clockwise", "counter-clockwise"] = Field(
        default="clockwise", description="the direction in which this channel's tube infuses"
    )
    model: str = assumed("REGLO ICC", "The reply to `#` begins with this. Another pump is refused.", max_length=30)
    channels_apart: bool = assumed(
        False,
        "false: the reply to `E` or `:` for one channel may be about the whole pump, as a public client has it for "
        "`E`; only one channel of a pump is then used, and a `+` counts as its own. true: the replies are about that "
        "channel alone, and all channels can be used.",
    )
    volume_unit: Literal["ml", "l"] = assumed(
        "ml",
        "`v` is in this unit and `f` in this unit per minute. A public client's comments give both. Calibrate: run a "
        "volume into a measuring cylinder, and compare with the reply to `:`, which names its unit. While this is not "
        "set, rates so low that the pump could also run them in L are refused.",
    )
    asks_setpoint: bool = assumed(
        True,
        "`xf1` makes `f` control a run instead of the speed `S`; only public clients know it. false: for a pump "
        "without it; mode M, set before mode O, then has to do this.",
    )
    asks_serial: bool = assumed(
        True, "The reply to `xS` is the serial number; only public clients know it. false: it is not sent."
    )
    sets_backsteps: bool = assumed(
        True,
        "`%0000` switches off backsteps after a stop; its four digits are a public client's. false: not sent; a person "
        "has to switch them off at the pump.",
    )
    total_digits: int = assumed(4, "The reply to `:` has this many digits, at most three after the point.", ge=3, le=7)
    rate_min_ml_h: Decimal = assumed(Decimal("0.6"), "The lowest rate that the pump keeps with any tubing.", gt=0)
    rate_max_ml_h: Decimal = assumed(
        Decimal("599.94"),
        "The highest rate used in planning, at most 599.94. What the tubing allows, the pump is asked at each load.",
        gt=0,
        le=Decimal("599.94"),
    )
    volume_max_ml: Decimal = assumed(Decimal("999.9"), "The largest volume that the pump accepts.", gt=0, le=9999)
