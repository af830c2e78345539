"""The settings of a Zyno pump, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed
from pumpd_drivers.zyno_miva.codec import Check


class ZynoMivaSettings(DriverSettings):
    """Settings of one pump. `serial`, if given, is the only serial number that is accepted."""

    healthy_answer_s: float = assumed(
        0.05,
        "A healthy pump replies within this time, not counting the time on the line: a public client waits about 50 ms "
        "in all. A stop waits for no reply longer than 1.5 times the longest of late, or this until one was heard.",
        ge=0.005,
        le=1.0,
    )
    checksum: Check = Field(default=Check.SUM, description="sum: MIVA, Nimbus II, CAPS; xor: Nimbus H")
    serial: str = Field(default="", max_length=8, description="refuse a pump with another serial number")
    model: str = assumed("MIVA", "The reply to `*IDN?` contains this word. Another pump is refused.", max_length=30)
    mode_word: str = assumed(
        "CONT",
        "`Q0` replies with this word while the selected protocol is a continuous infusion, as a public client's test "
        "has it. A pump in any other mode is neither programmed nor started.",
        min_length=1,
        max_length=20,
    )
    rate_unit: str = assumed(
        "ML/HR",
        "`QC` replies with this word when the protocol's rate is in mL/h, as a public client's test has it for `Q4`. "
        "With any other unit the pump is neither programmed nor started.",
        min_length=1,
        max_length=20,
    )
    places: int = assumed(
        1, "Rate and volume are sent with this many digits after the point, as in `:PROTOCOL:RATE 75.0`.", ge=0, le=2
    )
    sets_volume: bool = assumed(
        True,
        "`:PROTOCOL:VTBI 35.0` sets the volume as `:PROTOCOL:RATE 75.0` sets the rate. false: it is not sent; a person "
        "sets the volume at the pump before the order, and a pump that holds another one is refused.",
    )
    set_reply: Literal["any", "none"] = assumed(
        "any",
        "The pump replies to a setting with one frame, whose text is not known; what counts is read back. none: it "
        "sends no reply.",
    )
    review_s: float = assumed(
        4.5,
        "After `WT01` the pump may show its parameters first. It then begins by itself, and at the latest after this "
        "time: a public client waits 1.5 s for each of up to three parameters. A start waits for as long, and a stop "
        "before the first flow is done only when this time is over.",
        ge=0,
        le=30,
    )
    stops_unheard: bool = assumed(
        True,
        "`WT02` stops the pump although nobody reads the reply, and does nothing to a stopped pump. false: no deadman "
        "is declared, and only the volume ends a flow that no gateway watches.",
    )
    log_head: Literal["newest", "next"] = assumed(
        "newest",
        "The head in the reply to `RI` is the index of the newest event, as a public client reads it. next: it is the "
        "index at which the next event will be written.",
    )
    rate_min_ml_h: Decimal = assumed(Decimal("0.1"), "The lowest rate used in planning.", gt=0, le=100)
    rate_max_ml_h: Decimal = assumed(
        Decimal(250), "The highest rate used in planning. The drug library in the pump may allow less.", gt=0, le=1200
    )
    volume_max_ml: Decimal = assumed(Decimal(1000), "The largest volume that the pump accepts.", gt=0, le=9999)
