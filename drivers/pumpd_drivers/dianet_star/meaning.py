"""What the bits of a STATUS mean in the words that all families share. Every bit is accounted for."""

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
    Alarm.TIME_END: PumpAlarm.PUMP_PROGRAM_ERROR,  # we set no time
    Alarm.COMMUNICATION: PumpAlarm.PUMP_WATCHDOG,
    Alarm.KVO_END: PumpAlarm.PUMP_PROGRAM_ERROR,  # we set no KVO
    Alarm.KVO_PRE_ALARM: PumpAlarm.PUMP_PROGRAM_ERROR,
}
# What ends or forbids no flow and is nobody's fault: the end of our own volume, the syringe's last minutes (EMPTY
# follows), reminders of a pump that stands. Whatever is not named here or above is a fault.
_NOTICES = Alarm.VTBD_END | Alarm.SYRINGE_PRE_ALARM | Alarm.REMINDER | Alarm.STANDBY_END

_BOLUS = State.BOLUS_MANUAL | State.BOLUS_VOLUME | State.BOLUS_INTERVAL
_PURGING = _BOLUS | State.KVO | State.FAST_ADVANCE  # flow that pumpd never asks for
# It may start by itself, or follow a course that is none of ours.
_WAITING = State.DELAY | State.INTERVAL_BOLUS_SET | State.PIGGYBACK | State.PCA | State.PROFILE | State.RAMP_TAPER


def alarms(bits: int) -> list[PumpAlarm]:
    """The alarms that the bits stand for, in the order of the bits."""
    said = bits & ~int(_NOTICES)
    return list(
        dict.fromkeys(
            _ALARMS.get(Alarm(1 << n), PumpAlarm.PUMP_FAULT) for n in range(said.bit_length()) if said >> n & 1
        )
    )


def state(bits: int) -> PumpState:
    """What the motor does. That it stands because of an alarm is for the caller to say."""
    if bits & _PURGING:
        return PumpState.PURGING
    if bits & State.RUNNING:
        return PumpState.INFUSING
    if bits & _WAITING:
        return PumpState.WAITING
    return PumpState.PAUSED if bits & State.STANDBY else PumpState.STOPPED
