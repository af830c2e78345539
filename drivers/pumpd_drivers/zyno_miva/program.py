"""How a Zyno pump holds a program: a rate and a volume of the continuous protocol that is selected at the pump.

What is written here counts once it has been read back. The pump's drug library, and which protocol is selected, stay
as a person set them at the pump.
"""

import re
from decimal import Decimal

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Volume
from pumpd_drivers.zyno_miva import limits
from pumpd_drivers.zyno_miva.dialogue import ZynoMivaDialogue

RATE, VOLUME = ":PROTOCOL:RATE", ":PROTOCOL:VTBI"
TIME_SLACK_S = 60  # the protocol's own time may be in whole minutes

_WORD = re.compile("[ -~]{1,20}")


async def write(pump: ZynoMivaDialogue, step: RateStep, epoch: int) -> None:
    """To a stopped pump. Nothing flows yet. Raises DeclinedError, UnansweredError."""
    await _require_continuous(pump, epoch)
    await pump.set(RATE, limits.number(step.rate.decimal, pump.settings), epoch)
    if pump.settings.sets_volume:
        await pump.set(VOLUME, limits.number(step.volume.decimal, pump.settings), epoch)


async def read(pump: ZynoMivaDialogue, epoch: int) -> PumpProgram:
    """What a start would run. Raises DeclinedError when that is no program, or is more than one rate and one volume."""
    await _require_continuous(pump, epoch)
    rate = limits.rate(await pump.plain(f"{RATE}?", limits.DECIMAL, epoch=epoch))
    volume = await pump.volume("QD", epoch)
    if not rate or not volume:
        raise DeclinedError(
            text("pump.no_program", "the pump holds {rate} and {volume}: that is no program", rate=rate, volume=volume)
        )
    await _require_no_bolus(pump, epoch)
    return PumpProgram((RateStep(rate, volume),))


async def require_ready(pump: ZynoMivaDialogue, program: PumpProgram, epoch: int) -> None:
    """Of a program that the pump holds: its time fits, nothing was delivered, all of it is left. Raises
    DeclinedError.
    """
    await _require_time(pump, program, epoch)
    if given := await pump.volume("Q5", epoch):
        raise DeclinedError(
            text(
                "zyno_miva.counter",
                "the pump's counter shows {given}, so a start would continue another infusion: end it at the "
                "pump, then load the program again",
                given=given,
            )
        )
    left = await pump.volume("Q6", epoch)
    if left != program.vtbi:
        raise DeclinedError(
            text(
                "zyno_miva.left",
                "the pump would deliver {left}, not {due}: load the program again",
                left=left,
                due=program.vtbi,
            )
        )


async def _require_continuous(pump: ZynoMivaDialogue, epoch: int) -> None:
    for code, due, what in (
        ("Q0", pump.settings.mode_word, text("zyno_miva.mode", "mode")),
        ("QC", pump.settings.rate_unit, text("zyno_miva.rate_unit", "rate unit")),
    ):
        held = await pump.question(code, _WORD, epoch=epoch)
        if held.upper() != due.upper():
            raise DeclinedError(
                text(
                    "zyno_miva.protocol",
                    "{what}: the pump reports {held} ({code}), not {due}: select a continuous protocol in mL/h "
                    "at the pump",
                    what=what,
                    held=held,
                    code=code,
                    due=due,
                )
            )


async def _require_no_bolus(pump: ZynoMivaDialogue, epoch: int) -> None:
    for code, what in (("QH", text("zyno_miva.automatic", "automatic")), ("QI", text("zyno_miva.demand", "demand"))):
        if hundredths := await pump.number_if_any(code, epoch):
            volume = Volume(Decimal(hundredths) / 100)
            raise DeclinedError(
                text(
                    "zyno_miva.boluses",
                    "the pump's protocol has {what} boluses of {volume}: select one without at the pump",
                    what=what,
                    volume=volume,
                )
            )


async def _require_time(pump: ZynoMivaDialogue, program: PumpProgram, epoch: int) -> None:
    """A time of the protocol's own that differs from volume over rate could end the infusion, or change its rate."""
    held_s = await pump.number_if_any("QE", epoch)
    due_s = int(program.duration.decimal)
    if held_s and abs(held_s - due_s) > TIME_SLACK_S:
        raise DeclinedError(
            text(
                "zyno_miva.time",
                "time: the pump holds {held_s} s (QE), but its rate and volume take {due_s} s",
                held_s=held_s,
                due_s=due_s,
            )
        )
