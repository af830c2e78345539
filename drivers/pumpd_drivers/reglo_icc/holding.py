"""How a channel holds a program: mode O, one direction, a flow, a volume, and no turning back.

What is given here is believed when it was read back.
"""

import re
from typing import Literal

from pumpd.driving import DeclinedError
from pumpd.pump import RateStep
from pumpd.quantities import Volume
from pumpd_drivers.reglo_icc import limits
from pumpd_drivers.reglo_icc.codec import volume_type
from pumpd_drivers.reglo_icc.settings import RegloIccSettings
from pumpd_drivers.reglo_icc.talking import RegloIccLink

_DIGITS = re.compile("[0-9]{1,6}", re.ASCII)


async def give(link: RegloIccLink, step: RateStep, epoch: int) -> None:
    """Nothing flows yet. Raises DeclinedError, UnansweredError."""
    settings = link.settings
    await link.set("M", "", epoch)
    await link.set("O", "", epoch)
    if settings.asks_setpoint:
        await link.set("xf", "1", epoch)
    await link.set(_way(settings), "", epoch)
    if settings.sets_backsteps:
        await link.set("%", "0000", epoch)  # no turning back after a stop: it would draw from the vein
    await link.set("f", volume_type(limits.flow(step.rate, settings)), epoch)
    await link.set("v", volume_type(step.volume.decimal / limits.scale(settings)), epoch)


async def held(link: RegloIccLink, epoch: int) -> RateStep:
    """Neighbouring answers differ in their shape, so that one said twice is not taken for the next one."""
    settings = link.settings
    await link.must_hold("xM", "O", epoch)
    rate = limits.rate(await link.number("f", epoch), settings)
    if settings.asks_setpoint:
        await link.must_hold("xf", "1", epoch)
    else:
        await link.must_hold("xM", "O", epoch)
    volume = Volume(await link.number("v", epoch) * limits.scale(settings))
    await link.must_hold("xD", _way(settings), epoch)
    if settings.sets_backsteps and int((await link.value("%", _DIGITS, epoch))[0]):
        raise DeclinedError("the pump would turn back after a stop (%): load the program again")
    if not rate or not volume:
        raise DeclinedError(f"the pump holds {rate} and {volume}: that is no program")
    return RateStep(rate, volume)


def _way(settings: RegloIccSettings) -> Literal["J", "K"]:
    return "J" if settings.direction == "clockwise" else "K"
