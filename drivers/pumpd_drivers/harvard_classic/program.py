"""How a pump holds a program: a syringe, a rate and a target volume, with its counter at 0.

What is written here counts once it has been read back.
"""

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Length
from pumpd_drivers.harvard_classic.dialogue import HarvardClassicDialogue


async def write(pump: HarvardClassicDialogue, program: PumpProgram, epoch: int) -> None:
    """To a stopped pump. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    assert program.diameter is not None  # a program without a diameter does not fit
    for command in pump.dialect.program(program, program.diameter):
        await pump.set(command, epoch)
    if reasons := program.differences(await read(pump, epoch)):  # also a value that the pump rounded
        raise DeclinedError(
            text("pump.does_not_hold", "the pump does not hold what was sent: load it again, or do not use this pump"),
            *reasons,
        )


async def read(pump: HarvardClassicDialogue, epoch: int) -> PumpProgram:
    """Everything that a run would do. Raises DeclinedError when that has no end, or is more than an infusion."""
    words = pump.dialect
    for question, allowed in words.fixed.items():
        reply = await pump.question(question, lambda reply: len(reply.lines) == 1, epoch=epoch)
        if (found := "".join(reply.lines).strip()) not in allowed:
            raise DeclinedError(
                text(
                    "harvard_classic.reports",
                    "{question}: the pump reports {found}, not {allowed}: load the program again",
                    question=question,
                    found=found,
                    allowed=allowed[0],
                )
            )
    inner, _ = await pump.value("DIA", epoch)
    rate = await pump.rate(epoch)
    target, _ = await pump.value(words.target, epoch)
    volume = words.target_volume(target)
    if not rate or not volume:
        raise DeclinedError(
            text(
                "harvard_classic.no_program",
                "the pump holds a rate of {rate} and a target of {volume}: that is no program",
                rate=rate,
                volume=volume,
            )
        )
    return PumpProgram((RateStep(rate, volume),), Length(inner))
