"""The control port's table: every endpoint with its request, its action and its response.

This one table makes both the routes and their description. Endpoints for one pump exist twice: under the pump's name,
and in a short form for the bench's first pump.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from pumpd_simulators import control_messages as messages
from pumpd_simulators.bench import Bench, SimulatedPump
from pumpd_simulators.clock import LoopClock


class Clocked(Protocol):
    """A bench, or another simulated device, with its plant time."""

    @property
    def clock(self) -> LoopClock: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`act` gets the bench, or the pump if `of_pump`, and the request; it returns what `answer` describes."""

    method: str
    path: str
    summary: str
    answer: type[BaseModel]
    act: Callable[[Any, Any], dict[str, Any]]
    asked: type[BaseModel] = messages.NoQuery  # the body of a POST, the query of a GET
    of_pump: bool = True
    streams: bool = False  # repeated responses, as server-sent events

    @property
    def paths(self) -> tuple[str, ...]:
        return (f"/pumps/{{name}}{self.path}", self.path) if self.of_pump else (self.path,)


def _pumps(bench: Bench, _: messages.NoQuery) -> dict[str, Any]:
    return {
        "simulated": True,
        "pumps": [
            {"name": name, "pump": pump.device.model, "units": len(pump.units), "powered": pump.device.powered}
            for name, pump in bench.pumps.items()
        ],
    }


def _clock(bench: Clocked, _: BaseModel) -> dict[str, Any]:
    return {"speed": bench.clock.speed, "paused": bench.clock.paused, "plant_time_s": bench.clock.now()}


def _set_clock(bench: Clocked, order: messages.ClockOrder) -> dict[str, Any]:
    bench.clock.change(speed=order.speed, paused=order.paused)
    return _clock(bench, order)


def _cables(bench: Bench, _: BaseModel) -> dict[str, Any]:
    return {"ports": {port: list(bench.pumps_at(port)) for port in bench.outlets}}


def _set_cables(bench: Bench, order: messages.CableOrder) -> dict[str, Any]:
    match order.act:
        case "pull":
            bench.pull(*order.ports, away_s=order.away_s, seen=order.seen)
        case "reset-hub":
            bench.reset_hub(away_s=order.away_s, swapped=order.swapped)
        case "restore":
            bench.restore(away_s=order.away_s, seen=order.seen)
        case "swap" | "move" | "double" | "join":
            getattr(bench, order.act)(*order.ports, away_s=order.away_s, seen=order.seen)
    return _cables(bench, order)


def _truth(pump: SimulatedPump, query: messages.UnitQuery) -> dict[str, Any]:
    return pump.truth(query.unit)


def _fault(pump: SimulatedPump, order: messages.FaultOrder) -> dict[str, Any]:
    if order.clear:
        pump.clear(order.kind, order.unit)
        return {"fault": order.kind, "cleared": True}
    pump.fire(order.fault)
    return {"fault": str(order.fault), "cleared": False}


def _power(pump: SimulatedPump, order: messages.PowerOrder) -> dict[str, Any]:
    pump.power(on=order.on)
    return {"on": pump.device.powered}


def _panel(pump: SimulatedPump, press: messages.KeyPress) -> dict[str, Any]:
    pump.press(press.key, press.value, press.unit)
    return {"display": pump.device.display(press.unit)}


CLOCK_ENDPOINTS = (
    Endpoint("GET", "/clock", "Plant time", messages.ClockNow, _clock, of_pump=False),
    Endpoint(
        "POST", "/clock", "Change speed, pause, continue", messages.ClockNow, _set_clock, messages.ClockOrder, False
    ),
)
ENDPOINTS = (
    Endpoint("GET", "/pumps", "The pumps on the bench", messages.Pumps, _pumps, of_pump=False),
    *CLOCK_ENDPOINTS,
    Endpoint("GET", "/cables", "Which pump is at which port", messages.CablesNow, _cables, of_pump=False),
    Endpoint("POST", "/cables", "Move cables", messages.CablesNow, _set_cables, messages.CableOrder, False),
    Endpoint("GET", "/truth", "The true state", messages.Truth, _truth, messages.UnitQuery),
    Endpoint(
        "GET",
        "/stream",
        "The true state as server-sent events",
        messages.Truth,
        _truth,
        messages.StreamQuery,
        streams=True,
    ),
    Endpoint("POST", "/fault", "Start a fault, or end it", messages.FaultDone, _fault, messages.FaultOrder),
    Endpoint("POST", "/power", "Switch the supply off and on", messages.PowerNow, _power, messages.PowerOrder),
    Endpoint("POST", "/panel", "Press a key", messages.Panel, _panel, messages.KeyPress),
)
