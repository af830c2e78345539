"""Simulated Harvard Apparatus and KD Scientific pumps with the "Ultra" command set, from power-up, byte for byte."""

from pumpd_simulators.family import Family
from pumpd_simulators.harvard.device import HarvardDevice
from pumpd_simulators.harvard.options import MODELS, HarvardOptions
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="harvard",
    title='Harvard Apparatus and KD Scientific laboratory syringe pumps ("Ultra" command set)',
    models=tuple(MODELS),
    options=HarvardOptions,
    make=HarvardDevice,
    physics=lambda _, seed: PlantSettings.syringe(seed),
    units=lambda options: len(options.chain),
)
