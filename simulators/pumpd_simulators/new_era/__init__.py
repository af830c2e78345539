"""Simulated New Era NE-1000 family, byte for byte as from power-up. Source: the family's manual, sections 10 and 12."""

from pumpd_simulators.family import Family
from pumpd_simulators.new_era.device import NewEraPump
from pumpd_simulators.new_era.network import NewEraNetwork
from pumpd_simulators.new_era.options import MODELS, NewEraOptions
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="new-era",
    title="New Era NE-1000 laboratory syringe pumps",
    models=tuple(MODELS),
    options=NewEraOptions,
    make=lambda plants, model, options: (
        NewEraNetwork(plants, model, options) if len(options.addresses) > 1 else NewEraPump(plants[0], model, options)
    ),
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda options: len(options.addresses),
)
