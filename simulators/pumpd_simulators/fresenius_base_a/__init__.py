"""Simulated Fresenius Base A with its syringe modules. Source: the family's protocol sheet."""

from pumpd_simulators.family import Family
from pumpd_simulators.fresenius_base_a.device import BaseA
from pumpd_simulators.fresenius_base_a.options import BaseAOptions
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="fresenius-base-a",
    title="Fresenius Base A with Pilot or Agilia-class syringe modules",
    models=("base-a",),
    options=BaseAOptions,
    make=lambda plants, _, options: BaseA(plants, options),
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda options: len(options.addresses),
)
