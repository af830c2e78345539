"""What a patient was given: doses, the treatments that they are part of, and where in its course the next one is.

Promises:
- A dose that still flows counts as given in full; an uncertain dose counts at its worst case.
- Doses count by substance, never by the spelling of a name (PRG-27).
- Neither the order of the doses matters, nor how many deliveries a treatment took.

Instants are UTC wall-clock time in nanoseconds since 1970. The record is that of one gateway: it does not include doses
given elsewhere.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from pumpd.dosing.library import Course
from pumpd.dosing.names import near_equal
from pumpd.pump import PumpProgram
from pumpd.quantities import Concentration, Duration, Mass, Weight
from pumpd.texts import text

DAY = Duration(24 * 3600)
SUSPECT_AFTER = DAY  # PRG-28 [P]
WEIGHT_CONFIRMABLE = Duration(28 * 24 * 3600)  # [P] as long as a course (PRG-18)
NONE = Mass(0)
BY_NAME = "name:"  # before a name, as the identifier of a substance that was recorded by its name only


@dataclass(frozen=True, slots=True)
class Dose:
    """The dose of one delivery. `patient` is a token, never a name.

    `treatment` is the session of the first delivery of its treatment; empty when it is the first. `substance` holds the
    identifiers of what was given. `ended_ns` is the end of flow: the latest possible one while that is not known.
    `seen_ns` is the last recorded instant. When `uncertain`, the whole order may have been given.
    """

    session: str
    patient: str
    substance: frozenset[str]
    drug: str  # as people call it
    started_ns: int
    ended_ns: int
    seen_ns: int
    ordered: Mass
    given: Mass  # as booked
    still: Mass = NONE  # what the program will still deliver
    running: bool = False
    uncertain: bool = False
    course: str = ""
    treatment: str = ""
    weight: Weight | None = None
    weight_basis: str = ""
    pump: str = ""
    entry: str = ""  # of the library, with the name of the container
    container: str = ""
    concentration: Concentration | None = None
    program: PumpProgram | None = None  # as it was ordered
    completed: bool = False  # the pump delivered its whole program
    flowed_ns: int = 0  # running time on record

    @property
    def worst(self) -> Mass:
        """The most that this dose can become."""
        known = self.given + self.still
        return max(self.ordered, known) if self.uncertain else known

    def of(self, counted: Collection[str]) -> bool:
        """Whether it is of one of these substances, by key or code; or by its name, which is all that pumpd 0.1
        recorded, and which another library may have had under another key.
        """
        if not self.substance.isdisjoint(counted):
            return True
        return any(near_equal(self.drug, known) for known in counted if ":" not in known)

    def suspect(self, now_ns: int) -> bool:
        """It is dated so far in the future that its instants say nothing."""
        return max(self.started_ns, self.seen_ns) > now_ns + SUSPECT_AFTER.ns


@dataclass(frozen=True)
class Treatment:
    """One prescribed infusion: its deliveries, in the order of their start."""

    id: str
    deliveries: tuple[Dose, ...]

    @property
    def first(self) -> Dose:
        return self.deliveries[0]

    @property
    def started_ns(self) -> int:
        return self.first.started_ns

    @cached_property
    def ended_ns(self) -> int:
        return max(each.ended_ns for each in self.deliveries)

    @cached_property
    def seen_ns(self) -> int:
        return max(each.seen_ns for each in self.deliveries)

    @property
    def prescribed(self) -> Mass:
        """The dose of the whole treatment: the order of the first delivery."""
        return next((each for each in self.deliveries if each.session == self.id), self.first).ordered

    @property
    def programmed(self) -> Mass:
        """The drug in its first program: the prescribed dose, rounded down to what that pump can hold."""
        concentration, program = self.first.concentration, self.first.program
        return self.prescribed if concentration is None or program is None else concentration.mass_in(program.vtbi)

    @property
    def completed(self) -> bool:
        return any(each.completed for each in self.deliveries)

    @cached_property
    def worst(self) -> Mass:
        """The most that all its deliveries together can have given, or still give."""
        return sum((each.worst for each in self.deliveries), NONE)

    @cached_property
    def given(self) -> Mass:
        """What is booked for all its deliveries so far."""
        return sum((each.given for each in self.deliveries), NONE)

    @property
    def flowed_ns(self) -> int:
        """Running time of all its deliveries on record."""
        return sum(each.flowed_ns for each in self.deliveries)

    @property
    def running(self) -> bool:
        return any(each.running for each in self.deliveries)

    @property
    def course(self) -> str:
        return self.first.course

    def takes_place(self, least_share: Decimal) -> bool:
        """Whether it uses up a place in its course: not if less than this share of it was given (PRG-18)."""
        return self.worst >= self.prescribed.times(least_share)


@dataclass(frozen=True, slots=True)
class History:
    """The treatments of one patient and substance that gave, or may have given, anything; in the order of their start.

    An instant in the future is no reason to hide a dose: suspect ones are included.
    """

    treatments: tuple[Treatment, ...] = ()

    @classmethod
    def of(cls, doses: Iterable[Dose], patient: str, counted: Collection[str]) -> "History":
        """Select those of the patient and of these substances. Case does not matter: no spelling may hide a dose."""
        return cls.of_all((dose for dose in doses if dose.of(counted)), patient)

    @classmethod
    def of_all(cls, doses: Iterable[Dose], patient: str) -> "History":
        """Select those of the patient, of any substance."""
        whose = patient.casefold()
        found: dict[str, list[Dose]] = {}
        for dose in doses:
            if dose.worst > NONE and dose.patient.casefold() == whose:
                found.setdefault(dose.treatment or dose.session, []).append(dose)
        treatments = (Treatment(key, tuple(sorted(each, key=_in_time))) for key, each in found.items())
        return cls(tuple(sorted(treatments, key=lambda each: (each.started_ns, each.id))))

    def find(self, treatment: str) -> Treatment | None:
        return next((each for each in self.treatments if each.id == treatment), None)

    def without(self, treatment: str) -> "History":
        return History(tuple(each for each in self.treatments if each.id != treatment))

    def starts(self, course: str, rules: Course) -> list[int]:
        """When the treatments began that take a place in this course."""
        return [
            each.started_ns for each in self.treatments if each.course == course and each.takes_place(rules.least_share)
        ]


def _in_time(dose: Dose) -> tuple[int, str]:
    return dose.started_ns, dose.session


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requested infusion. `course` is the prescriber's token for the course to which it belongs. `treatment`: it is
    the rest of this treatment; empty when it is a new one. `fastest`: no less time than this would give the dose at the
    highest rate of its program; 0 where that is not known.
    """

    dose: Mass
    weight: Weight
    course: str = ""
    treatment: str = ""
    fastest: Duration = Duration(0)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in its course a treatment is; as text "infusion 3 of 6", "maintenance 1 of 2". `of` is None where
    maintenance has no end.
    """

    maintenance: bool
    number: int
    of: int | None

    def __str__(self) -> str:
        if self.of is None:
            return text("course.maintenance", "maintenance {number}", number=self.number)
        if self.maintenance:
            return text("course.maintenance_of", "maintenance {number} of {all}", number=self.number, all=self.of)
        return text("course.infusion_of", "infusion {number} of {all}", number=self.number, all=self.of)


@dataclass(frozen=True, slots=True)
class WeightOnRecord:
    """The weight of a patient's last session. `at_ns` is when that began."""

    weight: Weight
    basis: str
    at_ns: int

    @property
    def confirmable_until_ns(self) -> int:
        """Until then a person may confirm it instead of typing it twice."""
        return self.at_ns + WEIGHT_CONFIRMABLE.ns


def weight_on_record(doses: Iterable[Dose], patient: str) -> WeightOnRecord | None:
    """The weight with which the patient was last given anything, of any substance (PRG-07)."""
    whose = patient.casefold()
    known = (dose for dose in doses if dose.weight is not None and (dose.given > NONE or dose.uncertain))
    last = max((dose for dose in known if dose.patient.casefold() == whose), key=_in_time, default=None)
    return (
        None if last is None or last.weight is None else WeightOnRecord(last.weight, last.weight_basis, last.started_ns)
    )


def position(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Position:
    """Where in its course the requested treatment is. The rest of a treatment is where its treatment is."""
    known = history.find(wanted.treatment) if wanted.treatment else None
    if known is not None:
        history, now_ns = history.without(known.id), known.started_ns
        history = History(tuple(each for each in history.treatments if each.started_ns <= now_ns))
    return position_in(history, wanted.course, now_ns, rules)


def proper_in(starts: Sequence[int], now_ns: int, rules: Course) -> int:
    """How many treatments of the course proper were given; those beyond its number or duration are maintenance."""
    last_ns = min(starts, default=now_ns) + rules.hard_max.ns
    return min(rules.infusions, sum(start <= last_ns for start in starts))


def position_in(history: History, course: str, now_ns: int, rules: Course) -> Position:
    starts = history.starts(course, rules)
    proper = proper_in([*starts, now_ns], now_ns, rules)
    if proper > proper_in(starts, now_ns, rules):
        return Position(maintenance=False, number=proper, of=rules.infusions)
    most = rules.maintenance if isinstance(rules.maintenance, int) else None
    return Position(maintenance=True, number=len(starts) - proper + 1, of=most)
