"""The settings of a toy pump, and which of them replace a fact that its manual does not state."""

from pumpd.driving import DriverSettings, assumed


class ToySettings(DriverSettings):
    steady: bool = assumed(True, "The pump's STATUS replies at once, also while it pumps.")
