"""Scenarios: the story of one infusion that a clinician can read, as a TOML file.

    title = "The line is blocked in the twelfth minute"
    requirements = ["RUN-11"]

    [pump]                          # the simulated pump; `options` are the family's, `plant` the plant's settings
    family = "new-era"
    quirks = ["latency=16ms"]       # of the line, from the beginning

    [order]                         # as for `pumpd order`; missing values have defaults
    weight = "70 kg"

    [[event]]                       # an event at infusion time: `nurse`, `fault` or `cable`
    at = "12 min"
    fault = "occlusion"

    [end]                           # what must be true afterwards, measured at the plant
    state = "tripped"
    alarms = ["occlusion"]
    delivered_at_least = "9.9 mL"
    delivered_at_most = "10.6 mL"

`pumpsim FAMILY --scenario FILE` arms the faults of the story for any client of the pump; the tests play all of it.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from pumpd_simulators.faults import Fault, FaultError, seconds

Amount = Annotated[str, StringConstraints(pattern=r"^\d{1,4}(\.\d{1,4})? mL$")]
Time = Annotated[str, StringConstraints(pattern=r"^\d{1,5}(\.\d{1,3})? ?(ms|s|min|h)$")]


class ScenarioError(ValueError):
    """A file that is not a scenario; the message names the file, the field and every reason."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PumpPart(_Part):
    family: str = "new-era"
    model: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    plant: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    clamp: bool = False
    quirks: tuple[str, ...] = ()

    @field_validator("quirks")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for quirk in given:
            Fault.quirk(quirk)
        return given


class Event(_Part):
    """One event: a fault, a nurse's action, or the serial cable pulled or plugged in."""

    at: Time = "0 s"
    fault: str | None = None
    nurse: Literal["pause", "resume", "confirm", "stop", "clear", "identify"] | None = None
    cable: Literal["out", "in"] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "Event":
        if sum(each is not None for each in (self.fault, self.nurse, self.cable)) != 1:
            raise ValueError("an event is one of fault, nurse or cable")
        if self.fault is not None and Fault.parse(self.fault).waits:
            raise ValueError(f"fault {self.fault!r}: give its time in `at`")
        return self

    @property
    def at_s(self) -> float:
        return seconds(self.at.replace(" ", ""), "at")


class End(_Part):
    """`after`: the time from the confirmation by which all is over; `alarms`: all alarms raised, in any order; `told`:
    text that is in the record, or is shown as the pump's problem.
    """

    state: Literal["completed", "tripped", "paused", "stopped", "uncertain", "abandoned", "refused"]
    after: Time = "60 min"
    alarms: tuple[str, ...] = ()
    alarms_may: tuple[str, ...] = ()
    refused_because: str = ""
    told: str = ""
    delivered_at_least: Amount = "0 mL"
    delivered_at_most: Amount = "1000 mL"
    air_at_most: Amount = "1000 mL"
    starts: int = 1

    def ml(self, name: str) -> float:
        return float(getattr(self, name).removesuffix(" mL"))

    @property
    def after_s(self) -> float:
        return seconds(self.after.replace(" ", ""), "after")


class Scenario(_Part):
    title: str = Field(min_length=5)
    requirements: tuple[str, ...] = ()
    pump: PumpPart = PumpPart()
    order: dict[str, str] = Field(default_factory=dict)
    event: tuple[Event, ...] = ()
    end: End

    @classmethod
    def read(cls, path: Path) -> "Scenario":
        """Raises ScenarioError, OSError."""
        try:
            with path.open("rb") as file:
                return cls.model_validate(tomllib.load(file))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{path}: not valid TOML: {error}") from error
        except ValidationError as error:
            raise ScenarioError(
                "; ".join(
                    f"{path}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
                    for item in error.errors(include_url=False)
                )
            ) from error

    @property
    def faults(self) -> list[Fault]:
        """The faults to arm at the pump beforehand."""
        armed = []
        for event in self.event:
            if event.fault is not None:
                fault = Fault.parse(event.fault)
                armed.append(Fault(fault.kind, event.at_s, fault.duration_s, fault.detail, None, fault.unit))
        return armed


__all__ = ["End", "Event", "FaultError", "PumpPart", "Scenario", "ScenarioError"]
