"""STA-10: a start needs a pump that is known to be idle, has no alarm, and whose counter starts at zero."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.pump import PumpAlarm, PumpState, Reading, word
from pumpd.texts import named, text


def objections(reading: Reading) -> tuple[str, ...]:
    """Why this pump may not be programmed now; empty when it is idle."""
    if reading.state is PumpState.ALARM and set(reading.alarms) == {PumpAlarm.PUMP_RESET}:
        return (text("pump.was_off", "the pump was switched off and on: see that it shows no alarm, then order again"),)
    if reading.state is PumpState.ALARM:
        return (
            text(
                "pump.in_alarm",
                "the pump is in alarm ({alarms}): clear it at the pump first",
                alarms=named(map(word, reading.alarms), text("pump.alarm_not_named", "not named")),
            ),
        )
    if reading.state is PumpState.STOPPED:
        return ()
    return (text("pump.not_idle", "the pump is {state}, not idle: stop it first", state=word(reading.state)),)


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.state is not State.ARMED:
        return PERMIT
    if infusion.reading is None:
        return Refuse((text("pump.state_unknown", "the pump's state is not known"),))
    reasons = objections(infusion.reading)
    if infusion.reading.delivered != ZERO:
        reasons += (
            text(
                "pump.counter_not_zero",
                "the pump's counter reads {volume} before the start, not 0",
                volume=infusion.reading.delivered,
            ),
        )
    return Refuse(reasons) if reasons else PERMIT
