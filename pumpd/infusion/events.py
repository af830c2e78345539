"""What can happen to an infusion (events, past tense) and what control must then do (actions, verbs).

Every event carries the monotonic instant at which it happened: the core never reads a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pumpd.infusion.vitals import VitalSample
from pumpd.pump import AlarmCode, Outcome, PumpProgram, Reading
from pumpd.quantities import Duration, Volume

PUMPD = "pumpd"  # who asks for a stop by itself; a person's stop names its socket too


@dataclass(frozen=True, slots=True)
class Segment:
    """The program that the pump must hold, whole or the remainder after a pause, and the digest to confirm."""

    digest: str
    program: PumpProgram


class ConfirmAction(StrEnum):
    START = "start"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Binding:
    """Everything that a confirmation is for. A signature over one of these fits no other (STA-02).

    `shown` is the digest of the review that the person had on the screen (STA-16), `wristband` the patient token that
    was scanned at the bed. A challenge leaves the wristband empty: only a scan can supply it (PRG-21).
    """

    nonce: str
    digest: str
    action: ConfirmAction
    serial: str
    channel: int
    session: str
    gateway: str
    expires_ns: int
    shown: str = ""
    wristband: str = ""


# -- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    at_ns: int


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """The outcome of a question or a command to the pump. `at_ns` is the instant of the answer.

    `asked_ns` is when it was asked: an answer proves nothing about what happened after the question. It is None in
    journals of version 0.1, which did not record it; then the instant of the answer is used.
    """

    asked_ns: int | None = field(default=None, kw_only=True)

    @property
    def asked_at_ns(self) -> int:
        return self.at_ns if self.asked_ns is None else self.asked_ns


@dataclass(frozen=True, slots=True)
class TimePassed(Event):
    """Nothing else happened, and something may now be due."""


@dataclass(frozen=True, slots=True)
class ReadingTaken(Event):
    """The reading itself carries the instants at which it was asked and answered."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class ReadingFailed(Event):
    """The pump did not answer a poll."""

    cause: str
    link_lost: bool = False


@dataclass(frozen=True, slots=True)
class VitalsTaken(Event):
    """Vital signs of the patient have come, each with the instant at which it was measured. They can only stop."""

    samples: tuple[VitalSample, ...]


@dataclass(frozen=True, slots=True)
class PumpDoubted(Event):
    """A pump of the right kind answers after its link was lost, and nothing shows that it is the same one (COM-15); or
    another one answered meanwhile.

    `others`: another pump of its kind on this gateway could not show it either, so the cables may be swapped.
    """

    why: str
    others: bool


@dataclass(frozen=True, slots=True)
class PumpIdentified(Event):
    """A person at the pump has shown that it is this one; or its own mark has, after another pump was on the line."""

    by: str


@dataclass(frozen=True, slots=True)
class ProgramLoaded(Answered):
    outcome: Outcome[None]


@dataclass(frozen=True, slots=True)
class ProgramReadBack(Answered):
    outcome: Outcome[PumpProgram]


@dataclass(frozen=True, slots=True)
class ChallengeIssued(Event):
    """Control drew a nonce for a confirmation of the present segment, and showed a review with this digest."""

    nonce: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmationGiven(Event):
    """A confirmation whose signature was verified against a paired key, with exactly what was signed.

    `associated` is the patient whom the pump was associated with at that moment; empty when there was none.
    """

    binding: Binding
    signer: str
    request: str
    associated: str = ""


@dataclass(frozen=True, slots=True)
class StartAnswered(Answered):
    outcome: Outcome[None]


@dataclass(frozen=True, slots=True)
class StopAnswered(Answered):
    outcome: Outcome[None]


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """`switching`: to change the source of the drug, in IPEC's words."""

    by: str
    reason: str
    switching: bool = False

    @property
    def by_person(self) -> bool:
        """A person asked for it, not pumpd itself."""
        return self.by != PUMPD


@dataclass(frozen=True, slots=True)
class PauseRequested(Event):
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResumeRequested(Event):
    by: str


@dataclass(frozen=True, slots=True)
class SegmentPlanned(Event):
    """The remainder to resume with; None when the pump cannot deliver what is left."""

    segment: Segment | None


@dataclass(frozen=True, slots=True)
class TripsCleared(Event):
    by: str


@dataclass(frozen=True, slots=True)
class DeliveryReconciled(Event):
    """A person read on the pump's display how much of the present program it gave, and gives a reason.

    `seen_stopped`: that person saw the pump stopped, which ends the infusion of a pump that does not answer.
    `volume_again`: the volume entered a second time; needed when it is more than the program.
    """

    by: str
    volume: Volume
    reason: str
    seen_stopped: bool = False
    volume_again: Volume | None = None


@dataclass(frozen=True, slots=True)
class ControlRestarted(Event):
    """The process that ran this infusion died; this one recovered it from the journal."""


@dataclass(frozen=True, slots=True)
class DeadmanFailed(Event):
    """The process that stops the pump when permission is not renewed died, refused or does not answer.

    `alone`: the pump has no watchdog of its own, so nothing else would end its flow in time if control died too.
    """

    cause: str
    alone: bool


@dataclass(frozen=True, slots=True)
class DeadmanRestored(Event):
    """It, or a new one, was armed again."""


@dataclass(frozen=True, slots=True)
class JournalFailed(Event):
    """The journal cannot be written: no start, and a running infusion stops."""

    cause: str


# -- actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadPump:
    """Poll the pump now, not at the next interval."""


@dataclass(frozen=True, slots=True)
class LoadProgram:
    program: PumpProgram


@dataclass(frozen=True, slots=True)
class ReadBackProgram:
    """Ask the pump for the program that it holds."""


@dataclass(frozen=True, slots=True)
class StartPump:
    """The only action that makes a pump flow. The journal holds the intent before a byte of it leaves."""

    watchdog: Duration


@dataclass(frozen=True, slots=True)
class StopPump:
    """Goes out first, before anything else in the same list and before the journal."""


@dataclass(frozen=True, slots=True)
class ReleasePump:
    """Take off the pump's watchdog after the end."""


@dataclass(frozen=True, slots=True)
class PlanRemainder:
    """Work out what is left of the segment, of which the pump counted `delivered`."""

    delivered: Volume


@dataclass(frozen=True, slots=True)
class PumpRecognized:
    """The running pump's counter continues: it is the same pump."""


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The pump that answers is not the one of this infusion: stop every pump that it may be."""

    why: str


@dataclass(frozen=True, slots=True)
class RenewLease:
    until_ns: int


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    code: AlarmCode


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    code: AlarmCode


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request that this event carried is refused, for all of these reasons."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Write this entry to the journal."""

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)


Action = (
    ReadPump
    | LoadProgram
    | ReadBackProgram
    | StartPump
    | StopPump
    | ReleasePump
    | PlanRemainder
    | PumpRecognized
    | Mismatched
    | RenewLease
    | RaiseAlarm
    | ClearAlarm
    | Refuse
    | Record
)
