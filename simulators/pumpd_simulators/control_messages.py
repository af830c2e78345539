"""What the control port is asked and what it answers, as models. Their schemas are the interface's description.

Bodies are strict: a number is no text, 1 is not true, and a field that is not known is refused. Numbers in answers are
JSON numbers, in the unit of their name: they are measurements.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pumpd_simulators.clock import FASTEST
from pumpd_simulators.faults import MOST_UNITS, Fault, Kind

SHORTEST_PERIOD_S = 0.05  # at most 20 a second


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# -- asked ---------------------------------------------------------------------------------------------------------


class NoQuery(_Query):
    pass


class UnitQuery(_Query):
    unit: int = Field(default=1, ge=1, le=MOST_UNITS, description="module of a rack or channel of a head, from 1")


class StreamQuery(UnitQuery):
    period: float = Field(default=0.5, ge=SHORTEST_PERIOD_S, le=3600, description="real seconds between two events")


class FaultOrder(_Asked):
    """A fault, in the texts of the command line, or the end of a lasting one."""

    model_config = _example(kind="silence", at="5min", duration="30s")

    kind: Kind
    at: str | None = Field(default=None, description="infusion time (12min) or volume given (5mL); left out: now")
    duration: str | None = Field(default=None, description="30s; left out: the kind's default")
    detail: str | None = Field(default=None, description="the kind's own: a delay, a key, a volume, an operation")
    unit: int = Field(default=1, ge=1, le=MOST_UNITS)
    clear: bool = Field(default=False, description="end it, instead of letting it come")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.clear:
            _ = self.fault
        elif (self.at, self.duration, self.detail) != (None, None, None):
            raise ValueError("clear ends a fault now, and takes kind and unit alone")
        return self

    @property
    def fault(self) -> Fault:
        """Raises FaultError."""
        return Fault.of(self.kind, self.at, self.duration, self.detail, self.unit)


class PowerOrder(_Asked):
    """The supply of the whole pump."""

    model_config = _example(on=False)

    on: bool


class KeyPress(_Asked):
    """A key at the front panel."""

    model_config = _example(key="rate", value="80")

    key: str = Field(min_length=1, max_length=40)
    value: str | None = Field(default=None, max_length=40, description="a number, or N% of the present one")
    unit: int = Field(default=1, ge=1, le=MOST_UNITS)


class ClockOrder(_Asked):
    """Plant time of the whole bench."""

    model_config = _example(speed=60)

    speed: float | None = Field(default=None, gt=0, le=FASTEST, description="times as fast as life")
    paused: bool | None = Field(default=None, description="stand still: nothing moves, is heard or answered")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.speed is None and self.paused is None:
            raise ValueError("say speed, paused or both")
        return self


# -- answered ------------------------------------------------------------------------------------------------------


class Truth(_Answered):
    """What is really so: the plant's word, never the pump's."""

    simulated: bool = Field(description="always true")
    pump: str = Field(description="model")
    unit: int
    units: int = Field(description="how many the pump has")
    plant_time_s: float = Field(description="since the simulation began")
    infusion_time_s: float | None = Field(description="since this unit's motor first turned")
    delivered_ml: float = Field(description="what has reached the patient, net of what was drawn back; never cleared")
    air_ml: float = Field(description="air that has reached the patient; no part of delivered_ml")
    rate_ml_h: float = Field(description="true flow at this instant")
    running: bool = Field(description="the motor turns")
    powered: bool
    mains: bool
    battery_percent: float
    door_open: bool
    pressure_mmhg: float
    largest_bolus_ml: float
    contents_ml: float | None = Field(description="null: the container never ends")
    faults: list[str] = Field(description="kinds that are so now")
    waiting_faults: list[str] = Field(description="those that wait for their time")
    display: dict[str, str] = Field(description="what a person would read off the pump: its belief, not the truth")


class PumpOnTheBench(_Answered):
    name: str
    pump: str = Field(description="model")
    units: int
    powered: bool


class Pumps(_Answered):
    simulated: bool = Field(default=True, description="always true")
    pumps: list[PumpOnTheBench]


class FaultDone(_Answered):
    fault: str = Field(description="as the command line would say it")
    cleared: bool


class PowerNow(_Answered):
    on: bool


class Panel(_Answered):
    display: dict[str, str]


class ClockNow(_Answered):
    speed: float
    paused: bool
    plant_time_s: float


class Refusal(_Answered):
    error: str = Field(description="every field and reason, and what is accepted")
