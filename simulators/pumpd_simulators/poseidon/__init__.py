"""Simulated Poseidons: a board with three motors and the published firmware, its traps included."""

from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.poseidon.device import PoseidonDevice
from pumpd_simulators.poseidon.options import PoseidonOptions

FAMILY = Family(
    name="poseidon",
    title="Poseidon, an open-source laboratory syringe pump with three motors",
    models=("poseidon",),
    options=PoseidonOptions,
    make=PoseidonDevice,
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda _: 3,
)
