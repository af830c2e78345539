"""The options of a simulated Space rack: its pumps, and a choice for every fact that no public source states."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from pumpd_simulators.family import Listed, SimulatorOptions

Slot = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]


class SpaceOptions(SimulatorOptions):
    aliases: ClassVar[Mapping[str, str]] = {"slots": "addresses", "pump_model": "reported_model", "version": "firmware"}

    bed: str = Field(default="1", pattern=r"^[0-9A-Za-z]{1,16}$", description="the rack's bed")
    addresses: Annotated[tuple[Slot, ...], Listed] = Field(
        default=("11",), min_length=1, description="pillar and slot of each pump, separated by commas"
    )
    reported_model: str = Field(default="PERFUSOR SPACE", description="value of GNMODEL")
    firmware: str = Field(default="6.0", description="reply to ADMIN:VERSION")
    volume_parameter: str = Field(default="", description="a parameter for the infused volume; the sources name none")
    alarm_parameter: str = Field(
        default="", description="a parameter that is 1 during an alarm, otherwise 0; the sources name none"
    )
    rate_at_rest: Literal["zero", "set"] = Field(default="zero", description="value of INRT of a stopped pump")
    reply_delay_s: float = Field(default=0.0, ge=0, le=60, description="time the rack takes to reply")
