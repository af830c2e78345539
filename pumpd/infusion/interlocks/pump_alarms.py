"""RUN-10, RUN-11: an alarm that the pump raises is believed, stops the infusion and latches."""

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode, PumpState


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading = infusion.reading
    if reading is None or (not reading.alarms and reading.state is not PumpState.ALARM):
        return PERMIT
    stopping = [alarm for alarm in reading.alarms if alarm.stops_flow]
    if not stopping and reading.state is not PumpState.ALARM:
        return Permit(tuple(alarm.code for alarm in reading.alarms))
    code = stopping[0].code if stopping else AlarmCode.PUMP_FAULT
    if infusion.state.may_flow:
        return Trip(code, f"the pump reports {', '.join(stopping) or 'an alarm without naming it'}")
    return Refuse((f"the pump reports {', '.join(stopping) or 'an alarm'}",))
