"""The control port's requests and responses, as models. Their schemas are the interface's description.

Bodies are strict: text is not a number, 1 is not true, and an unknown field is refused. Numbers in responses are JSON
numbers, in the unit of their name: they are measurements.
"""

from typing import Any, Literal, Self

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
    """A fault, written as on the command line, or the end of a lasting one."""

    model_config = _example(kind="silence", at="5min", duration="30s")

    kind: Kind
    at: str | None = Field(default=None, description="infusion time (12min) or delivered volume (5mL); default: now")
    duration: str | None = Field(default=None, description="such as 30s; default: the kind's own")
    detail: str | None = Field(default=None, description="depends on the kind: a delay, a key, a volume, an operation")
    unit: int = Field(default=1, ge=1, le=MOST_UNITS)
    clear: bool = Field(default=False, description="end the fault instead of starting it")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.clear:
            _ = self.fault
        elif (self.at, self.duration, self.detail) != (None, None, None):
            raise ValueError("clear ends a fault now, and takes only kind and unit")
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

    speed: float | None = Field(default=None, gt=0, le=FASTEST, description="times real time")
    paused: bool | None = Field(default=None, description="paused: nothing moves, and no request is answered")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.speed is None and self.paused is None:
            raise ValueError("give speed, paused or both")
        return self


class CableOrder(_Asked):
    """Cables of the bench that are pulled, swapped or moved. Ports have the names of their pumps at the beginning."""

    model_config = _example(act="pull", ports=["bed-1"], away_s=0.4)

    act: Literal["pull", "swap", "move", "double", "join", "reset-hub", "restore"]
    ports: list[str] = Field(default=[], description="two to swap, move, double or join; all that vanish to pull")
    away_s: float = Field(default=0.0, ge=0, le=3600, description="real seconds until the ports are back")
    seen: bool = Field(default=True, description="false: moved at the pump's end, and the ports stay")
    swapped: bool = Field(default=False, description="after a hub reset each port leads to the next one's pump")

    @model_validator(mode="after")
    def _ports_fit(self) -> Self:
        if self.act in ("swap", "move", "double", "join") and len(self.ports) != 2:
            raise ValueError(f"{self.act} takes two ports")
        if self.act in ("reset-hub", "restore") and self.ports:
            raise ValueError(f"{self.act} is for all ports and takes none")
        return self


# -- answered ------------------------------------------------------------------------------------------------------


class Truth(_Answered):
    """The true state: the plant's, never the pump's view."""

    simulated: bool = Field(description="always true")
    pump: str = Field(description="model")
    unit: int
    units: int = Field(description="how many the pump has")
    plant_time_s: float = Field(description="since the simulation began")
    infusion_time_s: float | None = Field(description="since this unit's motor first turned")
    delivered_ml: float = Field(description="what has reached the patient, less what was drawn back; never cleared")
    air_ml: float = Field(description="air that has reached the patient; not part of delivered_ml")
    rate_ml_h: float = Field(description="true flow at this instant")
    running: bool = Field(description="the motor turns")
    powered: bool
    mains: bool
    battery_percent: float
    door_open: bool
    pressure_mmhg: float
    largest_bolus_ml: float
    contents_ml: float | None = Field(description="null: the container never empties")
    faults: list[str] = Field(description="active kinds")
    waiting_faults: list[str] = Field(description="faults that wait for their time")
    display: dict[str, str] = Field(description="what the pump's display shows: its view, not the truth")


class PumpOnTheBench(_Answered):
    name: str
    pump: str = Field(description="model")
    units: int
    powered: bool


class Pumps(_Answered):
    simulated: bool = Field(default=True, description="always true")
    pumps: list[PumpOnTheBench]


class FaultDone(_Answered):
    fault: str = Field(description="as written on the command line")
    cleared: bool


class PowerNow(_Answered):
    on: bool


class Panel(_Answered):
    display: dict[str, str]


class CablesNow(_Answered):
    ports: dict[str, list[str]] = Field(description="the pumps at the end of each port, once it is back")


class ClockNow(_Answered):
    speed: float
    paused: bool
    plant_time_s: float


class Refusal(_Answered):
    error: str = Field(description="every field and reason, and what is accepted")
