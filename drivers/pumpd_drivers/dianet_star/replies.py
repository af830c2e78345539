"""What the bits of a STATUS mean as shared alarms and pump states. Every bit is accounted for."""

from pumpd.pump import PumpAlarm, PumpState
from pumpd_drivers.dianet_star.segments import Alarm, State

_ALARMS = {
    Alarm.SYRINGE: PumpAlarm.DOOR_OPEN,
    Alarm.EMPTY: PumpAlarm.EMPTY,
    Alarm.PRESSURE: PumpAlarm.OCCLUSION,
    Alarm.AIR: PumpAlarm.AIR_IN_LINE,
    Alarm.BATTERY_EMPTY: PumpAlarm.PUMP_RESET,  # "Pump lost power"
    Alarm.BATTERY_PRE_ALARM: PumpAlarm.BATTERY_LOW,
    Alarm.DOOR: PumpAlarm.DOOR_OPEN,
    Alarm.RATE_INVALID: PumpAlarm.PUMP_PROGRAM_ERROR,
    Alarm.TIME_END: PumpAlarm.PUMP_PROGRAM_ERROR,  # pumpd sets no time
    Alarm.COMMUNICATION: PumpAlarm.PUMP_WATCHDOG,
    Alarm.KVO_END: PumpAlarm.PUMP_PROGRAM_ERROR,  # pumpd sets no KVO
    Alarm.KVO_PRE_ALARM: PumpAlarm.PUMP_PROGRAM_ERROR,
}
# These neither end nor forbid a flow and report no fault: the end of the programmed volume, a nearly empty syringe
# (EMPTY follows), reminders of a stopped pump. Any bit that is not named here or above is a fault.
_NOTICES = Alarm.VTBD_END | Alarm.SYRINGE_PRE_ALARM | Alarm.REMINDER | Alarm.STANDBY_END

_BOLUS = State.BOLUS_MANUAL | State.BOLUS_VOLUME | State.BOLUS_INTERVAL
_PURGING = _BOLUS | State.KVO | State.FAST_ADVANCE  # flow that pumpd never asks for
# The pump may start by itself, or follow a course that pumpd did not program.
_WAITING = State.DELAY | State.INTERVAL_BOLUS_SET | State.PIGGYBACK | State.PCA | State.PROFILE | State.RAMP_TAPER


def alarms(bits: int) -> list[PumpAlarm]:
    """The alarms that the bits report, in the order of the bits."""
    reported = bits & ~int(_NOTICES)
    return list(
        dict.fromkeys(
            _ALARMS.get(Alarm(1 << n), PumpAlarm.PUMP_FAULT) for n in range(reported.bit_length()) if reported >> n & 1
        )
    )


def state(bits: int) -> PumpState:
    """What the motor does. Whether it stopped because of an alarm is for the caller to find out."""
    if bits & _PURGING:
        return PumpState.PURGING
    if bits & State.RUNNING:
        return PumpState.INFUSING
    if bits & _WAITING:
        return PumpState.WAITING
    return PumpState.PAUSED if bits & State.STANDBY else PumpState.STOPPED
