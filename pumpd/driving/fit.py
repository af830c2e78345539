"""Whether a program fits a pump, checked before the first byte is sent: refuse, never clamp."""

from pumpd.pump import Capabilities, PumpProgram
from pumpd.quantities import Rate, Volume
from pumpd.texts import text


def program_reasons(program: PumpProgram, pump: Capabilities) -> list[str]:
    """Every reason why the pump cannot hold exactly this program; empty when it can."""
    reasons: list[str] = []
    if pump.monitor_only:
        reasons.append(
            text("fit.monitor_only", "{family} pumps are monitored only and never programmed", family=pump.family)
        )
    if len(program.steps) > pump.max_steps:
        reasons.append(
            text(
                "fit.steps",
                "steps: the program has {steps}, the pump holds {most}",
                steps=len(program.steps),
                most=pump.max_steps,
            )
        )
    for number, step in enumerate(program.steps, start=1):
        whys = _of_rate(step.rate, pump), _of_volume(step.volume, pump)
        reasons += [why if len(program.steps) == 1 else _of_step(number, why) for why in whys if why]
    if program.vtbi > pump.volume_max and len(program.steps) > 1:
        reasons.append(
            text(
                "fit.whole_volume",
                "volume: {volume} in all is above the pump's largest volume {most}",
                volume=program.vtbi,
                most=pump.volume_max,
            )
        )
    return reasons


def _of_step(number: int, why: str) -> str:
    return text("fit.step", "step {number}: {why}", number=number, why=why)


def _of_rate(rate: Rate, pump: Capabilities) -> str:
    least, most, grid = pump.rate_min, pump.rate_max, pump.rate_grid
    if rate < least:
        return text("fit.rate_low", "rate: {rate} is below the pump's lowest rate {least}", rate=rate, least=least)
    if rate > most:
        return text("fit.rate_high", "rate: {rate} is above the pump's highest rate {most}", rate=rate, most=most)
    if rate != rate.floor(grid):
        return text("fit.rate_grid", "rate: {rate} is not a rate that the pump can hold ({grid})", rate=rate, grid=grid)
    return ""


def _of_volume(volume: Volume, pump: Capabilities) -> str:
    most, grid = pump.volume_max, pump.volume_grid
    if volume > most:
        return text(
            "fit.volume_high",
            "volume: {volume} is above the pump's largest volume {most}",
            volume=volume,
            most=most,
        )
    if volume != volume.floor(grid):
        return text(
            "fit.volume_grid",
            "volume: {volume} is not a volume that the pump can hold ({grid})",
            volume=volume,
            grid=grid,
        )
    return ""
