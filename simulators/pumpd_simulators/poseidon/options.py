"""The options of a simulated Poseidon: what is built around its board, and the other choice for every assumption."""

import math
from typing import Literal

from pydantic import Field

from pumpd_simulators.family import SimulatorOptions


class PoseidonOptions(SimulatorOptions):
    """The firmware knows none of the first five: they turn its steps into mL. [I] inferred, [U] unknown."""

    microsteps: Literal["1", "2", "4", "8", "16", "32"] = Field(
        default="1", description="steps that the jumpers make of a full step"
    )
    lead_mm: float = Field(default=0.8, gt=0, le=20, description="what the lead screw moves in a turn")
    steps_per_rev: int = Field(default=200, ge=1, le=1000, description="full steps of the motor in a turn")
    diameter_mm: float = Field(default=26.59, gt=0, le=60, description="inner diameter of the syringes on the pump")
    infuses: Literal["F", "B"] = Field(
        default="F", description="the direction that infuses, by how the motors are plugged in"
    )
    resets_on_open: bool = Field(
        default=True, description="[I] opening the port resets the board, as on a normal Arduino Uno"
    )
    bootloader_s: float = Field(
        default=0.5, ge=0, le=10, description="[U] time between a reset and the firmware's start"
    )
    time_in_a_move: Literal["frozen", "runs"] = Field(
        default="frozen", description="the Time of echoes during a move, as published; runs: a fork of the firmware"
    )
    has_move_report: bool = Field(
        default=True, description="RUN is followed by the published debugging lines; otherwise by nothing (a fork)"
    )
    ceiling_steps_s: float = Field(
        default=3900, gt=0, description="the highest speed of one motor that moves alone; any higher one is not reached"
    )
    ceiling_of_three_steps_s: float = Field(
        default=1340, gt=0, description="the same for each of three motors together"
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=10, description="[U] time until a reply is on the line")

    @property
    def steps_per_ml(self) -> float:
        area_mm2 = math.pi * (self.diameter_mm / 2) ** 2
        return 1000 / area_mm2 / self.lead_mm * self.steps_per_rev * int(self.microsteps)
