"""Simulated B. Braun Space rack on its BCC interface."""

from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.space_bcc.device import SpaceRack
from pumpd_simulators.space_bcc.options import SpaceOptions

FAMILY = Family(
    name="space-bcc",
    title="B. Braun Space rack, monitoring (BCC over TCP)",
    models=("space",),
    options=SpaceOptions,
    make=lambda plants, _, options: SpaceRack(plants, options),
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda options: len(options.addresses),
    paced=False,
)
