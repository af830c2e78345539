"""The control port's table: every endpoint, what it is asked, what it does and what it answers.

The one table makes both the routes and their description. Endpoints that concern one pump are there twice: under its
name, and in short for the bench's first pump.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pumpd_simulators import control_messages as says
from pumpd_simulators.bench import Bench, SimulatedPump


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`act` gets the bench, or the pump when `of_pump`, and what was asked; it returns what `answer` describes."""

    method: str
    path: str
    summary: str
    answer: type[BaseModel]
    act: Callable[[Any, Any], dict[str, Any]]
    asked: type[BaseModel] = says.NoQuery  # the body of a POST, the query of a GET
    of_pump: bool = True
    streams: bool = False  # the answer again and again, as server-sent events

    @property
    def paths(self) -> tuple[str, ...]:
        return (f"/pumps/{{name}}{self.path}", self.path) if self.of_pump else (self.path,)


def _pumps(bench: Bench, _: says.NoQuery) -> dict[str, Any]:
    return {
        "simulated": True,
        "pumps": [
            {"name": name, "pump": pump.device.model, "units": len(pump.units), "powered": pump.device.powered}
            for name, pump in bench.pumps.items()
        ],
    }


def _clock(bench: Bench, _: BaseModel) -> dict[str, Any]:
    return {"speed": bench.clock.speed, "paused": bench.clock.paused, "plant_time_s": bench.clock.now()}


def _set_clock(bench: Bench, order: says.ClockOrder) -> dict[str, Any]:
    bench.clock.change(speed=order.speed, paused=order.paused)
    return _clock(bench, order)


def _truth(pump: SimulatedPump, query: says.UnitQuery) -> dict[str, Any]:
    return pump.truth(query.unit)


def _fault(pump: SimulatedPump, order: says.FaultOrder) -> dict[str, Any]:
    if order.clear:
        pump.clear(order.kind, order.unit)
        return {"fault": order.kind, "cleared": True}
    pump.fire(order.fault)
    return {"fault": str(order.fault), "cleared": False}


def _power(pump: SimulatedPump, order: says.PowerOrder) -> dict[str, Any]:
    pump.power(on=order.on)
    return {"on": pump.device.powered}


def _panel(pump: SimulatedPump, press: says.KeyPress) -> dict[str, Any]:
    pump.press(press.key, press.value, press.unit)
    return {"display": pump.device.display(press.unit)}


ENDPOINTS = (
    Endpoint("GET", "/pumps", "The pumps on the bench", says.Pumps, _pumps, of_pump=False),
    Endpoint("GET", "/clock", "Plant time", says.ClockNow, _clock, of_pump=False),
    Endpoint("POST", "/clock", "Change its speed, pause it, go on", says.ClockNow, _set_clock, says.ClockOrder, False),
    Endpoint("GET", "/truth", "What is really so", says.Truth, _truth, says.UnitQuery),
    Endpoint("GET", "/stream", "The truth as server-sent events", says.Truth, _truth, says.StreamQuery, streams=True),
    Endpoint("POST", "/fault", "Let something go wrong, or end it", says.FaultDone, _fault, says.FaultOrder),
    Endpoint("POST", "/power", "Switch the supply off and on", says.PowerNow, _power, says.PowerOrder),
    Endpoint("POST", "/panel", "Press a key", says.Panel, _panel, says.KeyPress),
)
