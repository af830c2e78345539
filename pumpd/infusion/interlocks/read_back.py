"""STA-05: the program that the pump reports equals the confirmed one, step for step, on the pump's own grid."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import PumpProgram


def differences(wanted: PumpProgram, held: PumpProgram) -> tuple[str, ...]:
    """Every value in which the pump's program differs; empty when it is equal."""
    if held is wanted:
        return ()
    reasons = []
    if wanted.diameter != held.diameter:
        reasons.append(f"read-back: diameter is {held.diameter}, ordered {wanted.diameter}")
    if len(wanted.steps) != len(held.steps):
        reasons.append(f"read-back: {len(held.steps)} steps, ordered {len(wanted.steps)}")
    for number, (want, have) in enumerate(zip(wanted.steps, held.steps, strict=False), 1):
        if want.rate != have.rate:
            reasons.append(f"read-back: rate of step {number} is {have.rate}, ordered {want.rate}")
        if want.volume != have.volume:
            reasons.append(f"read-back: volume of step {number} is {have.volume}, ordered {want.volume}")
    return tuple(reasons)


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.read_back is None:
        return Refuse(("the program was not read back from the pump",))
    reasons = differences(infusion.segment.program, infusion.read_back)
    return Refuse(reasons) if reasons else PERMIT
