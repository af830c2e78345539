"""How a module holds a program: PC control, the counter at nothing, a volume limit, and a rate where one is set apart.

Where PR itself begins the flow, a rate is not given before: what is held is then the rate that the start will send.
"""

from pumpd.driving import DeclinedError
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Rate, Volume
from pumpd_drivers.fresenius_base_a.dialogue import RATE_STEP, VOLUME_STEP, Dialogue, in_steps
from pumpd_drivers.fresenius_base_a.settings import FreseniusBaseASettings


async def give(talk: Dialogue, settings: FreseniusBaseASettings, program: PumpProgram, epoch: int) -> None:
    """To a module that stands. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    rate = rate_command(program, settings)  # refused here when it has none
    await talk.set_mode("2", epoch=epoch)
    await talk.command("RV", epoch=epoch)
    await talk.command(f"PV;{in_steps(program.vtbi.decimal, VOLUME_STEP, 8, settings.value_format)}", epoch=epoch)
    if settings.start_command:
        await talk.command(rate, epoch=epoch)
    if counted := (await talk.look(epoch=epoch)).delivered:
        raise DeclinedError(f"RV: the pump still counts {counted}")


async def held(talk: Dialogue, settings: FreseniusBaseASettings, program: PumpProgram, epoch: int) -> PumpProgram:
    """What a start of the loaded program would run. Raises DeclinedError when that has no rate or no end."""
    rate = program.steps[0].rate
    if settings.start_command:
        rate = Rate(await talk.value("LM;d", epoch) * RATE_STEP)
    limit = Volume(await talk.value(settings.limit_query, epoch) * VOLUME_STEP)
    if not limit or not rate:
        raise DeclinedError(f"the pump holds {rate} and a volume limit of {limit}: that is no program")
    return PumpProgram((RateStep(rate, limit),), program.diameter)


def rate_command(program: PumpProgram, settings: FreseniusBaseASettings) -> str:
    return f"PR;{in_steps(program.steps[0].rate.decimal, RATE_STEP, 4, settings.value_format)}"
