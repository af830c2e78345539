"""Simulated B. Braun Perfusor fm and Infusomat fmS on their Dianet Star line, byte for byte as from power-up."""

from pumpd_simulators.dianet_star.device import DianetStarPump
from pumpd_simulators.dianet_star.options import MODELS, DianetStarOptions
from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings

FAMILY = Family(
    name="dianet-star",
    title="B. Braun Perfusor fm (syringe) and Infusomat fmS (volumetric), Dianet Star protocol",
    models=tuple(MODELS),
    options=DianetStarOptions,
    make=lambda plants, model, options: DianetStarPump(plants[0], model, options),
    physics=lambda model, seed: (
        PlantSettings.peristaltic(seed) if MODELS[model].volumetric else PlantSettings.syringe(seed)
    ),
)
