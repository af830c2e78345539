"""The options of a simulated New Era pump: which one it is, and the other choice for every assumption."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pumpd_simulators.family import Listed, SimulatorOptions
from pumpd_simulators.new_era.trigger import Mode


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    version: str  # the reply to VER


MODELS = {
    "ne-1000": Model("NE-1000", "NE1000V3.92"),
    "ne-1010": Model("NE-1010", "NE1010V3.92"),
    "ne-4000": Model("NE-4000", "NE4000V3.92"),
}


class NewEraOptions(SimulatorOptions):
    """A choice for every fact that no public source states for certain. Known clients work with the defaults."""

    aliases: ClassVar[Mapping[str, str]] = {
        "address": "addresses",
        "network": "addresses",
        "knows_power_fail": "has_power_fail",
    }

    addresses: Annotated[tuple[Annotated[int, Field(ge=0, le=99)], ...], Listed] = Field(
        default=(0,),
        max_length=10,
        description="network addresses of the pumps on the line, such as 0,1,5",
    )
    saf_before_alarm: bool = Field(
        default=True,
        description="SAF to a pump with a pending alarm is carried out, and the alarm comes in the new framing; "
        "otherwise the alarm swallows it like any other command",
    )
    trailing_dot: bool = Field(default=True, description='numbers from 1000 on end in a point ("1000.")')
    factory_phases: Literal["stop", "continue"] = Field(
        default="stop", description="what the phases after the first hold in a new pump; continue: the flow continues"
    )
    reset_phases: Literal["stop", "continue"] = Field(
        default="continue", description="what they hold after *RESET: the trap for a careless driver"
    )
    power_fail_restart: bool = Field(
        default=False, description="PF is on in a new pump: after a power cut it runs its program again from phase 1"
    )
    has_power_fail: bool = Field(default=True, description="PF is a command; otherwise the reply is `?`")
    rate_query: Literal["running", "selected"] = Field(
        default="running", description="rate in the reply to RAT while pumping: the running or the selected phase's"
    )
    after_stall: Literal["stopped", "paused"] = Field(
        default="stopped", description="stopped: program reset; paused: RUN would continue with the rest"
    )
    trigger: Mode = Field(default="FT", description="[U] mode of the trigger input in a new pump (TRG)")
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="time the pump takes to reply")
    diameter_mm: Decimal = Field(default=Decimal("26.59"), gt=0, le=50, description="diameter set in a new pump")
    fastest_cm_min: float = Field(
        default=5.1005, gt=0, le=100, description="plunger's highest speed; from the manual for the NE-1000 (12.5)"
    )
    slowest_cm_h: float = Field(
        default=0.004205, gt=0, le=10, description="plunger's lowest speed; no source states those of other models"
    )
    phase_start_s: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="a command (STP too) is ignored (?IGN) for this long after one phase follows another",
    )

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        if not self.addresses or len(set(self.addresses)) < len(self.addresses):
            raise ValueError("addresses: each pump needs an address of its own")
        if len(self.addresses) > 1 and self.reply_delay_s:
            raise ValueError("addresses, reply_delay_s: collisions of late replies are not simulated; give one of them")
        return self

    def top_ml_h(self, diameter: Decimal) -> float:
        """The highest rate: the syringe's area times the plunger's speed."""
        return _area_cm2(diameter) * self.fastest_cm_min * 60

    def slowest_ml_h(self, diameter: Decimal) -> float:
        return _area_cm2(diameter) * self.slowest_cm_h


def _area_cm2(diameter: Decimal) -> float:
    return math.pi * (float(diameter) / 20) ** 2
