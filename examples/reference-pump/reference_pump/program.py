"""How the pump holds a program: the syringe's inner diameter, one rate and one volume, in one frame."""

from pumpd.driving import DeclinedError, UnansweredError
from pumpd.pump import PumpProgram, RateStep
from reference_pump import limits
from reference_pump.dialogue import ReferenceDialogue
from reference_pump.replies import HELD


def text(program: PumpProgram) -> str:
    """The digits of a program that fits the pump, as P and G take them."""
    (step,) = program.steps
    assert program.diameter is not None  # a program without one does not fit
    diameter, rate, volume = (limits.micro(q.decimal) for q in (program.diameter, step.rate, step.volume))
    return f"{diameter:04X}{rate:08X}{volume:08X}"


async def write(pump: ReferenceDialogue, program: PumpProgram, epoch: int) -> None:
    """The pump's reply shows what it holds now."""
    sent = text(program)
    held = await pump.command("P", sent, HELD, epoch)
    if held[0] != sent:
        raise UnansweredError(f"P: the pump was sent {sent} and holds {held[0]}")


async def read(pump: ReferenceDialogue, epoch: int) -> PumpProgram:
    held = await pump.question("Q", "", HELD, epoch=epoch)
    diameter, rate, volume = (int(part, 16) for part in held.groups())
    if not (diameter and rate and volume):
        raise DeclinedError("Q: the pump holds no program")
    return PumpProgram((RateStep(limits.rate(rate), limits.volume(volume)),), limits.diameter(diameter))
