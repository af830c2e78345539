"""The settings of one pump of a Space rack, and which of them replace a fact that no public source states."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from pumpd.driving import DriverSettings, assumed

Parameter = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,12}$")]


class SpaceBccSettings(DriverSettings):
    """`slot` is the pump's pillar and slot in its rack, such as "11"."""

    slot: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] = "11"
    bed: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,16}$")] = "1"
    kind: Literal["syringe", "volumetric"] = "syringe"
    reply_timeout_s: float = assumed(
        2.0, "A rack replies within this time. No source states a time; 500 ms is the least pause between two polls.",
        ge=0.05, le=30.0,
    )  # fmt: skip
    volume_parameter: Parameter = assumed(
        "",
        "The parameter with the infused volume in mL. The public sources name none; empty: readings show 0 mL.",
    )
    flowing_by_rate: bool = assumed(
        True, "A pump whose rate (INRT) is above 0 infuses. The public sources name no parameter for the state."
    )
    alarm_parameter: Parameter = assumed(
        "", "A parameter whose value, other than empty or 0, is an alarm. The public sources name none; empty: none."
    )
