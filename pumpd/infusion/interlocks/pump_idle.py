"""STA-10: a start needs a pump that is known to be idle, has no alarm, and whose counter starts at zero."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.pump import PumpState, Reading


def objections(reading: Reading) -> tuple[str, ...]:
    """Why this pump may not be programmed now; empty when it is idle."""
    if reading.state is PumpState.ALARM:
        return (f"the pump is in alarm ({', '.join(reading.alarms) or 'not named'}): clear it at the pump first",)
    if reading.state is PumpState.STOPPED:
        return ()
    return (f"the pump is {reading.state}, not idle: stop it first",)


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.state is not State.ARMED:
        return PERMIT
    if infusion.reading is None:
        return Refuse(("the pump's state is not known",))
    reasons = objections(infusion.reading)
    if infusion.reading.delivered != ZERO:
        reasons += (f"the pump's counter reads {infusion.reading.delivered} before the start, not 0",)
    return Refuse(reasons) if reasons else PERMIT
