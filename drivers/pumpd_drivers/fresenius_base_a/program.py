"""How a module holds a program: PC control, the counter at 0, a volume limit, and a rate where it is set separately.

Where PR itself starts the flow, no rate is set beforehand: the rate read back is then the one that the start will send.
"""

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Rate, Volume
from pumpd_drivers.fresenius_base_a.dialogue import FreseniusBaseADialogue
from pumpd_drivers.fresenius_base_a.limits import RATE_STEP, VOLUME_STEP, in_steps
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings


async def write(pump: FreseniusBaseADialogue, program: PumpProgram, epoch: int) -> None:
    """To a stopped module. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    settings = pump.settings
    rate = rate_command(program, settings)  # first: it refuses a rate that the pump cannot hold
    await pump.set_mode("2", epoch=epoch)
    await pump.command("RV", epoch=epoch)
    await pump.command(f"PV;{in_steps(program.vtbi.decimal, VOLUME_STEP, 8, settings.value_format)}", epoch=epoch)
    if settings.start_command:
        await pump.command(rate, epoch=epoch)
    if counted := (await pump.status(epoch=epoch)).delivered:
        raise DeclinedError(
            text("fresenius_base_a.counter", "RV: the pump's counter still shows {counted}", counted=counted)
        )


async def read(pump: FreseniusBaseADialogue, program: PumpProgram, epoch: int) -> PumpProgram:
    """What a start of the loaded program would run. Raises DeclinedError when that has no rate or no end."""
    rate = program.steps[0].rate
    if pump.settings.start_command:
        rate = Rate(await pump.value("LM;d", epoch) * RATE_STEP)
    limit = Volume(await pump.value(pump.settings.limit_query, epoch) * VOLUME_STEP)
    if not limit or not rate:
        raise DeclinedError(
            text(
                "fresenius_base_a.no_program",
                "the pump holds {rate} and a volume limit of {limit}: that is no program",
                rate=rate,
                limit=limit,
            )
        )
    return PumpProgram((RateStep(rate, limit),), program.diameter)


def rate_command(program: PumpProgram, settings: FreseniusBaseASettings) -> str:
    return f"PR;{in_steps(program.steps[0].rate.decimal, RATE_STEP, 4, settings.value_format)}"
