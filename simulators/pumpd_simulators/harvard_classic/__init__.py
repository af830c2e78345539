"""Simulated classic Harvard pumps, from power-up, byte for byte: Pump 11, Models 22, 33 and 44, PHD 2000."""

from pumpd_simulators.family import Family
from pumpd_simulators.harvard_classic.device import HarvardClassicDevice
from pumpd_simulators.harvard_classic.options import MODELS, HarvardClassicOptions
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="harvard-classic",
    title="Harvard Apparatus Pump 11, Models 22, 33 and 44, PHD 2000: laboratory syringe pumps",
    models=tuple(MODELS),
    options=HarvardClassicOptions,
    make=HarvardClassicDevice,
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda options: len(options.chain),
)
