"""Simulated Ismatec Reglo ICC, one to four channels on one line, as from power-up, byte for byte."""

from pumpd_simulators.family import Family
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.reglo_icc.device import RegloIccPump
from pumpd_simulators.reglo_icc.options import RegloIccOptions

FAMILY = Family(
    name="reglo-icc",
    title="Ismatec Reglo ICC laboratory peristaltic pump",
    models=("reglo-icc",),
    options=RegloIccOptions,
    make=RegloIccPump,
    physics=lambda _, seed: PlantSettings.peristaltic(seed),
    units=lambda options: options.channels,
)
