"""The settings of a Base A module, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pumpd.driving import DriverSettings, assumed

Command = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}(;[0-9A-Za-z;]{0,20})?)?$")]
Query = Annotated[str, StringConstraints(pattern=r"^L[EM];[a-z]$")]


class FreseniusBaseASettings(DriverSettings):
    """`module` is the position in the rack, 1 to 6; 0 is a syringe pump on its own line, without a base."""

    module: int = Field(default=1, ge=0, le=6)
    reply_timeout_s: float = assumed(
        1.0,
        "A pump replies within this time, not counting the time on the line: a public client waits 1 s.",
        ge=0.05,
        le=5.0,
    )
    start_command: Command = assumed(
        "",
        "Empty: PR with a rate starts the flow; it is sent once, at the start, and the pump holds no rate before. "
        "Otherwise PR only sets the rate, and this command (such as PO;0) starts the flow.",
    )
    limit_query: Query = assumed(
        "LM;r",
        "The reply to this question is the volume limit, in hex and in the unit of the variable r.",
    )
    value_format: Literal["hex", "decimal"] = assumed(
        "hex",
        "PR takes a rate in four and PV a limit in eight of these digits, in the units of the variables d and r. No "
        "source states it; a limit that the pump understood differently is found when it is read back, before any "
        "flow.",
    )
    running_mode_bits: int = assumed(
        0,
        "Bits of the mode variable m that mean the pump flows. 0: it flows when its rate d is above 0.",
        ge=0,
        le=0xFFFF,
    )
    stops_unheard: bool = assumed(
        False,
        "True: a pump whose host answers neither its ENQ nor its frames still accepts DC, which opens a session or "
        "keeps it open, MO;2 and then PO; the deadman can stop it with these alone. What such a pump does is not "
        "public, so only its volume limit is assumed to end a flow whose host is gone.",
    )
    highest_rate_ml_h: Decimal = assumed(
        Decimal(200), "No source states the highest rate; the pump refuses a higher one with error 08.", gt=0, le=6553
    )
    highest_volume_ml: Decimal = assumed(
        Decimal(60), "No source states the largest volume limit; 60 mL is the largest usual syringe.", gt=0, le=9999
    )
