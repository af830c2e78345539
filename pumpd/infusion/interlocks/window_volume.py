"""RUN-04: never more than the program."""

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode


def check(infusion: Infusion, now_ns: int) -> Verdict:
    over = infusion.limits.over_delivery
    if infusion.counted > infusion.segment.program.vtbi + over or infusion.delivered > infusion.prescribed + over:
        return Trip(AlarmCode.OVER_DELIVERY, f"{infusion.delivered} delivered of {infusion.prescribed}")
    return PERMIT
