"""The bench: simulated pumps, each with its plants, its line and its faults, ready to be served on a port or in memory.

Promises:
- A fault with a time comes at that infusion time: plant seconds since that unit's motor first ran. A fault with a
  volume comes when that unit has really delivered that much since then.
- `truth()` is the plant's state, never the pump's view, and is marked as simulated.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pumpd_simulators.cables import Cables
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Device, PanelError, Send
from pumpd_simulators.family import family
from pumpd_simulators.faults import FACTS, Fault, FaultError, Kind, did_you_mean
from pumpd_simulators.line import Line
from pumpd_simulators.plant import Alert, Plant, PlantSettings

_VOLUME_CHECK_S = 1.0  # plant seconds between two checks of a volume that a fault waits for
_MECHANICAL = (Kind.OCCLUSION, Kind.STALL, Kind.DOOR, Kind.MAINS, Kind.FREE_FLOW)


class Unit:
    """One plant and the faults that wait for it."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.waiting: list[Fault] = []
        self.ends: dict[Kind, Alert | None] = {}  # of lasting mechanical faults; None: until cleared
        self.began: float | None = None
        self.began_ml = 0.0


class SimulatedPump:
    """A peer (attach, feed, detach) for pumpd's in-memory line, a pseudo-terminal or a TCP port."""

    def __init__(
        self, device: Device, faults: Iterable[Fault | str] = (), seed: int = 0, *, clock: LoopClock | None = None
    ) -> None:
        self.device = device
        self.clock = clock
        self.units = tuple(Unit(plant) for plant in device.plants)
        self.line = Line(device, seed, clock)
        self._loop = asyncio.get_running_loop()
        self._power_back: asyncio.TimerHandle | None = None
        self.line.on_crash = self._crash
        for unit in self.units:
            unit.plant.on_first_run = partial(self._first_flow, unit)
        for fault in faults:
            self.fire(fault)

    @property
    def plant(self) -> Plant:
        """The first unit's."""
        return self.units[0].plant

    def attach(self, send: Send) -> None:
        self.line.attach(send)

    def feed(self, data: bytes) -> None:
        self.line.feed(data)

    def detach(self) -> None:
        self.line.detach()

    # -- actions of a person at the bench ---------------------------------------------------------------------

    def fire(self, fault: Fault | str) -> None:
        """Arm a fault for its time or volume; without one it comes now."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        unit = self.unit(fault.unit)
        if not fault.waits:
            self._strike(fault)
        else:
            unit.waiting.append(fault)
            if unit.began is not None:
                self._schedule(unit, fault)

    def clear(self, kind: Kind, unit: int = 1) -> None:
        """End a lasting fault; faults that wait for their time stay armed. Raises FaultError for a momentary one."""
        if not FACTS[kind].lasts:
            raise FaultError(f"{kind} is momentary: there is nothing to end")
        here = self.unit(unit)
        if (end := here.ends.pop(kind, None)) is not None:
            end.cancel()
        plant = here.plant
        match kind:
            case Kind.OCCLUSION:
                plant.release()
            case Kind.STALL:
                plant.free()
            case Kind.DOOR:
                plant.close_door()
            case Kind.MAINS:
                plant.mains(on=True)
            case Kind.FREE_FLOW:
                plant.free_flow(0.0)
            case Kind.POWER_CUT:
                self.power(on=True)
            case _:
                self.line.clear(kind)

    def power(self, *, on: bool) -> None:
        if self._power_back is not None:
            self._power_back.cancel()
            self._power_back = None
        if on != self.device.powered:
            self.line.clear(Kind.HANG)  # a restarted processor does not hang
            self.device.power(on=on)

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """Raises PanelError when the key has no effect."""
        self.unit(unit)
        if self.line.hangs or (self.clock is not None and self.clock.paused):
            raise PanelError("the pump hangs, or the bench is paused: its keys have no effect")
        self.device.press(key, value, unit)

    def unit(self, number: int) -> Unit:
        """Raises PanelError for a unit that the pump does not have."""
        if not 1 <= number <= len(self.units):
            raise PanelError(f"there is no unit {number}: {self.device.model} has {len(self.units)}")
        return self.units[number - 1]

    def truth(self, unit: int = 1) -> dict[str, object]:
        """The true state, as the control port reports it. Measurements are floats in the unit of their name."""
        here = self.unit(unit)
        truth = here.plant.truth()
        return {
            "simulated": True,
            "pump": self.device.model,
            "unit": unit,
            "units": len(self.units),
            "plant_time_s": truth.time_s,
            "infusion_time_s": None if here.began is None else truth.time_s - here.began,
            "delivered_ml": truth.delivered_ml,
            "air_ml": truth.air_ml,
            "rate_ml_h": truth.rate_ml_h,
            "running": truth.running,
            "powered": self.device.powered,
            "mains": truth.mains,
            "battery_percent": truth.battery_percent,
            "door_open": truth.door_open,
            "pressure_mmhg": truth.pressure_mmhg,
            "largest_bolus_ml": truth.largest_bolus_ml,
            "contents_ml": truth.contents_ml,
            "faults": self._active(here),
            "waiting_faults": [str(fault) for fault in here.waiting],
            "display": self.device.display(unit),
        }

    def shut(self) -> None:
        """The end of the simulation: no timer is left."""
        if self._power_back is not None:
            self._power_back.cancel()
        self.line.shut()
        self.device.shut()
        for unit in self.units:
            unit.plant.shut()

    # -- faults -------------------------------------------------------------------------------------------------

    def _active(self, unit: Unit) -> list[str]:
        truth = unit.plant.truth()
        present = {Kind.OCCLUSION: truth.occluded, Kind.STALL: truth.jammed, Kind.DOOR: truth.door_open}
        present |= {Kind.MAINS: not truth.mains, Kind.FREE_FLOW: Kind.FREE_FLOW in unit.ends}
        plant = [kind for kind, now in present.items() if now]
        return [*plant, *([] if self.device.powered else [Kind.POWER_CUT]), *self.line.active()]

    def _first_flow(self, unit: Unit) -> None:
        unit.began, unit.began_ml = unit.plant.now, unit.plant.truth().delivered_ml
        for fault in list(unit.waiting):
            self._schedule(unit, fault)

    def _schedule(self, unit: Unit, fault: Fault) -> None:
        def strike() -> None:
            unit.waiting.remove(fault)
            self._strike(fault)

        def check() -> None:
            truth = unit.plant.truth()
            short = unit.began_ml + (fault.at_ml or 0.0) - truth.delivered_ml
            if short <= 1e-9:
                strike()
            else:  # no later than it can be reached at twice the present rate
                soon = short / truth.rate_ml_h * 1800.0 if truth.rate_ml_h > 0 else _VOLUME_CHECK_S
                unit.plant.at(unit.plant.now + min(max(soon, 0.001), _VOLUME_CHECK_S), check)

        if fault.at_ml is not None:
            unit.plant.at(unit.plant.now, check)
        else:
            unit.plant.at((unit.began or 0.0) + (fault.at_s or 0.0), strike)

    def _strike(self, fault: Fault) -> None:
        unit = self.unit(fault.unit)
        plant = unit.plant
        match fault.kind:
            case Kind.OCCLUSION:
                plant.occlude()
            case Kind.STALL:
                plant.jam()
            case Kind.DOOR:
                plant.open_door()
            case Kind.MAINS:
                plant.mains(on=False)
            case Kind.FREE_FLOW:
                plant.free_flow(fault.number)
            case Kind.AIR:
                plant.bubble(fault.number)
            case Kind.EMPTY:
                plant.refill(fault.number)
            case Kind.BATTERY:
                plant.discharge(fault.number)
            case Kind.POWER_CUT:
                self._crash(fault.lasting_s or 0.0)
            case Kind.FRONT_PANEL:
                self._press(fault)
            case _:
                self.line.fire(fault)
        if fault.kind in _MECHANICAL:
            if (before := unit.ends.get(fault.kind)) is not None:
                before.cancel()  # the later fault's duration applies
            end = None
            if fault.lasting_s is not None:
                end = plant.at(plant.now + fault.lasting_s, lambda: self.clear(fault.kind, fault.unit))
            unit.ends[fault.kind] = end

    def _crash(self, lasting_s: float) -> None:
        self.power(on=False)
        self._power_back = self._loop.call_later(lasting_s, lambda: self.power(on=True))

    def _press(self, fault: Fault) -> None:
        try:
            self.press(*fault.key, fault.unit)
        except PanelError as error:
            if not fault.waits:
                raise
            # There is no caller to report to; the display shows the result.
            self._loop.call_exception_handler({"message": f"fault {fault}: {error}", "exception": error})


class Bench(Cables):
    """All pumps of one process, by name, their plant time and their cables."""

    def __init__(self, pumps: Mapping[str, SimulatedPump], clock: LoopClock) -> None:
        super().__init__(pumps)
        self.pumps = pumps
        self.clock = clock


def simulate(
    name: str,
    *,
    model: str | None = None,
    options: Mapping[str, Any] | None = None,
    speed: float = 1.0,
    seed: int = 0,
    plant: PlantSettings | None = None,
    faults: Iterable[Fault | str] = (),
    quirks: Iterable[str] = (),
    clock: LoopClock | None = None,
) -> SimulatedPump:
    """A pump of the family `name` on its bench, on the running loop, as after power-up, with the quirks of its line.

    `plant` overrides the family's physics for the seed; each unit has its own seed. Raises ValueError (FaultError and
    UnknownFamilyError among them) that lists what is accepted.
    """
    chosen = family(name)
    faults = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
    faults += [Fault.quirk(quirk) for quirk in quirks]
    model = model or chosen.models[0]
    if model not in chosen.models:
        known = f"known: {', '.join(chosen.models)}"
        raise ValueError(f"model {model!r} is not known{did_you_mean(model, chosen.models)}; {known}")
    wanted = chosen.options.of(options or {})
    clock = clock or LoopClock(speed)
    physics = plant or chosen.physics(model, seed)
    plants = [
        Plant(clock, replace(physics, seed=physics.seed + 1000 * number)) for number in range(chosen.units(wanted))
    ]
    return SimulatedPump(chosen.make(plants, model, wanted), faults, seed, clock=clock)
