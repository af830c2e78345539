"""RUN-04, PRG-25: never more than the program, and never more than the treatment over all its deliveries."""

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode
from pumpd.texts import text


def check(infusion: Infusion, now_ns: int) -> Verdict:
    over = infusion.limits.over_delivery
    given = infusion.delivered
    if infusion.counted > infusion.segment.program.vtbi + over or given > infusion.prescribed + over:
        return Trip(
            AlarmCode.OVER_DELIVERY,
            text(
                "trip.over_delivery",
                "{given} delivered of {prescribed}",
                given=given,
                prescribed=infusion.prescribed,
            ),
        )
    if infusion.earlier + given > infusion.whole + over:
        earlier, whole = infusion.earlier, infusion.whole
        why = text(
            "trip.over_treatment",
            "{given} delivered after up to {earlier}, of {whole} in all",
            given=given,
            earlier=earlier,
            whole=whole,
        )
        return Trip(AlarmCode.OVER_DELIVERY, why)
    return PERMIT
