"""How a channel holds a program: mode O, one direction, a flow, a volume, and no backsteps.

What is written here counts once it has been read back.
"""

import re
from typing import Literal

from pumpd.driving import DeclinedError, text
from pumpd.pump import RateStep
from pumpd.quantities import Volume
from pumpd_drivers.reglo_icc import limits
from pumpd_drivers.reglo_icc.codec import volume_type
from pumpd_drivers.reglo_icc.dialogue import RegloIccDialogue
from pumpd_drivers.reglo_icc.settings import RegloIccSettings

_DIGITS = re.compile("[0-9]{1,6}", re.ASCII)


async def write(pump: RegloIccDialogue, step: RateStep, epoch: int) -> None:
    """To a stopped channel. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    settings = pump.settings
    await pump.set("M", "", epoch)
    await pump.set("O", "", epoch)
    if settings.asks_setpoint:
        await pump.set("xf", "1", epoch)
    await pump.set(_way(settings), "", epoch)
    if settings.sets_backsteps:
        await pump.set("%", "0000", epoch)  # no backsteps after a stop: they would draw from the vein
    await pump.set("f", volume_type(limits.flow(step.rate, settings)), epoch)
    await pump.set("v", volume_type(step.volume.decimal / limits.scale(settings)), epoch)


async def read(pump: RegloIccDialogue, epoch: int) -> RateStep:
    """What a start would run. Replies that follow each other differ in shape, so a repeated one cannot be mistaken.

    Raises DeclinedError when the channel holds no program.
    """
    settings = pump.settings
    await pump.require_held("xM", "O", epoch)
    rate = limits.rate(await pump.number("f", epoch), settings)
    if settings.asks_setpoint:
        await pump.require_held("xf", "1", epoch)
    else:
        await pump.require_held("xM", "O", epoch)
    volume = Volume(await pump.number("v", epoch) * limits.scale(settings))
    await pump.require_held("xD", _way(settings), epoch)
    if settings.sets_backsteps and int((await pump.value("%", _DIGITS, epoch))[0]):
        raise DeclinedError(
            text("reglo_icc.backsteps", "the pump would step back after a stop (%): load the program again")
        )
    if not rate or not volume:
        raise DeclinedError(
            text("pump.no_program", "the pump holds {rate} and {volume}: that is no program", rate=rate, volume=volume)
        )
    return RateStep(rate, volume)


def _way(settings: RegloIccSettings) -> Literal["J", "K"]:
    return "J" if settings.direction == "clockwise" else "K"
