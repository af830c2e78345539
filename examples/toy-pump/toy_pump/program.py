"""How a toy pump holds a program: one rate and one volume. It takes one kind of syringe, so no diameter is sent."""

from pumpd.driving import DeclinedError
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from toy_pump.dialogue import ToyDialogue


async def write(pump: ToyDialogue, program: PumpProgram, epoch: int) -> None:
    (step,) = program.steps
    await pump.command(f"SET {step.rate.number} {step.volume.number}", epoch)


async def read(pump: ToyDialogue, diameter: Length | None, epoch: int) -> PumpProgram:
    held = await pump.question("HELD", 2, epoch=epoch)
    rate, volume = Rate(held[0]), Volume(held[1])
    if not (rate and volume):
        raise DeclinedError("HELD: the pump holds no program")
    return PumpProgram((RateStep(rate, volume),), diameter)
