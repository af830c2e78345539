"""Watching the patient after an infusion: two hours, with vital signs every 15 minutes (WIN-10, WIN-12). Pure.

Promises:
- An observation belongs to the session of its infusion, and so to its patient. The pump is free meanwhile.
- The two hours are eight intervals. Each includes its end: vital signs taken exactly when they are due are on time.

A frozen value with time as an argument; instants are clinical nanoseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pumpd.dosing.observed import OBSERVED_NS
from pumpd.dosing.reason import LEAST_LETTERS, is_reason
from pumpd.quantities import NS_PER_S
from pumpd.texts import text
from pumpd.vital_signs import PLAUSIBLE, Sign, impossible

MIN_NS = 60 * NS_PER_S
VITALS_EVERY_NS = 15 * MIN_NS  # WIN-10: Emory q15
INTERVALS = OBSERVED_NS // VITALS_EVERY_NS


class ObservationError(ValueError):
    """The request is refused; `reasons` holds every reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


@dataclass(frozen=True, slots=True)
class Vitals:
    at_ns: int
    by: str
    systolic_mmhg: int
    diastolic_mmhg: int
    heart_rate_bpm: int
    spo2_percent: int
    respiration_per_min: int | None = None

    @property
    def numbers(self) -> dict[Sign, int]:
        return {sign: value for sign in Sign if (value := getattr(self, sign)) is not None}


@dataclass(frozen=True, slots=True)
class Observation:
    """One patient after one infusion. `summary` is the result of that infusion, as JSON data."""

    session: str
    patient: str
    since_ns: int
    vitals: tuple[Vitals, ...] = ()
    pump: str = ""
    treatment: str = ""  # of which the infusion was a delivery
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def until_ns(self) -> int:
        return self.since_ns + OBSERVED_NS

    @property
    def vitals_due_ns(self) -> int | None:
        """When vital signs are due next: 15 minutes after the last ones; None when that is past the end."""
        due = (self.vitals[-1].at_ns if self.vitals else self.since_ns) + VITALS_EVERY_NS
        return None if due > self.until_ns else due

    def _over(self, now_ns: int) -> int:
        """How many intervals are over: those that ended before this instant."""
        return min(max(0, -(-(now_ns - self.since_ns) // VITALS_EVERY_NS) - 1), INTERVALS)

    def _interval(self, at_ns: int) -> int:
        """The interval, from 0, for which vital signs count; after the two hours it is the last one."""
        return min(self._over(at_ns), INTERVALS - 1)

    def missed(self, now_ns: int) -> int:
        """How many finished intervals had no vital signs."""
        over = self._over(now_ns)
        return over - len({interval for each in self.vitals if (interval := self._interval(each.at_ns)) < over})

    def with_vitals(self, vitals: Vitals) -> "Observation":
        """Raises ObservationError for impossible numbers."""
        if wrong := impossible(vitals.numbers, PLAUSIBLE):
            raise ObservationError(*dict.fromkeys(wrong.values()))
        return replace(self, vitals=(*self.vitals, vitals))

    def check_end(self, reason: str, now_ns: int) -> None:
        """Raises ObservationError when it may not end now: before its two hours are over it needs a reason."""
        left_ns = self.until_ns - now_ns
        if left_ns > 0 and not is_reason(reason):
            left = -(-left_ns // MIN_NS)
            raise ObservationError(
                text(
                    "observation.not_over",
                    "end_observation: {minutes} min are left; to end it now, give a reason of at least "
                    "{letters} letters",
                    minutes=left,
                    letters=LEAST_LETTERS,
                )
            )
