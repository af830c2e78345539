"""How a program reaches a Poseidon: the pump holds a speed and an acceleration, and the driver holds the program.

What is written counts once it has been echoed in every field. Reading back sends both values again: the pump cannot be
asked for them, and its echo is the only proof that it holds them.
"""

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram
from pumpd_drivers.poseidon.dialogue import PoseidonDialogue
from pumpd_drivers.poseidon.limits import Plan


async def write(pump: PoseidonDialogue, plan: Plan, epoch: int) -> None:
    """To an idle pump. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    await pump.set("ACCEL", pump.settings.acceleration, epoch)
    await pump.set("SPEED", plan.speed, epoch)


async def read(pump: PoseidonDialogue, plan: Plan | None, epoch: int) -> PumpProgram:
    """The loaded program, if the pump acknowledges its speed. Volume and syringe are held here, not by the pump.

    Raises DeclinedError without a program, or when the pump has restarted since it was loaded.
    """
    if plan is None:
        raise DeclinedError(
            text(
                "poseidon.no_program",
                "the pump holds no program of this driver; after a restart it has lost it: load it again",
            )
        )
    await pump.set("ACCEL", pump.settings.acceleration, epoch, repeat=True)
    await pump.set("SPEED", plan.speed, epoch, repeat=True)
    return plan.program
