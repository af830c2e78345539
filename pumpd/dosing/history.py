"""How much of a drug a patient has had, and whether that allows one more infusion (PRG-14, PRG-17, PRG-18).

Promises:
- Nothing is guessed: an unknown time, or one before the last recorded entry, is refused.
- A dose that still flows counts as given in full; an uncertain dose counts at its worst case.
- An infusion that reaches into the last 24 hours counts in full, and so does the requested one.
- One more recorded dose never removes a refusal. Neither the order of the doses matters, nor how many parts the dose of
  one infusion is split into.
- A value at a limit is inside, the next one is outside (PRG-22).

Instants are UTC wall-clock time in nanoseconds since 1970. The record is that of one gateway: it does not include doses
given elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pumpd.dosing.library import Course, Spacing
from pumpd.dosing.refusal import Refusal, SoftLimit
from pumpd.quantities import NS_PER_S, Duration, Mass, Weight, plain

DAY = Duration(24 * 3600)
NONE = Mass(0)
_HOUR = Duration(3600)


@dataclass(frozen=True, slots=True)
class Dose:
    """The dose of one infusion, or a part of it. `patient` is a token, never a name.

    `ended_ns` is the end of flow: the latest possible one while that is not known. `seen_ns` is the last recorded
    instant. When `uncertain`, the whole order may have been given.
    """

    session: str
    patient: str
    drug: str
    started_ns: int
    ended_ns: int
    seen_ns: int
    ordered: Mass
    given: Mass  # as booked
    still: Mass = NONE  # what the program will still deliver
    running: bool = False
    uncertain: bool = False
    course: str = ""

    @property
    def worst(self) -> Mass:
        """The most that this dose can become."""
        known = self.given + self.still
        return max(self.ordered, known) if self.uncertain else known

    def with_part(self, other: "Dose") -> "Dose":
        """The two as one dose of the same infusion."""
        return replace(
            self,
            started_ns=min(self.started_ns, other.started_ns),
            ended_ns=max(self.ended_ns, other.ended_ns),
            seen_ns=max(self.seen_ns, other.seen_ns),
            ordered=self.ordered + other.ordered,
            given=self.given + other.given,
            still=self.still + other.still,
            running=self.running or other.running,
            uncertain=self.uncertain or other.uncertain,
        )


@dataclass(frozen=True, slots=True)
class History:
    """The infusions of one patient and drug that gave, or may have given, anything; in the order of their start."""

    infusions: tuple[Dose, ...] = ()

    @classmethod
    def of(cls, doses: Iterable[Dose], patient: str, drug: str) -> "History":
        """Select those of the patient and the drug. Case does not matter: no spelling may hide a dose."""
        whose = (patient.casefold(), drug.casefold())
        whole: dict[str, Dose] = {}
        for dose in doses:
            if (dose.patient.casefold(), dose.drug.casefold()) == whose:
                known = whole.get(dose.session)
                whole[dose.session] = dose if known is None else known.with_part(dose)
        given = [dose for dose in whole.values() if dose.worst > NONE]
        return cls(tuple(sorted(given, key=lambda dose: (dose.started_ns, dose.session))))

    def starts(self, course: str) -> list[int]:
        return [infusion.started_ns for infusion in self.infusions if infusion.course == course]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requested infusion. `course` is the prescriber's token for the course to which it belongs."""

    dose: Mass
    weight: Weight
    course: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in its course an infusion is; as text "infusion 3 of 6", "maintenance 1 of 2"."""

    maintenance: bool
    number: int
    of: int

    def __str__(self) -> str:
        return f"{'maintenance' if self.maintenance else 'infusion'} {self.number} of {self.of}"


def position(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Position:
    """Where in its course the requested infusion is."""
    return _position(history.starts(wanted.course), now_ns, rules)


def objections(history: History, wanted: Wanted, now_ns: int | None, rules: Course) -> tuple[Refusal, ...]:
    """Every hard reason against starting the requested infusion now. `now_ns` is None when the time is not known."""
    if now_ns is None:
        return (Refusal("clock", "the time is not known, so earlier doses cannot be checked", "PWR-12"),)
    found = (
        _clock(history, now_ns),
        _spacing(history, wanted, now_ns, rules),
        _day(history, wanted, now_ns, rules),
        _course(history, wanted, now_ns, rules),
    )
    return tuple(refusal for refusal in found if refusal is not None)


def warnings(history: History, wanted: Wanted, now_ns: int, rules: Course) -> tuple[SoftLimit, ...]:
    """Every soft limit that the requested infusion would exceed now; an order needs a typed reason for each."""
    found = (
        _close(history, wanted, now_ns, rules),
        _fast(history, now_ns, rules),
        _slow(history, wanted, now_ns, rules),
        _new(history, wanted),
    )
    return tuple(limit for limit in found if limit is not None)


def _proper(starts: Sequence[int], now_ns: int, rules: Course) -> int:
    """How many infusions of the course proper were given; those beyond its number or duration are maintenance."""
    last_ns = min(starts, default=now_ns) + rules.hard_max.ns
    return min(rules.infusions, sum(start <= last_ns for start in starts))


def _position(starts: Sequence[int], now_ns: int, rules: Course) -> Position:
    proper = _proper([*starts, now_ns], now_ns, rules)
    if proper > _proper(starts, now_ns, rules):
        return Position(maintenance=False, number=proper, of=rules.infusions)
    return Position(maintenance=True, number=len(starts) - proper + 1, of=rules.maintenance)


# -- hard --------------------------------------------------------------------------------------------------------------


def _clock(history: History, now_ns: int) -> Refusal | None:
    seen_ns = max((infusion.seen_ns for infusion in history.infusions), default=now_ns)
    if now_ns >= seen_ns:
        return None
    reason = f"it is {_utc(now_ns)}, before the last recorded dose ({_utc(seen_ns)}): the clock is or was wrong"
    return Refusal("clock", reason, "PRG-17")


def _spacing(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    if any(infusion.running for infusion in history.infusions):
        return Refusal("patient", "another infusion of this drug is still under way", "PRG-17")
    least = _spacing_rule(history, wanted, now_ns, rules).hard
    reason = _too_soon(history, now_ns, least)
    return Refusal("patient", f"{reason}, the hard limit", "PRG-17") if reason else None


def _day(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    # No later instant can be worse: earlier doses only drop out of the window, and this dose counts in full.
    past = sum((each.worst for each in history.infusions if each.ended_ns > now_ns - DAY.ns), NONE)
    most = rules.daily_max * wanted.weight
    if past + wanted.dose <= most:
        return None
    reason = f"{wanted.dose} after up to {past} in the last 24 h is above the hard limit of {rules.daily_max} = {most}"
    return Refusal("dose", f"{reason}; doses that still flow or are uncertain count in full", "PRG-14")


def _course(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    place = _position(history.starts(wanted.course), now_ns, rules)
    if place.number <= place.of:
        return None
    reason = f"the course of {rules.infusions} infusions and {rules.maintenance} of maintenance is over"
    return Refusal("course", f"{reason}; another infusion needs a new course from the prescriber", "PRG-18")


# -- soft --------------------------------------------------------------------------------------------------------------


def _close(history: History, wanted: Wanted, now_ns: int, rules: Course) -> SoftLimit | None:
    least = _spacing_rule(history, wanted, now_ns, rules).soft
    reason = _too_soon(history, now_ns, least)
    return SoftLimit("spacing_low", "patient", f"{reason}, the soft limit", "PRG-17") if reason else None


def _fast(history: History, now_ns: int, rules: Course) -> SoftLimit | None:
    """Too many infusions in a short time, whatever course they belong to."""
    recent = [each for each in history.infusions if each.started_ns > now_ns - rules.soft_min.ns]
    if not recent or len(recent) + 1 < rules.infusions:
        return None
    reason = f"this would be infusion {len(recent) + 1} in less than {_hours(rules.soft_min)}"
    return SoftLimit("course_fast", "course", reason, "PRG-18")


def _slow(history: History, wanted: Wanted, now_ns: int, rules: Course) -> SoftLimit | None:
    """An interrupted course needs a decision. Unlike the others, this limit can go away with more doses."""
    starts = history.starts(wanted.course)
    began_ns, proper = min(starts, default=now_ns), _proper(starts, now_ns, rules)
    if proper >= rules.infusions or now_ns - began_ns <= rules.soft_max.ns:
        return None
    began = f"the course began {_utc(began_ns)}, more than {_hours(rules.soft_max)} ago"
    return SoftLimit("course_slow", "course", f"{began}, and had {proper} of {rules.infusions} infusions", "PRG-18")


def _new(history: History, wanted: Wanted) -> SoftLimit | None:
    """A new course token starts a new count, so it needs a typed reason."""
    if not history.infusions or history.starts(wanted.course):
        return None
    had = history.infusions[-1]
    reason = f"begins a new course; {len(history.infusions)} infusion(s) before, the last on {_utc(had.started_ns)}"
    return SoftLimit("course_new", "course", reason, "PRG-18")


# -- both --------------------------------------------------------------------------------------------------------------


def _spacing_rule(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Spacing:
    place = _position(history.starts(wanted.course), now_ns, rules)
    return rules.maintenance_spacing if place.maintenance else rules.spacing


def _too_soon(history: History, now_ns: int, least: Duration) -> str | None:
    ended_ns = max((infusion.ended_ns for infusion in history.infusions), default=None)
    if ended_ns is None or now_ns - ended_ns >= least.ns:
        return None
    from_ns = ended_ns + least.ns
    return f"the last infusion ended {_utc(ended_ns)} at the latest; not before {_utc(from_ns)}, {_hours(least)} later"


def _hours(time: Duration) -> str:
    return f"{plain(time.share_of(_HOUR))} h"


def _utc(ns: int) -> str:
    """To the second, rounded up, so that an infusion is allowed at the time shown."""
    return datetime.fromtimestamp(-(-ns // NS_PER_S), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
