"""The families that can be simulated, by name: the one place that a new family is entered."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.faults import Fault
from pumpd_simulators.new_era.device import NewEraPump
from pumpd_simulators.new_era.memory import MODELS, Assumptions
from pumpd_simulators.plant import Plant, PlantSettings


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    title: str
    models: tuple[str, ...]


NEW_ERA = Family("new-era", "New Era NE-1000 laboratory syringe pumps", tuple(MODELS))
FAMILIES = {family.name: family for family in (NEW_ERA,)}


def new_era(
    *,
    model: str = "ne-1000",
    address: int = 0,
    speed: float = 1.0,
    seed: int = 0,
    plant: PlantSettings | None = None,
    assumptions: Assumptions | None = None,
    faults: Iterable[Fault | str] = (),
    loop: asyncio.AbstractEventLoop | None = None,
) -> SimulatedPump:
    """A New Era pump on its bench, on the running loop. `plant` overrides what `seed` would give."""
    if model not in MODELS:
        raise ValueError(f"model {model!r} is not known; known: {', '.join(MODELS)}")
    armed = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
    physics = Plant(LoopClock(speed, loop), plant or PlantSettings(seed=seed))
    return SimulatedPump(NewEraPump(physics, model, address, assumptions), armed, seed)
