"""Whether a program fits a pump, checked before the first byte is sent: refuse, never clamp."""

from pumpd.pump import Capabilities, PumpProgram


def program_reasons(program: PumpProgram, pump: Capabilities) -> list[str]:
    """Every reason why the pump cannot hold exactly this program; empty when it can."""
    reasons = []
    if pump.monitor_only:
        reasons.append(f"{pump.family} pumps are monitored only and never programmed")
    if len(program.steps) > pump.max_steps:
        reasons.append(f"steps: the program has {len(program.steps)}, the pump holds {pump.max_steps}")
    for number, step in enumerate(program.steps, start=1):
        place = f"step {number}: " if len(program.steps) > 1 else ""
        if step.rate < pump.rate_min:
            reasons.append(f"{place}rate: {step.rate} is below the pump's lowest rate {pump.rate_min}")
        elif step.rate > pump.rate_max:
            reasons.append(f"{place}rate: {step.rate} is above the pump's highest rate {pump.rate_max}")
        elif step.rate != step.rate.floor(pump.rate_grid):
            reasons.append(f"{place}rate: {step.rate} is not a rate that the pump can hold ({pump.rate_grid})")
        if step.volume > pump.volume_max:
            reasons.append(f"{place}volume: {step.volume} is above the pump's largest volume {pump.volume_max}")
        elif step.volume != step.volume.floor(pump.volume_grid):
            reasons.append(f"{place}volume: {step.volume} is not a volume that the pump can hold ({pump.volume_grid})")
    if program.vtbi > pump.volume_max and len(program.steps) > 1:
        reasons.append(f"volume: {program.vtbi} in all is above the pump's largest volume {pump.volume_max}")
    return reasons
