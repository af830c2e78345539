"""WIN-02: over any five minutes the mean rate is at most 105 % of the program."""

from decimal import Decimal

from pumpd.infusion.interlocks.flow_deviation import grown
from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.texts import text

_PERCENT = Decimal("0.01")


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading, samples, limits = infusion.reading, infusion.samples, infusion.limits
    if infusion.state is not State.RUNNING or reading is None or not samples:
        return PERMIT
    if reading.answered_ns != samples[-1].at_ns or reading.answered_ns - samples[0].at_ns < limits.mean_over_ns:
        return PERMIT  # evaluated with each new sample, once there are five minutes of them
    counted, expected = grown(infusion, samples[0], reading.answered_ns)
    if counted <= expected.times(limits.mean_percent).times(_PERCENT) + limits.counter_slack:
        return PERMIT
    return Trip(
        AlarmCode.WINDOW_TOO_FAST,
        text(
            "window.five_minutes",
            "{counted} in five minutes, programmed {expected}",
            counted=counted,
            expected=expected,
        ),
    )
