"""RUN-03: the integral of the reported rate agrees with the reported volume."""

from decimal import Decimal

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.texts import text

_PERCENT = Decimal("0.01")


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.state is not State.RUNNING:
        return PERMIT
    if infusion.reading is not None and infusion.reading.delivered < infusion.counted:
        return Trip(
            AlarmCode.VOLUME_MISMATCH,
            text(
                "trip.counter_went_back",
                "the pump's counter went back from {before} to {now}",
                before=infusion.counted,
                now=infusion.reading.delivered,
            ),
        )
    difference = abs(infusion.integral - infusion.counted)
    limits = infusion.limits
    if difference <= limits.mismatch_floor:
        return PERMIT
    if difference <= infusion.integral.times(limits.mismatch_percent).times(_PERCENT):
        return PERMIT
    return Trip(
        AlarmCode.VOLUME_MISMATCH,
        text(
            "trip.counter_and_rate",
            "the pump counted {counted}, its rate adds up to {integral}",
            counted=infusion.counted,
            integral=infusion.integral,
        ),
    )
