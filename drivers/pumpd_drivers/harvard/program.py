"""How a pump holds a program: a syringe, a rate, a target volume and a target time, counters at 0, no ramp.

What is written here counts once it has been read back.
"""

import re

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd_drivers.harvard import limits
from pumpd_drivers.harvard.dialogue import HarvardDialogue, consents, shaped

_NO_RAMP = re.compile(r"Ramp not set up\.?")
_RAMP = re.compile(r".* to .* in .*|Ramp not set up\.?")
_LOADED = re.compile(r".*\((qs (?:iw|i|w))\)|.+")


async def write(pump: HarvardDialogue, program: PumpProgram, epoch: int) -> None:
    """To a stopped pump. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    step, inner = program.steps[0], program.diameter
    assert inner is not None  # a program without a diameter does not fit
    await _spare_the_memory(pump, epoch)
    loaded = await pump.match("load", _LOADED, epoch)
    if loaded[1] not in ("qs iw", "qs i"):
        await pump.set("load qs i", epoch)
    await pump.set(f"diameter {inner.number}", epoch)
    low, high = limits.rate_limits(await pump.match("irate lim", limits.RATE_LIMITS, epoch))
    if not low <= step.rate <= high:
        raise DeclinedError(
            text(
                "harvard.rate",
                "rate: {rate} is not within {low} to {high}, the pump's own limits for {inner}",
                rate=step.rate,
                low=low,
                high=high,
                inner=inner,
            )
        )
    await pump.set(f"irate {step.rate.number} ml/hr", epoch)
    for clear in ("civolume", "cwvolume", "citime", "cwtime", "ctvolume", "cttime"):
        await pump.set(clear, epoch)
    await pump.set(f"tvolume {step.volume.number} ml", epoch)
    if pump.settings.target_time == "required":
        await pump.set(f"ttime {limits.clock(limits.target_time_s(program))}", epoch)
    if (now := await read(pump, epoch)) != program:
        raise DeclinedError(
            text(
                "harvard.holds_other",
                "the pump holds {now}, not {program}: load it again, or do not use this pump",
                now=now,
                program=program,
            )
        )


async def read(pump: HarvardDialogue, epoch: int) -> PumpProgram:
    """Everything that a run would do. Raises DeclinedError when that has no end, or is a ramp."""
    ramp = await pump.question("iramp", lambda reply: reply.error is not None or shaped(_RAMP)(reply), epoch=epoch)
    if ramp.error is None and ramp.data(_NO_RAMP) is None:
        raise DeclinedError(
            text("harvard.ramp", "the pump holds a ramp, which pumpd never programs: remove it at its panel")
        )
    inner = limits.diameter(await pump.match("diameter", limits.DIAMETER, epoch))
    rate = limits.rate(await pump.match("irate", limits.RATE, epoch))
    volume = limits.volume(await pump.target("tvolume", limits.VOLUME, epoch))
    if not rate or not volume:
        raise DeclinedError(
            text(
                "harvard.no_program",
                "the pump holds a rate of {rate} and a volume of {volume}: that is no program",
                rate=rate,
                volume=volume,
            )
        )
    program = PumpProgram((RateStep(rate, volume),), inner)
    await _require_time_limit(pump, program, epoch)
    return program


async def _require_time_limit(pump: HarvardDialogue, program: PumpProgram, epoch: int) -> None:
    if pump.settings.target_time == "off":
        return
    held_s = limits.time_s(await pump.target("ttime", limits.TIME, epoch))
    if held_s != (due_s := limits.target_time_s(program)):
        raise DeclinedError(
            text(
                "harvard.target_time",
                "target time: the pump holds {held_s} s, not {due_s} s: load the program again",
                held_s=held_s,
                due_s=due_s,
            )
        )


async def _spare_the_memory(pump: HarvardDialogue, epoch: int) -> None:
    """Avoid flash writes: `nvram none`, or `off` if the pump knows only that; one that knows neither may write."""
    for command in ("nvram none", "nvram off"):
        if (await pump.command(command, consents, epoch)).error is None:
            return
