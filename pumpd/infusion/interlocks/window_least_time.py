"""WIN-02: the whole volume is not given before 38 minutes of flow (95 % of the prescribed time), counted over all
deliveries of the treatment.
"""

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.texts import text


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.state is not State.RUNNING or infusion.remaining > infusion.limits.over_delivery:
        return PERMIT
    running = infusion.treatment_running_ns(now_ns)
    if running >= infusion.window.least_ns:
        return PERMIT
    return Trip(
        AlarmCode.WINDOW_TOO_FAST,
        text("window.too_early", "the whole volume was given after {minutes} min", minutes=f"{running / 6e10:.1f}"),
    )
