"""A course as it was ordered: the days on which its infusions are planned, and the response after it.

Promises:
- It is for people only. Nothing here starts, permits or refuses an infusion.
- Two planned days are never closer than the hard spacing, and each is one of the ordered weekdays.
- A day that passed without its infusion is missed, and moves the later ones.

A day is that of the clinic's local time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from pumpd import texts
from pumpd.dosing.history import DAY
from pumpd.dosing.library import Course, Library
from pumpd.dosing.prescription import ACCEPTED_COURSE, ACCEPTED_PATIENT, is_token
from pumpd.dosing.refusal import Refusal, Refusals
from pumpd.quantities import Duration

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESPONSES = ("responder", "non-responder", "not assessed")
SCALES: Mapping[str, int] = MappingProxyType({"PHQ-9": 27, "MADRS": 60})  # the highest total
PLANNED_WITHIN = timedelta(days=366)  # [P] of today; a day further off is a typing error


class DayState(StrEnum):
    GIVEN = "given"
    PLANNED = "planned"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Day:
    """The day of an infusion of the course. `treatment`: what was given then; empty when nothing was."""

    number: int
    date: date
    state: DayState
    treatment: str = ""


@dataclass(frozen=True, slots=True)
class CourseOrder:
    patient: str
    entry: str
    course: str
    first_day: date
    weekdays: frozenset[int]  # 0 is Monday

    @classmethod
    def from_text(
        cls,
        patient: str,
        entry: str,
        course: str,
        first_day: str,
        weekdays: Sequence[str],
        library: Library,
        today: date,
    ) -> "CourseOrder":
        """Read what a person entered. Raises Refusals with every reason."""
        refusals = _of_tokens(patient, course)
        if entry not in library.entries:
            known = ", ".join(sorted(library.entries)) or texts.text("library.empty", "none")
            refusals.append(
                Refusal(
                    "entry",
                    texts.text(
                        "library.not_in_it_with",
                        "{name} is not in the library ({known})",
                        name=repr(entry),
                        known=known,
                    ),
                    "PRG-10",
                )
            )
        if not weekdays or not set(weekdays) <= set(WEEKDAYS):
            refusals.append(
                Refusal(
                    "weekdays",
                    texts.text("course.no_weekday", "at least one of {days}", days=", ".join(WEEKDAYS)),
                    "PRG-18",
                )
            )
        day = _date(first_day)
        if day is None:
            refusals.append(
                Refusal(
                    "first_day",
                    texts.text("course.no_day", "{day} is not a day of the form YYYY-MM-DD", day=repr(first_day)),
                    "PRG-18",
                )
            )
        elif abs(day - today) > PLANNED_WITHIN:
            refusals.append(
                Refusal(
                    "first_day",
                    texts.text(
                        "course.day_too_far", "{day} is more than a year away from today, {today}", day=day, today=today
                    ),
                    "PRG-18",
                )
            )
        if refusals or day is None:
            raise Refusals(refusals)
        return cls(patient, entry, course, day, frozenset(WEEKDAYS.index(each) for each in weekdays))

    def days(
        self, given: Sequence[tuple[date, str]], today: date, rules: Course, not_before: date | None = None
    ) -> list[Day]:
        """The days of the course, with every missed one before the day on which its infusion is planned or was given.

        `given` are the days and treatments of the course proper, in order. `not_before`: no infusion may start earlier,
        because of doses that are not of this course.
        """
        apart = timedelta(days=_days(rules.spacing.hard))
        days: list[Day] = []
        due = self._allowed(self.first_day)
        for number, (on, treatment) in enumerate(given, 1):
            if due < on:
                days.append(Day(number, due, DayState.MISSED))
            days.append(Day(number, on, DayState.GIVEN, treatment))
            due = self._allowed(on + apart)
        last = given[0][0] + timedelta(days=_days(rules.hard_max)) if given else date.max
        for number in range(len(given) + 1, rules.infusions + 1):
            if due < today:
                days.append(Day(number, due, DayState.MISSED))
                due = self._allowed(today)
            due = self._allowed(max(due, not_before or due))
            if due > last:  # from then on it is maintenance
                break
            days.append(Day(number, due, DayState.PLANNED))
            due = self._allowed(due + apart)
        return days

    def _allowed(self, day: date) -> date:
        """The first ordered weekday that is not before this day."""
        return next(day + timedelta(days=n) for n in range(7) if (day + timedelta(days=n)).weekday() in self.weekdays)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The response after a course, and the total of a questionnaire that the clinic filled in elsewhere."""

    patient: str
    course: str
    response: str
    scale: str | None = None
    total: int | None = None

    def check(self) -> None:
        """Raises Refusals with every reason why this is no assessment."""
        refusals = _of_tokens(self.patient, self.course)
        if self.response not in RESPONSES:
            refusals.append(
                Refusal("response", texts.text("course.one_of", "one of: {choices}", choices=", ".join(RESPONSES)))
            )
        if self.response == "not assessed" and (self.scale, self.total) != (None, None):
            refusals.append(
                Refusal("response", texts.text("course.total_is_assessed", "a course with a total is assessed"))
            )
        if (self.scale is None) != (self.total is None):
            refusals.append(
                Refusal("total", texts.text("course.scale_and_total", "a scale and its total belong together"))
            )
        if self.scale is not None and self.scale not in SCALES:
            refusals.append(
                Refusal("scale", texts.text("course.one_of", "one of: {choices}", choices=", ".join(SCALES)))
            )
        elif self.scale is not None and self.total is not None and not 0 <= self.total <= SCALES[self.scale]:
            refusals.append(
                Refusal(
                    "total",
                    texts.text(
                        "course.total_range",
                        "{scale} is from 0 to {most}, not {total}",
                        scale=self.scale,
                        most=SCALES[self.scale],
                        total=self.total,
                    ),
                )
            )
        if refusals:
            raise Refusals(refusals)


def _of_tokens(patient: str, course: str) -> list[Refusal]:
    tokens = (("patient", patient, ACCEPTED_PATIENT), ("course", course, ACCEPTED_COURSE))
    return [
        Refusal(field, texts.text("accepted.is_not", "this is not {what}", what=what))
        for field, token, what in tokens
        if not is_token(token)
    ]


def _date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def _days(time: Duration) -> int:
    """In whole days, rounded up."""
    return -(-time.ns // DAY.ns)
