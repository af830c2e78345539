"""What an interlock may answer."""

from dataclasses import dataclass

from pumpd.pump import AlarmCode


@dataclass(frozen=True, slots=True)
class Permit:
    """No objection. `warnings` are alarms to show while the flow continues."""

    warnings: tuple[AlarmCode, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """No permission now, for these reasons: no start, no renewal of the lease."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trip:
    """Stop, and stay stopped until a person clears it."""

    alarm: AlarmCode
    detail: str


Verdict = Permit | Refuse | Trip

PERMIT = Permit()
