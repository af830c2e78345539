"""Watching the patient after an infusion: two hours, vital signs each quarter of an hour (WIN-10). Pure.

It is the patient who is observed, not the pump: the pump is free. A frozen value with time as an argument; instants are
clinical nanoseconds.
"""

from dataclasses import dataclass, replace

NS = 10**9
MIN_NS = 60 * NS
LASTS_NS = 120 * MIN_NS  # WIN-10: Spravato >= 2 h
VITALS_EVERY_NS = 15 * MIN_NS  # WIN-10: Emory q15
LEAST_REASON = 3  # letters (AUD-08)

# What can be a living adult's: anything else is a slip of the finger.
PLAUSIBLE = {
    "systolic_mmhg": (40, 300),
    "diastolic_mmhg": (20, 200),
    "heart_rate_bpm": (20, 250),
    "spo2_percent": (50, 100),
}


class ObservationError(ValueError):
    """The step is refused; `reasons` holds every reason."""

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

    @property
    def numbers(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in PLAUSIBLE}


@dataclass(frozen=True, slots=True)
class Observation:
    session: str
    patient: str
    since_ns: int
    vitals: tuple[Vitals, ...] = ()

    @property
    def until_ns(self) -> int:
        return self.since_ns + LASTS_NS

    @property
    def vitals_due_ns(self) -> int | None:
        """When vital signs are due next: a quarter of an hour after the last; None when that is past the end."""
        due = (self.vitals[-1].at_ns if self.vitals else self.since_ns) + VITALS_EVERY_NS
        return None if due > self.until_ns else due

    def missed(self, now_ns: int) -> int:
        """How many quarters of an hour that are over went by without vital signs."""
        over = min(now_ns - self.since_ns, LASTS_NS) // VITALS_EVERY_NS
        seen = {
            min((each.at_ns - self.since_ns) // VITALS_EVERY_NS, LASTS_NS // VITALS_EVERY_NS - 1)
            for each in self.vitals
        }
        return int(over) - len([quarter for quarter in seen if quarter < over])

    def with_vitals(self, vitals: Vitals) -> "Observation":
        """Raises ObservationError for numbers that cannot be."""
        wrong = [
            f"{name}: {value} is not between {least} and {most}"
            for name, value in vitals.numbers.items()
            for least, most in (PLAUSIBLE[name],)
            if not least <= value <= most
        ]
        if vitals.diastolic_mmhg >= vitals.systolic_mmhg:
            wrong.append("diastolic_mmhg: not below the systolic pressure")
        if wrong:
            raise ObservationError(*wrong)
        return replace(self, vitals=(*self.vitals, vitals))

    def check_end(self, reason: str, now_ns: int) -> None:
        """Whether it may end now. Raises ObservationError: before its time that takes a reason."""
        left_ns = self.until_ns - now_ns
        if left_ns > 0 and len(reason.strip()) < LEAST_REASON:
            left = -(-left_ns // MIN_NS)
            raise ObservationError(
                f"end_observation: {left} min are left; to end it now give a reason of at least 3 letters"
            )

    def moved(self, by_ns: int) -> "Observation":
        """The same with every instant moved: the monotonic clock began anew when the machine did."""
        vitals = tuple(replace(each, at_ns=each.at_ns + by_ns) for each in self.vitals)
        return replace(self, since_ns=self.since_ns + by_ns, vitals=vitals)
