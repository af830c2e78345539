"""Alarms: what can be wrong, how urgent it is, and what a person should do. One table for all families.

A driver maps the pump's own words to these and never lowers them (RUN-11). Priorities follow the table in the safety
reference, section 3.3; each text states the cause and the action (ALM-12).
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlarmCode(StrEnum):
    # reported by the pump
    OCCLUSION = "occlusion"
    AIR_IN_LINE = "air_in_line"
    EMPTY = "empty"
    DOOR_OPEN = "door_open"
    PUMP_RESET = "pump_reset"
    PUMP_WATCHDOG = "pump_watchdog"
    PUMP_PROGRAM_ERROR = "pump_program_error"
    PUMP_FAULT = "pump_fault"
    BATTERY_LOW = "battery_low"
    # found by pumpd
    BATTERY_ENDING = "battery_ending"
    DELIVERY_UNCERTAIN = "delivery_uncertain"
    NOT_FLOWING = "not_flowing"
    FREE_FLOW = "free_flow"
    FLOW_DEVIATION = "flow_deviation"
    VOLUME_MISMATCH = "volume_mismatch"
    OVER_DELIVERY = "over_delivery"
    PROGRAM_CHANGED = "program_changed"
    LINK_LOST = "link_lost"
    READING_STALE = "reading_stale"
    LEASE_LAPSED = "lease_lapsed"
    IDENTITY_DOUBTED = "identity_doubted"
    UNPRESCRIBED_FLOW = "unprescribed_flow"
    STOP_UNCONFIRMED = "stop_unconfirmed"
    WINDOW_TOO_FAST = "window_too_fast"
    WINDOW_CLOSED = "window_closed"
    PAUSE_ENDING = "pause_ending"
    PAUSE_TOO_LONG = "pause_too_long"
    NEAR_END = "near_end"
    JOURNAL_FAILED = "journal_failed"
    JOURNAL_SLOW = "journal_slow"
    START_FAILED = "start_failed"
    CONTROL_RESTARTED = "control_restarted"
    DEADMAN_FAILED = "deadman_failed"
    CONTROL_FAILED = "control_failed"
    # of the patient
    VITALS_CRITICAL = "vitals_critical"
    VITALS_LATE = "vitals_late"
    VITALS_MISSING = "vitals_missing"
    VITALS_LOST = "vitals_lost"
    PRESSURE_OVERDUE = "pressure_overdue"
    # of the bedside; none of them affects an infusion
    TABLET_LOST = "tablet_lost"
    TABLET_GONE = "tablet_gone"
    CONFIRMATION_WAITING = "confirmation_waiting"
    WRONG_PINS = "wrong_pins"
    CERTIFICATE_ENDING = "certificate_ending"
    NAME_TAKEN = "name_taken"
    LOCAL_SIGNALS_FAILED = "local_signals_failed"
    # of the gateway's own supply; none of these affects one either
    SUPPLY_ON_BATTERY = "supply_on_battery"
    SUPPLY_SHORT = "supply_short"
    SUPPLY_ENDING = "supply_ending"
    SUPPLY_UNDER_VOLTAGE = "supply_under_voltage"
    SUPPLY_UNKNOWN = "supply_unknown"


class PumpAlarm(StrEnum):
    """The alarms that a driver may report in a Reading: the part of `AlarmCode` that pumps themselves raise."""

    OCCLUSION = "occlusion"
    AIR_IN_LINE = "air_in_line"
    EMPTY = "empty"
    DOOR_OPEN = "door_open"
    PUMP_RESET = "pump_reset"
    PUMP_WATCHDOG = "pump_watchdog"
    PUMP_PROGRAM_ERROR = "pump_program_error"
    PUMP_FAULT = "pump_fault"
    BATTERY_LOW = "battery_low"

    @property
    def code(self) -> AlarmCode:
        return AlarmCode(self.value)

    @property
    def stops_flow(self) -> bool:
        return self is not PumpAlarm.BATTERY_LOW


@dataclass(frozen=True, slots=True)
class AlarmText:
    priority: Priority
    cause: str
    action: str


ALARM_TABLE: dict[AlarmCode, AlarmText] = {
    AlarmCode.OCCLUSION: AlarmText(Priority.HIGH, "Line blocked or motor stalled", "Check the line and the pump"),
    AlarmCode.AIR_IN_LINE: AlarmText(Priority.HIGH, "Air in the line", "Clamp the line, remove the air"),
    AlarmCode.EMPTY: AlarmText(Priority.HIGH, "Container empty", "Check the container and the volume given"),
    AlarmCode.DOOR_OPEN: AlarmText(Priority.HIGH, "Pump door or syringe holder open", "Clamp the line, check the pump"),
    AlarmCode.PUMP_RESET: AlarmText(Priority.HIGH, "Pump lost power", "Check the pump's supply and the volume given"),
    AlarmCode.PUMP_WATCHDOG: AlarmText(Priority.HIGH, "Pump lost the gateway and stopped", "Check the serial cable"),
    AlarmCode.PUMP_PROGRAM_ERROR: AlarmText(Priority.HIGH, "Pump reports a program error", "Do not use this pump"),
    AlarmCode.PUMP_FAULT: AlarmText(Priority.HIGH, "Pump reports a fault", "Do not use this pump"),
    AlarmCode.BATTERY_LOW: AlarmText(Priority.LOW, "Pump battery low", "Connect the pump to the mains"),
    AlarmCode.BATTERY_ENDING: AlarmText(
        Priority.HIGH, "Pump battery ends within 10 minutes", "Connect the pump to the mains"
    ),
    AlarmCode.DELIVERY_UNCERTAIN: AlarmText(
        Priority.HIGH, "Delivered volume not known", "Read the pump's display, then reconcile"
    ),
    AlarmCode.NOT_FLOWING: AlarmText(Priority.HIGH, "Pump does not deliver", "Check the pump"),
    AlarmCode.FREE_FLOW: AlarmText(Priority.HIGH, "Flow twice the programmed rate or more", "Clamp the line"),
    AlarmCode.FLOW_DEVIATION: AlarmText(Priority.MEDIUM, "Flow differs from the program", "Check pump and syringe"),
    AlarmCode.VOLUME_MISMATCH: AlarmText(
        Priority.HIGH, "Reported volume and rate disagree", "Read the pump's display; do not restart"
    ),
    AlarmCode.OVER_DELIVERY: AlarmText(Priority.HIGH, "More given than programmed", "Clamp the line, see the patient"),
    AlarmCode.PROGRAM_CHANGED: AlarmText(Priority.HIGH, "Pump changed at its own panel", "See who is at the pump"),
    AlarmCode.LINK_LOST: AlarmText(Priority.HIGH, "Serial link to the pump lost", "Go to the pump, check cable"),
    AlarmCode.READING_STALE: AlarmText(Priority.LOW, "Pump answers late", "Check the serial cable"),
    AlarmCode.LEASE_LAPSED: AlarmText(Priority.HIGH, "Permission to flow lapsed", "See that the pump stopped"),
    AlarmCode.IDENTITY_DOUBTED: AlarmText(Priority.HIGH, "Not known which pump answers", "Go to the pump, identify it"),
    AlarmCode.UNPRESCRIBED_FLOW: AlarmText(Priority.HIGH, "Pump flows without an order", "Go to the pump, stop it"),
    AlarmCode.STOP_UNCONFIRMED: AlarmText(Priority.HIGH, "Stop not confirmed", "Stop at the pump, clamp the line"),
    AlarmCode.WINDOW_TOO_FAST: AlarmText(Priority.HIGH, "Dose runs faster than its window", "Check pump and patient"),
    AlarmCode.WINDOW_CLOSED: AlarmText(Priority.MEDIUM, "Window closed before the dose ended", "Tell the prescriber"),
    AlarmCode.PAUSE_ENDING: AlarmText(Priority.LOW, "Pause must end within 2 minutes", "Continue or end the infusion"),
    AlarmCode.PAUSE_TOO_LONG: AlarmText(
        Priority.MEDIUM, "Pause too long; infusion ended", "See the patient, tell the prescriber"
    ),
    AlarmCode.NEAR_END: AlarmText(Priority.LOW, "Infusion ends within 3 minutes", "Go to the patient"),
    AlarmCode.JOURNAL_FAILED: AlarmText(Priority.HIGH, "Journal cannot be written", "Check the gateway's disk"),
    AlarmCode.JOURNAL_SLOW: AlarmText(Priority.LOW, "Journal is written slowly", "Have the gateway's disk checked"),
    AlarmCode.CONTROL_RESTARTED: AlarmText(
        Priority.HIGH, "The gateway's control process died and restarted", "Check that the pump stopped"
    ),
    AlarmCode.DEADMAN_FAILED: AlarmText(
        Priority.MEDIUM,
        "The deadman process does not work",
        "Stay there; have the gateway repaired",
    ),
    AlarmCode.CONTROL_FAILED: AlarmText(
        Priority.HIGH, "Part of the gateway's program failed", "Check that every pump stopped"
    ),
    AlarmCode.START_FAILED: AlarmText(Priority.HIGH, "Pump did not start as commanded", "Check the pump first"),
    AlarmCode.VITALS_CRITICAL: AlarmText(Priority.HIGH, "Vital signs critical; infusion stopped", "See the patient"),
    AlarmCode.VITALS_LATE: AlarmText(Priority.LOW, "Vital signs come late", "Check the probe"),
    AlarmCode.VITALS_MISSING: AlarmText(Priority.MEDIUM, "Vital signs missing", "See the patient, check the probe"),
    AlarmCode.VITALS_LOST: AlarmText(
        Priority.HIGH, "Vital signs missing; infusion stopped", "See the patient, check the probe"
    ),
    AlarmCode.PRESSURE_OVERDUE: AlarmText(Priority.MEDIUM, "Blood pressure measurement overdue", "Measure it now"),
    AlarmCode.TABLET_LOST: AlarmText(Priority.LOW, "No tablet is connected; the infusion continues", "Go to the pump"),
    AlarmCode.TABLET_GONE: AlarmText(Priority.MEDIUM, "No tablet for a minute; infusion continues", "Go to the pump"),
    AlarmCode.CONFIRMATION_WAITING: AlarmText(
        Priority.LOW, "Program ready and not confirmed", "Confirm it, or stop it"
    ),
    AlarmCode.CERTIFICATE_ENDING: AlarmText(
        Priority.LOW, "Tablets will lose the gateway within a week", "Have its certificate renewed"
    ),
    AlarmCode.NAME_TAKEN: AlarmText(
        Priority.LOW, "Another gateway has this gateway's name", "Have one of them renamed"
    ),
    AlarmCode.WRONG_PINS: AlarmText(Priority.LOW, "Many wrong PINs were typed", "Ask who is trying to sign in"),
    AlarmCode.LOCAL_SIGNALS_FAILED: AlarmText(
        Priority.MEDIUM, "Gateway's button, light or buzzer fails", "Stop at tablet or pump"
    ),
    AlarmCode.SUPPLY_ON_BATTERY: AlarmText(Priority.LOW, "Gateway runs on its battery", "Connect it to the mains"),
    AlarmCode.SUPPLY_SHORT: AlarmText(
        Priority.MEDIUM, "Gateway's battery lasts 30 minutes at most", "Connect the mains"
    ),
    AlarmCode.SUPPLY_ENDING: AlarmText(
        Priority.HIGH, "Gateway's battery lasts 10 minutes at most", "Connect the mains now"
    ),
    AlarmCode.SUPPLY_UNDER_VOLTAGE: AlarmText(
        Priority.LOW, "Gateway's supply voltage too low", "Replace its supply or cable"
    ),
    AlarmCode.SUPPLY_UNKNOWN: AlarmText(Priority.LOW, "Gateway's supply is not known", "Check its power supply"),
}
