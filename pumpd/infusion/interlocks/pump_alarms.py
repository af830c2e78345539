"""RUN-10, RUN-11: an alarm that the pump raises is believed, stops the infusion and latches."""

from collections.abc import Sequence

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode, PumpAlarm, PumpState, word
from pumpd.texts import named, text


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading = infusion.reading
    if reading is None or (not reading.alarms and reading.state is not PumpState.ALARM):
        return PERMIT
    stopping = [alarm for alarm in reading.alarms if alarm.stops_flow]
    if not stopping and reading.state is not PumpState.ALARM:
        return Permit(tuple(alarm.code for alarm in reading.alarms))
    code = stopping[0].code if stopping else AlarmCode.PUMP_FAULT
    if infusion.state.may_flow:
        return Trip(
            code, _reports(stopping) or text("trip.alarm_unnamed", "the pump reports an alarm without naming it")
        )
    return Refuse((_reports(stopping) or text("pump.reports_alarm", "the pump reports an alarm"),))


def _reports(alarms: Sequence[PumpAlarm]) -> str:
    return text("pump.reports", "the pump reports {alarms}", alarms=named(map(word, alarms))) if alarms else ""
