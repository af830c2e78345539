"""RUN-04, PRG-25: never more than the program, and never more than the treatment over all its deliveries."""

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode


def check(infusion: Infusion, now_ns: int) -> Verdict:
    over = infusion.limits.over_delivery
    if infusion.counted > infusion.segment.program.vtbi + over or infusion.delivered > infusion.prescribed + over:
        return Trip(AlarmCode.OVER_DELIVERY, f"{infusion.delivered} delivered of {infusion.prescribed}")
    if infusion.earlier + infusion.delivered > infusion.whole + over:
        given = f"{infusion.delivered} delivered after up to {infusion.earlier}"
        return Trip(AlarmCode.OVER_DELIVERY, f"{given}, of {infusion.whole} in all")
    return PERMIT
