"""The monitor's control port: its endpoints and messages, in the form of the bench's."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pumpd_simulators import control_messages as messages
from pumpd_simulators.control_endpoints import CLOCK_ENDPOINTS, Endpoint
from pumpd_simulators.monitor.faults import Kind, MonitorFault
from pumpd_simulators.monitor.monitor import Monitor


class MonitorTruth(BaseModel):
    """The patient's true signs, and what the monitor measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    simulated: bool = Field(description="always true")
    monitor_time_s: float = Field(description="since the simulation began")
    signs: dict[str, float] = Field(description="true values, in the units of their names")
    measured: dict[str, Any] | None = Field(description="what was measured last; null before the first second")
    messages: int = Field(description="published so far")
    faults: list[str] = Field(description="active faults")
    waiting_faults: list[str] = Field(description="faults that wait for their time")


class MonitorFaultOrder(BaseModel):
    """A fault, written as on the command line, or the end of one."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"kind": "desaturation", "detail": "82,2min", "at": "10min"}]},
    )

    kind: Kind
    at: str | None = Field(default=None, description="the monitor's time since it began (12min); default: now")
    duration: str | None = Field(default=None, description="such as 30s; default: until it is cleared")
    detail: str | None = Field(default=None, description="depends on the kind: VALUE[,TIME], a sensor, a time")
    clear: bool = Field(default=False, description="end the fault instead of starting it")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.clear:
            _ = self.fault
        elif (self.at, self.duration, self.detail) != (None, None, None):
            raise ValueError("clear ends a fault now, and takes only kind")
        return self

    @property
    def fault(self) -> MonitorFault:
        """Raises FaultError."""
        return MonitorFault.of(self.kind, self.at, self.duration, self.detail)


def _truth(monitor: Monitor, _: BaseModel) -> dict[str, Any]:
    return monitor.truth()


def _fault(monitor: Monitor, order: MonitorFaultOrder) -> dict[str, Any]:
    if order.clear:
        monitor.clear(order.kind)
        return {"fault": order.kind, "cleared": True}
    monitor.fire(order.fault)
    return {"fault": str(order.fault), "cleared": False}


def _begin(monitor: Monitor, _: BaseModel) -> dict[str, Any]:
    monitor.begin()
    return monitor.truth()


class Beginning(BaseModel):
    """The infusion begins: nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")


MONITOR_ENDPOINTS = (
    *CLOCK_ENDPOINTS,
    Endpoint("GET", "/truth", "The patient's true signs", MonitorTruth, _truth, of_pump=False),
    Endpoint(
        "POST", "/begin", "Times of faults count from now (--wait)", MonitorTruth, _begin, Beginning, of_pump=False
    ),
    Endpoint(
        "POST", "/fault", "Start a fault, or end it", messages.FaultDone, _fault, MonitorFaultOrder, of_pump=False
    ),
)
