"""The settings of one motor of a Poseidon, and which of them replace a fact that the pump cannot report."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed

_VERIFY = "The firmware does not know it: verify it by a measured move."


class PoseidonSettings(DriverSettings):
    """Settings of one pump, which is one motor of the device. Only one motor of a device can be used at a time."""

    reads_while_answering: Literal[False] = Field(
        default=False, description="The next frame may be sent only after the echo: the receive buffer holds 64 bytes."
    )
    motor: Literal[1, 2, 3] = Field(default=1, description="the motor of this pump")
    slice_s: Decimal = Field(
        default=Decimal(2),
        ge=Decimal("1.5"),
        le=5,
        description="time that one move is for; it runs on if the host dies",
    )
    microsteps: Literal[1, 2, 4, 8, 16, 32] = assumed(
        1,
        f"Steps that a full step is divided into, by three jumpers. {_VERIFY} 1 is the public client's default, and "
        "the only value with which a wrong setting never delivers more than was ordered.",
    )
    lead_mm: Decimal = assumed(
        Decimal("0.8"), f"What the lead screw moves in a turn, as the public client computes. {_VERIFY}", gt=0, le=20
    )
    steps_per_rev: int = assumed(
        200, f"Full steps of the motor in a turn, as the public client computes. {_VERIFY}", ge=1, le=1000
    )
    direction: Literal["F", "B"] = assumed(
        "F", f"The direction that infuses: it depends on how the motor's plug is put in. {_VERIFY}"
    )
    acceleration: int = assumed(
        5000,
        "Steps/s2 with which the motor starts and stops without losing a step: the firmware's own.",
        ge=2000,
        le=50000,
    )
    boot_s: Decimal = assumed(
        Decimal(3),
        "Opening the port may reset the board, which is ready after this time, as a public client assumes. 0: no wait.",
        ge=0,
        le=15,
    )
