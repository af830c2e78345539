"""From journal entries to the courses that were ordered and assessed. The newest entry of each course counts.

They are for people only: what a patient may have is decided by `doses`.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pumpd.dosing.course_plan import WEEKDAYS, Assessment, CourseOrder
from pumpd.journal.doses import ns_of
from pumpd.journal.records import Record

ORDERED, ASSESSED = "course_ordered", "course_assessed"

Key = tuple[str, str]  # patient in lower case, course


@dataclass(frozen=True, slots=True)
class Recorded:
    """An assessment, when it was made and by whom."""

    assessment: Assessment
    ts: str
    by: str


@dataclass(slots=True)
class Courses:
    """Takes the entries about patients as they come, those of a patient in order. One that was taken before is left
    out.
    """

    orders: dict[Key, CourseOrder] = field(default_factory=dict)
    first_ordered: dict[Key, int] = field(default_factory=dict)  # when
    assessments: dict[Key, Recorded] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)  # by patient in lower case: the last entry

    def take(self, entries: Iterable[Record]) -> None:
        """An entry that cannot be read is left out: it is shown to people and decides nothing."""
        for entry in entries:
            if entry.kind in (ORDERED, ASSESSED):
                with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                    self._take(entry)

    def _take(self, entry: Record) -> None:
        body = entry.fields
        patient, course = str(body["patient"]), str(body["course"])
        key = of(patient, course)
        if entry.id <= self._taken.get(key[0], 0):
            return
        self._taken[key[0]] = entry.id
        if entry.kind == ORDERED:
            days = frozenset(WEEKDAYS.index(each) for each in body["weekdays"])
            if not days:
                raise ValueError("no weekday")
            self.orders[key] = CourseOrder(
                patient, str(body["entry"]), course, date.fromisoformat(body["first_day"]), days
            )
            self.first_ordered.setdefault(key, ns_of(entry.ts))
        else:
            found = Assessment(patient, course, str(body["response"]), body["scale"], body["total"])
            self.assessments[key] = Recorded(found, entry.ts, str(body["by"]))

    def ordered(self, patient: str) -> dict[str, int]:
        """The patient's courses that were ordered, each with when it was first ordered."""
        return {course: ns for (whose, course), ns in self.first_ordered.items() if whose == patient.casefold()}


def of(patient: str, course: str) -> Key:
    """The key of a patient's course."""
    return patient.casefold(), course
