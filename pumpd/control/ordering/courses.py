"""A prescriber orders a course and records the response after it. Nothing of it starts, permits or refuses anything."""

from typing import Any

from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.patient_history import PatientHistories
from pumpd.control.refused import RefusedError
from pumpd.dosing import Library, Refusal, Refusals
from pumpd.dosing.course_plan import WEEKDAYS, Assessment, CourseOrder
from pumpd.dosing.course_view import proper_is_over
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.courses import ASSESSED, ORDERED
from pumpd.messages.requests import CourseAssessed, CourseOrdered
from pumpd.texts import text


class CourseService:
    def __init__(self, library: Library, histories: PatientHistories, past: DoseHistory, clock: Clock) -> None:
        self._library, self._histories, self._past, self._clock = library, histories, past, clock

    async def order(self, asked: CourseOrdered, by: str) -> dict[str, Any]:
        """Record the course; a second order of the same course replaces its days. Raises RefusedError.

        Returns the patient's history.
        """
        today = self._histories.instant().today
        try:
            order = CourseOrder.from_text(
                asked.patient, asked.entry, asked.course, asked.first_day, asked.weekdays, self._library, today
            )
        except Refusals as error:
            raise _refused(error) from error
        body = {
            "patient": order.patient,
            "entry": order.entry,
            "course": order.course,
            "first_day": order.first_day.isoformat(),
            "weekdays": [WEEKDAYS[each] for each in sorted(order.weekdays)],
            "by": by,
        }
        return await self._recorded(ORDERED, body)

    async def assess(self, asked: CourseAssessed, by: str) -> dict[str, Any]:
        """Record the response; a second assessment replaces the first. Raises RefusedError.

        Returns the patient's history.
        """
        found = Assessment(asked.patient, asked.course, asked.response, asked.scale, asked.total)
        await self._past.catch_up(asked.patient)
        try:
            found.check()
            known = self._histories.of_course(found.patient, found.course)
            if known is None or not proper_is_over(found.course, *known, self._histories.instant().ns):
                why = text(
                    "course.not_over",
                    "the course {course} of {patient} is not over; it is assessed after its last infusion",
                    course=found.course,
                    patient=found.patient,
                )
                raise Refusals([Refusal("course", why, "PRG-18")])
        except Refusals as error:
            raise _refused(error) from error
        body = {
            "patient": found.patient,
            "course": found.course,
            "response": found.response,
            "scale": found.scale,
            "total": found.total,
            "by": by,
        }
        return await self._recorded(ASSESSED, body)

    async def _recorded(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        await self._past.record(Entry(kind, body, "", "", self._clock.monotonic_ns()), body["patient"])
        return self._histories.now(body["patient"])


def _refused(error: Refusals) -> RefusedError:
    return RefusedError(*(str(each) for each in error.reasons))
