"""Simulated Alaris Asena GH and CC, byte for byte as from power-up."""

from pumpd_simulators.alaris_asena.device import AlarisPump
from pumpd_simulators.alaris_asena.options import AlarisOptions
from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="alaris-asena",
    title="Alaris Asena GH and CC clinical syringe pumps",
    models=("asena-gh", "asena-cc"),
    options=AlarisOptions,
    make=lambda plants, model, options: AlarisPump(plants[0], model, options),
    physics=lambda _, seed: PlantSettings.syringe(seed),
)
