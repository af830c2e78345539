"""The answer to `history`: what a patient was given, the weight on record, and where each course is, as JSON data.

Promises:
- It starts, permits and refuses nothing.
- What it says about the rest of a treatment comes from the same rules as an order for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.planning import Planning
from pumpd.dosing import Entry, History, Library, Wanted
from pumpd.dosing.course_plan import Day
from pumpd.dosing.course_view import CourseView, Now, course_view, numbers
from pumpd.dosing.history import Dose, Treatment, WeightOnRecord, weight_on_record
from pumpd.dosing.history_limits import objections, rest_objections
from pumpd.dosing.library import SHARE_MOST
from pumpd.dosing.rest import left_of
from pumpd.host.clock import Clock
from pumpd.journal.courses import Recorded, of
from pumpd.pump import FixedStep
from pumpd.quantities import NS_PER_S

_SHOWN = FixedStep(Decimal("0.001"))  # mL


class PatientHistories:
    def __init__(self, library: Library, past: DoseHistory, planning: Planning, clock: Clock) -> None:
        self._library, self._past, self._planning, self._clock = library, past, planning, clock

    async def answer(self, patient: str | None) -> dict[str, Any]:
        """The history of a patient; None: only the suspect doses of all patients. Raises RefusedError."""
        if patient is None:
            return {"patient": None, "suspects": _suspects(await self._planning.suspects(), self.instant().ns)}
        await self._past.catch_up(patient)
        return self.now(patient)

    def now(self, patient: str) -> dict[str, Any]:
        """The history of a patient, from what was read of the journal so far."""
        now = self.instant()
        doses = self._planning.of_patient(patient)
        whole = History.of_all(doses, patient)
        weight = weight_on_record(doses, patient)
        return {
            "patient": patient,
            "weight": None if weight is None else on_record(weight),
            "treatments": [self._treatment(each, doses, now) for each in reversed(whole.treatments)],
            "courses": self._courses(whole, doses, patient, now),
            "suspects": _suspects((dose for each in whole.treatments for dose in each.deliveries), now.ns),
        }

    def instant(self) -> Now:
        at = self._clock.now()
        return Now(int(at.timestamp() * NS_PER_S), lambda at: timedelta(minutes=self._clock.utc_offset_min(at)))

    # -- treatments --------------------------------------------------------------------------------------------------

    def _treatment(self, one: Treatment, doses: Sequence[Dose], now: Now) -> dict[str, Any]:
        entry, first = self._library.entries.get(one.first.entry), one.first
        least = SHARE_MOST if entry is None else entry.course.least_share
        return {
            "treatment": one.id,
            "drug": first.drug,
            "entry": first.entry,
            "course": one.course,
            "started_ts": text_of(one.started_ns),
            "ended_ts": text_of(one.ended_ns),
            "prescribed_mg": one.prescribed.number,
            "given_mg": one.given.number,
            "share_percent": int(one.given.share_of(one.prescribed) * 100) if one.prescribed else 0,
            "takes_place": one.takes_place(least),
            "uncertain": any(each.uncertain for each in one.deliveries),
            "running": one.running,
            "suspect": any(each.suspect(now.ns) for each in one.deliveries),
            "deliveries": [
                {
                    "session": each.session,
                    "pump": each.pump,
                    "started_ts": text_of(each.started_ns),
                    "ended_ts": text_of(each.ended_ns),
                    "given_mg": each.given.number,
                }
                for each in one.deliveries
            ],
            "rest": None if entry is None else self._rest(one, entry, doses, now),
        }

    def _rest(self, one: Treatment, entry: Entry, doses: Sequence[Dose], now: Now) -> dict[str, Any] | None:
        """What is left of it, while that may be ordered; `reasons`: why it may not be ordered now all the same."""
        until_ns = one.started_ns + entry.rest.within.ns
        left, first = left_of(one), one.first
        if one.running or left is None or not now.ns <= until_ns or first.weight is None:
            return None
        dose, program = left
        known_ns = self._planning.now_on(first.pump)
        ends_ns = None if known_ns is None else known_ns + program.duration.ns // self._clock.scale
        past = History.of(doses, first.patient, self._library.counted(entry))
        wanted = Wanted(dose, first.weight, one.course, one.id, program.fastest)
        against = [
            *rest_objections(one, known_ns, ends_ns, entry.rest),
            *objections(past, wanted, known_ns, entry.course),
        ]
        return {
            "left_mg": dose.number,
            "left_ml": program.vtbi.floor(_SHOWN).number,
            "until_ts": text_of(until_ns),
            "by_nurse": entry.rest.by_nurse,
            "container": one.deliveries[-1].container,
            "reasons": [str(each) for each in against],
        }

    # -- courses -----------------------------------------------------------------------------------------------------

    def of_course(self, patient: str, course: str) -> tuple[Entry, History] | None:
        """The library entry of a course, and what the patient was given of the substances that count with it. The entry
        is the one that was ordered, else that of its last treatment, as far as the library has it.
        """
        return self._of_course(self._planning.of_patient(patient), patient, course)

    def _of_course(self, doses: Sequence[Dose], patient: str, course: str) -> tuple[Entry, History] | None:
        order = self._past.courses.orders.get(of(patient, course))
        used = [order.entry] if order is not None else []
        whole = History.of_all(doses, patient)
        used += [dose.entry for each in reversed(whole.treatments) if each.course == course for dose in each.deliveries]
        entry = next((self._library.entries[each] for each in used if each in self._library.entries), None)
        return None if entry is None else (entry, History.of(doses, patient, self._library.counted(entry)))

    def _courses(self, whole: History, doses: Sequence[Dose], patient: str, now: Now) -> list[dict[str, Any]]:
        number = numbers(whole, self._past.courses.ordered(patient))
        without = [""] if any(not each.course for each in whole.treatments) else []
        found = []
        for course in [*number, *without]:
            if known := self._of_course(doses, patient, course):
                entry, past = known
                order = self._past.courses.orders.get(of(patient, course))
                view = course_view(course, number.get(course, 0), entry, past, order, now)
                found.append(_course(course, entry, view, self._past.courses.assessments.get(of(patient, course))))
        return found


def _course(course: str, entry: Entry, view: CourseView, assessed: Recorded | None) -> dict[str, Any]:
    coming = view.next
    return {
        "course": course,
        "number": view.number,
        "entry": entry.id,
        "infusions": entry.course.infusions,
        "given": view.given,
        "maintenance": view.maintenance,
        "ordered": bool(course),
        "next": None
        if coming is None
        else {
            "position": str(coming.position),
            "place": {
                "number": coming.position.number,
                "of": coming.position.of,
                "phase": "maintenance" if coming.position.maintenance else "infusion",
            },
            "earliest_ts": text_of(coming.earliest_ns),
            "planned_date": None if coming.planned is None else coming.planned.isoformat(),
        },
        "dates": [_day(each) for each in view.days],
        "assessment": None
        if assessed is None
        else {
            "response": assessed.assessment.response,
            "scale": assessed.assessment.scale,
            "total": assessed.assessment.total,
            "ts": assessed.ts,
            "by": assessed.by,
        },
    }


def _day(day: Day) -> Mapping[str, Any]:
    found = {"number": day.number, "date": day.date.isoformat(), "state": day.state.value}
    return {**found, "treatment": day.treatment or None}


def on_record(weight: WeightOnRecord) -> dict[str, str]:
    """The weight of the last session, as it is shown beside what is entered (PRG-07)."""
    return {
        "weight_kg": weight.weight.number,
        "basis": weight.basis,
        "ts": text_of(weight.at_ns),
        "confirmable_until_ts": text_of(weight.confirmable_until_ns),
    }


def _suspects(doses: Iterable[Dose], now_ns: int) -> list[dict[str, str]]:
    return [
        {
            "session": each.session,
            "patient": each.patient,
            "drug": each.drug,
            "started_ts": text_of(each.started_ns),
            "ended_ts": text_of(each.ended_ns),
            "given_mg": each.given.number,
        }
        for each in doses
        if each.worst and each.suspect(now_ns)
    ]


def text_of(ns: int) -> str:
    """An instant as text, in UTC and whole seconds."""
    return datetime.fromtimestamp(ns // NS_PER_S, UTC).isoformat()
