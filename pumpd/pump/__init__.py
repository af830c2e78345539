"""What a pump is, for all of pumpd: programs, capabilities, readings, alarms, outcomes and the driver API."""

from pumpd.pump.alarms import ALARM_TABLE, AlarmCode, AlarmText, Priority, PumpAlarm
from pumpd.pump.capabilities import Assumption, Capabilities, FewDigits, FixedStep, LossOfControl, PumpKind
from pumpd.pump.driver import Driver, DriverFamily, StopFrames, Tap, UnknownFamilyError, families, family
from pumpd.pump.marks import Mark, mark_of
from pumpd.pump.outcome import Done, Outcome, Refused, Unknown
from pumpd.pump.program import Container, PumpProgram, RateStep
from pumpd.pump.reading import Identity, PumpClock, PumpState, Reading
from pumpd.pump.stopped import no_flow_since, stopped
from pumpd.pump.words import word

__all__ = [
    "ALARM_TABLE",
    "AlarmCode",
    "AlarmText",
    "Assumption",
    "Capabilities",
    "Container",
    "Done",
    "Driver",
    "DriverFamily",
    "FewDigits",
    "FixedStep",
    "Identity",
    "LossOfControl",
    "Mark",
    "Outcome",
    "Priority",
    "PumpAlarm",
    "PumpClock",
    "PumpKind",
    "PumpProgram",
    "PumpState",
    "RateStep",
    "Reading",
    "Refused",
    "StopFrames",
    "Tap",
    "Unknown",
    "UnknownFamilyError",
    "families",
    "family",
    "mark_of",
    "no_flow_since",
    "stopped",
    "word",
]
