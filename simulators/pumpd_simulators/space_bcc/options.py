"""The options of a simulated Space rack: its pumps, and a choice for every fact that no public source states."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from pumpd_simulators.family import SimulatorOptions

Slot = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]


class SpaceOptions(SimulatorOptions):
    bed: str = Field(default="1", pattern=r"^[0-9A-Za-z]{1,16}$", description="the rack's bed")
    slots: Annotated[
        tuple[Slot, ...], BeforeValidator(lambda given: given.split(",") if isinstance(given, str) else given)
    ] = Field(default=("11",), min_length=1, description="pillar and slot of each pump, separated by commas")
    pump_model: str = Field(default="PERFUSOR SPACE", description="value of GNMODEL")
    version: str = Field(default="6.0", description="reply to ADMIN:VERSION")
    volume_parameter: str = Field(default="", description="a parameter for the infused volume; the sources name none")
    alarm_parameter: str = Field(
        default="", description="a parameter that is 1 during an alarm, otherwise 0; the sources name none"
    )
    rate_at_rest: Literal["zero", "set"] = Field(default="zero", description="value of INRT of a stopped pump")
    reply_delay_s: float = Field(default=0.0, ge=0, le=60, description="time the rack takes to reply")
