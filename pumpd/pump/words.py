"""The words for a pump's states, alarms and marks as messages, so that a reason which names one can be translated."""

from collections.abc import Mapping

from pumpd.pump.alarms import AlarmCode, PumpAlarm
from pumpd.pump.marks import Mark
from pumpd.pump.reading import PumpState
from pumpd.texts import Text, text

_WORDS: Mapping[str, Text] = {
    PumpState.STOPPED: text("pump_state.stopped", "stopped"),
    PumpState.PAUSED: text("pump_state.paused", "paused"),
    PumpState.INFUSING: text("pump_state.infusing", "infusing"),
    PumpState.WITHDRAWING: text("pump_state.withdrawing", "withdrawing"),
    PumpState.PURGING: text("pump_state.purging", "purging"),
    PumpState.WAITING: text("pump_state.waiting", "waiting"),
    PumpState.ALARM: text("pump_state.alarm", "alarm"),
    Mark.SERIAL: text("mark.serial", "serial number"),
    Mark.ADDRESS: text("mark.address", "network address"),
    AlarmCode.OCCLUSION: text("code.occlusion", "occlusion"),
    AlarmCode.AIR_IN_LINE: text("code.air_in_line", "air_in_line"),
    AlarmCode.EMPTY: text("code.empty", "empty"),
    AlarmCode.DOOR_OPEN: text("code.door_open", "door_open"),
    AlarmCode.PUMP_RESET: text("code.pump_reset", "pump_reset"),
    AlarmCode.PUMP_WATCHDOG: text("code.pump_watchdog", "pump_watchdog"),
    AlarmCode.PUMP_PROGRAM_ERROR: text("code.pump_program_error", "pump_program_error"),
    AlarmCode.PUMP_FAULT: text("code.pump_fault", "pump_fault"),
    AlarmCode.BATTERY_LOW: text("code.battery_low", "battery_low"),
    AlarmCode.DELIVERY_UNCERTAIN: text("code.delivery_uncertain", "delivery_uncertain"),
    AlarmCode.NOT_FLOWING: text("code.not_flowing", "not_flowing"),
    AlarmCode.FREE_FLOW: text("code.free_flow", "free_flow"),
    AlarmCode.FLOW_DEVIATION: text("code.flow_deviation", "flow_deviation"),
    AlarmCode.VOLUME_MISMATCH: text("code.volume_mismatch", "volume_mismatch"),
    AlarmCode.OVER_DELIVERY: text("code.over_delivery", "over_delivery"),
    AlarmCode.PROGRAM_CHANGED: text("code.program_changed", "program_changed"),
    AlarmCode.LINK_LOST: text("code.link_lost", "link_lost"),
    AlarmCode.LEASE_LAPSED: text("code.lease_lapsed", "lease_lapsed"),
    AlarmCode.IDENTITY_DOUBTED: text("code.identity_doubted", "identity_doubted"),
    AlarmCode.WINDOW_TOO_FAST: text("code.window_too_fast", "window_too_fast"),
    AlarmCode.WINDOW_CLOSED: text("code.window_closed", "window_closed"),
    AlarmCode.JOURNAL_FAILED: text("code.journal_failed", "journal_failed"),
    AlarmCode.START_FAILED: text("code.start_failed", "start_failed"),
    AlarmCode.CONTROL_RESTARTED: text("code.control_restarted", "control_restarted"),
    AlarmCode.DEADMAN_FAILED: text("code.deadman_failed", "deadman_failed"),
    AlarmCode.VITALS_CRITICAL: text("code.vitals_critical", "vitals_critical"),
    AlarmCode.VITALS_LOST: text("code.vitals_lost", "vitals_lost"),
    AlarmCode.PRESSURE_OVERDUE: text("code.pressure_overdue", "pressure_overdue"),
}


def word(of: PumpState | PumpAlarm | AlarmCode | Mark) -> str:
    """The word for it, as a message; an alarm that never trips an infusion is its code alone."""
    return _WORDS.get(of, of.value)
