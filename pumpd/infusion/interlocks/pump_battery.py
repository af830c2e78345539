"""STA-13: as far as the pump reports it, a first start needs mains or an hour of battery. A running pump only warns."""

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode, PumpAlarm, Reading
from pumpd.texts import text

START_MIN, LOW_MIN, ENDING_MIN = 60, 30, 10


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading = infusion.reading
    if reading is None or reading.mains:
        return PERMIT
    if infusion.state is State.ARMED:
        reason = "" if infusion.started_ns is not None else _objection(reading)
        return (
            Refuse((text("battery.connect", "the pump {why}: connect it to the mains", why=reason),))
            if reason
            else PERMIT
        )
    left = reading.battery_left_min
    if left is None or left >= LOW_MIN:
        return PERMIT
    return Permit((AlarmCode.BATTERY_ENDING if left < ENDING_MIN else AlarmCode.BATTERY_LOW,))


def _objection(reading: Reading) -> str:
    """Why the pump may not be started on its battery; also empty when it reports nothing about its battery."""
    left = reading.battery_left_min
    if left is not None:
        return (
            ""
            if left >= START_MIN
            else text(
                "battery.too_short",
                "runs {left} min on its battery, at least {least} min are needed",
                left=left,
                least=START_MIN,
            )
        )
    if PumpAlarm.BATTERY_LOW in reading.alarms:
        return text("battery.low", "reports that its battery is low")
    return (
        text("battery.unknown", "runs on its battery, and does not report for how long")
        if reading.mains is False
        else ""
    )
