"""How an Asena holds a program: a rate, and a volume to be infused that stops the flow.

The pump measures its syringe itself, so the diameter of a program read back is the one that was loaded.
"""

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.alaris_asena.dialogue import AlarisDialogue
from pumpd_drivers.alaris_asena.limits import LONGEST_LEASE
from pumpd_drivers.alaris_asena.replies import number


async def write(pump: AlarisDialogue, program: PumpProgram, epoch: int) -> None:
    """To a stopped pump. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    (step,) = program.steps
    await pump.require_stopped(epoch)
    await require_syringe(pump, step.rate, epoch)
    await pump.control.take(epoch)
    pump.control.keep(LONGEST_LEASE)  # an idle pump whose token lapses would alarm
    await pump.command("INF_VI_CLEAR", epoch=epoch)  # first: no source states whether it changes the volume set
    if left := (await pump.status(epoch=epoch)).infused:
        raise DeclinedError(
            text(
                "alaris_asena.counter",
                "INF_VI_CLEAR: the pump replied, and its volume counter still shows {left}",
                left=left,
            )
        )
    await pump.set("INF_VTBI", "ACTIV", f"{step.volume.decimal:.3f}", "ml", "STOP", epoch=epoch)
    await pump.set("INF_RATE", f"{step.rate.decimal:.2f}", "ml/h", epoch=epoch)


async def read(pump: AlarisDialogue, diameter: Length | None, epoch: int) -> PumpProgram:
    """What the pump would deliver. Raises DeclinedError when that is no program."""
    rate = number("INF_RATE", await pump.question("INF_RATE", epoch=epoch), 0, "ml/h")
    vtbi = await pump.question("INF_VTBI", epoch=epoch)
    if vtbi[:1] != ("ACTIV",) or vtbi[3:4] != ("STOP",):
        raise DeclinedError(
            text(
                "alaris_asena.endless",
                "the pump holds no volume that would end its flow ({volume})",
                volume="^".join(vtbi),
            )
        )
    volume = number("INF_VTBI", vtbi, 1, "ml")
    if not rate or not volume:
        raise DeclinedError(
            text(
                "alaris_asena.no_program",
                "the pump holds {rate} mL/h and {volume} mL: that is no program",
                rate=rate,
                volume=volume,
            )
        )
    return PumpProgram((RateStep(Rate(rate), Volume(volume)),), diameter)


async def require_syringe(pump: AlarisDialogue, rate: Rate, epoch: int) -> None:
    """The pump has confirmed its syringe, which takes the rate. Raises DeclinedError."""
    syringe = await pump.question("SYRINGE_STATUS", epoch=epoch)
    if syringe[-1:] != ("CONF",):
        raise DeclinedError(
            text(
                "alaris_asena.syringe",
                "syringe: the pump has not confirmed it ({reported}); confirm it at the pump",
                reported=" ".join(syringe),
            )
        )
    word = "INF_RATE_MAX_SYRINGE"
    highest = Rate(number(word, await pump.question(word, epoch=epoch), 0, "ml/h"))
    if rate > highest:
        raise DeclinedError(
            text(
                "alaris_asena.rate",
                "rate: {rate} is above the {highest} that the pump allows for its syringe",
                rate=rate,
                highest=highest,
            )
        )
