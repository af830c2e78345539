"""The settings of a Dianet Star pump, and which of them replace a fact that no public source states."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pumpd.driving import DriverSettings, assumed


class DianetStarSettings(DriverSettings):
    """`serial` empty accepts any pump of the model; `pressure_level` 0 leaves the pump's own level."""

    model: Literal["perfusor-fm", "infusomat-fms"] = "perfusor-fm"
    address: Annotated[str, StringConstraints(pattern=r"^[A-Z]$")] = "A"
    serial: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,6}$")] = ""
    pressure_level: int = Field(default=0, ge=0, le=9)
    reply_timeout_s: float = assumed(
        0.25,
        "A pump replies within this time, not counting the time on the line. Two replies in a row may be missed before "
        "the pump's 1.2 s are over.",
        ge=0.05,
        le=0.4,
    )
    quiet_s: float = assumed(
        0.1, "After a missed reply, once the line has been quiet for this long, no late reply comes.", ge=0.02, le=0.3
    )
    stops_when_control_is_lost: bool = assumed(
        True,
        "A pump in closed loop that receives nothing for 1.2 s stops, falls back to DOKU and alarms. False: only the "
        "VTBD ends a flow whose host is gone.",
    )
    tells_time: bool = assumed(
        True,
        "The time in the pump's identification is its clock, in seconds since 1970 UTC, as in the frame that sets it. "
        "False: it is ignored, and the clocks are not compared.",
    )
    rate_step_ml_h: Decimal = assumed(Decimal("0.1"), "A rate is a multiple of this.", ge=Decimal("0.01"), le=1)
    rate_min_ml_h: Decimal = assumed(Decimal("0.1"), "Lowest rate; the pump's own LIMITS apply too.", gt=0, le=10)
    rate_max_ml_h: Decimal = assumed(Decimal("99.9"), "Highest rate; the pump's own LIMITS apply too.", gt=0, le=1800)
    vtbd_max_ml: Decimal = assumed(Decimal("999.9"), "Largest VTBD; the pump's own LIMITS apply too.", gt=0, le=9999)
