"""Simulated Zyno MIVA, as from power-up with a continuous protocol selected, byte for byte."""

from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.zyno_miva.device import ZynoMivaPump
from pumpd_simulators.zyno_miva.options import ZynoMivaOptions

FAMILY = Family(
    name="zyno-miva",
    title="Zyno MIVA ambulatory volumetric pump",
    models=("miva",),
    options=ZynoMivaOptions,
    make=lambda plants, model, options: ZynoMivaPump(plants[0], model, options),
    physics=lambda _, seed: PlantSettings.peristaltic(seed),
)
