"""Why each alarm has its priority: the harm if nobody responds, and how soon, by IEC 60601-1-8's matrix (ALM-01).

The matrix comes from section 3.1 of the safety reference; the assessment of each alarm is this project's own [P]. Harm
is that of a sedative infusion in a monitored patient: too much is irreversible, too little is minor.
"""

from enum import StrEnum

from pumpd.pump.alarms import AlarmCode, Priority


class Harm(StrEnum):
    IRREVERSIBLE = "death or irreversible injury"
    REVERSIBLE = "reversible injury"
    MINOR = "minor injury or discomfort"


class Onset(StrEnum):
    IMMEDIATE = "immediate"
    PROMPT = "prompt"
    DELAYED = "delayed"


MATRIX: dict[Harm, dict[Onset, Priority]] = {
    Harm.IRREVERSIBLE: {
        Onset.IMMEDIATE: Priority.HIGH,
        Onset.PROMPT: Priority.HIGH,
        Onset.DELAYED: Priority.MEDIUM,
    },
    Harm.REVERSIBLE: {Onset.IMMEDIATE: Priority.HIGH, Onset.PROMPT: Priority.MEDIUM, Onset.DELAYED: Priority.LOW},
    Harm.MINOR: {Onset.IMMEDIATE: Priority.MEDIUM, Onset.PROMPT: Priority.LOW, Onset.DELAYED: Priority.LOW},
}

_FATAL_NOW = (Harm.IRREVERSIBLE, Onset.IMMEDIATE)
_FATAL_SOON = (Harm.IRREVERSIBLE, Onset.PROMPT)

RISK: dict[AlarmCode, tuple[Harm, Onset, str]] = {
    AlarmCode.OCCLUSION: (*_FATAL_SOON, "volume stored in the line is released as a bolus"),
    AlarmCode.AIR_IN_LINE: (*_FATAL_NOW, "air reaches the patient"),
    AlarmCode.EMPTY: (*_FATAL_SOON, "a container that is empty too early has given too much, and lets air in"),
    AlarmCode.DOOR_OPEN: (*_FATAL_NOW, "gravity may empty the container into the patient"),
    AlarmCode.PUMP_RESET: (*_FATAL_SOON, "the given volume is uncertain, and the rest may be given again"),
    AlarmCode.PUMP_WATCHDOG: (*_FATAL_SOON, "nobody sees what the pump does"),
    AlarmCode.PUMP_PROGRAM_ERROR: (*_FATAL_NOW, "it runs something other than was confirmed"),
    AlarmCode.PUMP_FAULT: (*_FATAL_NOW, "nothing is known about what it does"),
    AlarmCode.BATTERY_LOW: (Harm.REVERSIBLE, Onset.DELAYED, "the infusion ends early, and half an hour is left"),
    AlarmCode.BATTERY_ENDING: (*_FATAL_SOON, "the pump shuts down and may lose its count"),
    AlarmCode.DELIVERY_UNCERTAIN: (*_FATAL_SOON, "a dose may be given twice"),
    AlarmCode.NOT_FLOWING: (*_FATAL_SOON, "the cause may be a line that stores a bolus"),
    AlarmCode.FREE_FLOW: (*_FATAL_NOW, "overdose"),
    AlarmCode.FLOW_DEVIATION: (Harm.REVERSIBLE, Onset.PROMPT, "too fast or too slow, within a tenth"),
    AlarmCode.VOLUME_MISMATCH: (*_FATAL_SOON, "more may have been given than is shown"),
    AlarmCode.OVER_DELIVERY: (*_FATAL_NOW, "overdose"),
    AlarmCode.PROGRAM_CHANGED: (*_FATAL_NOW, "it runs something other than was confirmed"),
    AlarmCode.LINK_LOST: (*_FATAL_SOON, "nobody sees what the pump does"),
    AlarmCode.READING_STALE: (Harm.REVERSIBLE, Onset.DELAYED, "the lease ends the flow by itself"),
    AlarmCode.LEASE_LAPSED: (*_FATAL_SOON, "the pump may not have stopped"),
    AlarmCode.IDENTITY_DOUBTED: (*_FATAL_SOON, "a stop or a start may reach another patient's pump"),
    AlarmCode.UNPRESCRIBED_FLOW: (*_FATAL_SOON, "a drug flows that nobody ordered here"),
    AlarmCode.STOP_UNCONFIRMED: (*_FATAL_NOW, "it flows although a stop was sent"),
    AlarmCode.WINDOW_TOO_FAST: (*_FATAL_SOON, "the dose is given in too short a time"),
    AlarmCode.WINDOW_CLOSED: (Harm.MINOR, Onset.IMMEDIATE, "part of the dose is not given; the prescriber decides"),
    AlarmCode.PAUSE_ENDING: (Harm.MINOR, Onset.PROMPT, "the infusion ends before its volume"),
    AlarmCode.NEAR_END: (Harm.MINOR, Onset.DELAYED, "nobody is there when the infusion ends"),
    AlarmCode.PAUSE_TOO_LONG: (Harm.MINOR, Onset.IMMEDIATE, "the infusion ends; a patient was forgotten"),
    AlarmCode.JOURNAL_FAILED: (*_FATAL_SOON, "later orders would not know about this dose"),
    AlarmCode.JOURNAL_SLOW: (Harm.REVERSIBLE, Onset.DELAYED, "the infusion stops by itself if the disk hangs"),
    AlarmCode.START_FAILED: (*_FATAL_SOON, "the pump may run something else, or later"),
    AlarmCode.CONTROL_RESTARTED: (*_FATAL_SOON, "for some seconds nobody saw what the pump did"),
    AlarmCode.CONTROL_FAILED: (*_FATAL_SOON, "for some seconds nobody sees what the pumps do"),
    AlarmCode.DEADMAN_FAILED: (Harm.IRREVERSIBLE, Onset.DELAYED, "harm only if the gateway dies as well"),
    AlarmCode.VITALS_CRITICAL: (*_FATAL_NOW, "the patient's breathing or circulation may fail"),
    AlarmCode.VITALS_LATE: (Harm.REVERSIBLE, Onset.DELAYED, "the infusion stops by itself if they stay away"),
    AlarmCode.VITALS_MISSING: (Harm.REVERSIBLE, Onset.PROMPT, "a worsening patient is noticed late"),
    AlarmCode.VITALS_LOST: (*_FATAL_SOON, "a worsening patient is not noticed"),
    AlarmCode.PRESSURE_OVERDUE: (Harm.REVERSIBLE, Onset.PROMPT, "a severe rise of blood pressure is noticed late"),
    AlarmCode.TABLET_LOST: (Harm.REVERSIBLE, Onset.DELAYED, "alarms are seen and heard at the pump only"),
    AlarmCode.TABLET_GONE: (Harm.REVERSIBLE, Onset.PROMPT, "the same, and nobody may have noticed"),
    AlarmCode.CONFIRMATION_WAITING: (Harm.MINOR, Onset.DELAYED, "a loaded pump is left alone; nothing flows"),
    AlarmCode.CERTIFICATE_ENDING: (Harm.REVERSIBLE, Onset.DELAYED, "then no tablet can stop a pump or show alarms"),
    AlarmCode.NAME_TAKEN: (
        Harm.REVERSIBLE,
        Onset.DELAYED,
        "a ward's display takes one's pumps for the other's",
    ),
    AlarmCode.WRONG_PINS: (Harm.REVERSIBLE, Onset.DELAYED, "someone may find a PIN and act in another's name"),
    AlarmCode.LOCAL_SIGNALS_FAILED: (Harm.REVERSIBLE, Onset.PROMPT, "who presses the button believes that it stops"),
    AlarmCode.SUPPLY_ON_BATTERY: (Harm.REVERSIBLE, Onset.DELAYED, "the gateway shuts down if nobody comes"),
    AlarmCode.SUPPLY_SHORT: (Harm.REVERSIBLE, Onset.PROMPT, "the infusion will end early; half an hour is left"),
    AlarmCode.SUPPLY_ENDING: (*_FATAL_SOON, "the gateway dies in minutes, and then nobody sees what the pump does"),
    AlarmCode.SUPPLY_UNDER_VOLTAGE: (Harm.REVERSIBLE, Onset.DELAYED, "the gateway may shut down, or run slowly"),
    AlarmCode.SUPPLY_UNKNOWN: (Harm.REVERSIBLE, Onset.DELAYED, "the gateway may be on a battery that runs out"),
}
