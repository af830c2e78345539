"""What can be set for a Dianet Star pump, and which of it stands in for a fact that no public source states."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pumpd.driving import DriverSettings, assumed


class DianetStarSettings(DriverSettings):
    """`serial` empty accepts any pump of the model; `pressure_level` 0 leaves the pump's own."""

    model: Literal["perfusor-fm", "infusomat-fms"] = "perfusor-fm"
    address: Annotated[str, StringConstraints(pattern=r"^[A-Z]$")] = "A"
    serial: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,6}$")] = ""
    pressure_level: int = Field(default=0, ge=0, le=9)
    reply_timeout_s: float = assumed(
        0.25,
        "A pump answers within this time, the time on the line not counted. Two answers in a row may be missed before "
        "the pump's 1.2 s are over.",
        ge=0.05,
        le=0.4,
    )
    quiet_s: float = assumed(
        0.1, "After a missed answer, a line that is quiet for this long has nothing late on it.", ge=0.02, le=0.3
    )
    stops_when_control_is_lost: bool = assumed(
        True,
        "A pump in closed loop that hears nothing for 1.2 s stops, besides falling back to DOKU and alarming. False: "
        "then nothing but the VTBD ends a flow whose host is gone.",
    )
    tells_time: bool = assumed(
        True,
        "The time in the pump's identification is its clock, in seconds since 1970 UTC, as in the frame that sets it. "
        "False: it is taken for nothing, and nobody compares the clocks.",
    )
    rate_step_ml_h: Decimal = assumed(Decimal("0.1"), "A rate is a multiple of this.", ge=Decimal("0.01"), le=1)
    rate_min_ml_h: Decimal = assumed(Decimal("0.1"), "Lowest rate; the pump's own LIMITS hold too.", gt=0, le=10)
    rate_max_ml_h: Decimal = assumed(Decimal("99.9"), "Highest rate; the pump's own LIMITS hold too.", gt=0, le=1800)
    vtbd_max_ml: Decimal = assumed(Decimal("999.9"), "Largest VTBD; the pump's own LIMITS hold too.", gt=0, le=9999)
