"""Where each of a patient's courses is: what was given, what is next and when. For people only: it decides nothing.

Instants are UTC wall-clock time in nanoseconds since 1970; days are those of the clinic's local time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pumpd.dosing.course_plan import CourseOrder, Day, DayState
from pumpd.dosing.history import NONE, History, Position, Wanted, position_in, proper_in
from pumpd.dosing.history_limits import earliest_ns
from pumpd.dosing.library import Entry
from pumpd.quantities import NS_PER_S, Duration, Weight


@dataclass(frozen=True, slots=True)
class Now:
    """The present instant; `ahead` gives how far local time is ahead of UTC at an instant."""

    ns: int
    ahead: Callable[[datetime], timedelta]

    @property
    def today(self) -> date:
        return self.day(self.ns)

    def day(self, ns: int) -> date:
        """The local day of an instant."""
        at = datetime.fromtimestamp(ns // NS_PER_S, UTC)
        return (at + self.ahead(at)).date()


@dataclass(frozen=True, slots=True)
class Next:
    """The next infusion: its position, the earliest instant that the spacing allows, and its planned day if any."""

    position: Position
    earliest_ns: int
    planned: date | None


@dataclass(frozen=True, slots=True)
class CourseView:
    """`given` of the course proper, then `maintenance`. `next` is None when the course is over, when it was not
    ordered, and while a dose is dated in the future.
    """

    number: int
    given: int
    maintenance: int
    next: Next | None
    days: tuple[Day, ...]


def numbers(history: History, ordered: Mapping[str, int]) -> dict[str, int]:
    """The patient's courses, numbered from 1 in the order in which each was first ordered or begun.

    `history` is that of all substances; `ordered`: when each course was ordered.
    """
    first = dict(ordered)
    for each in history.treatments:
        if each.course:
            first[each.course] = min(each.started_ns, first.get(each.course, each.started_ns))
    return {course: at for at, course in enumerate(sorted(first, key=lambda course: (first[course], course)), 1)}


def course_view(
    course: str, number: int, entry: Entry, history: History, order: CourseOrder | None, now: Now
) -> CourseView:
    """`history` is that of all substances that count together with this entry's. `order` None: no days were planned."""
    rules = entry.course
    given = [each for each in history.treatments if each.course == course and each.takes_place(rules.least_share)]
    proper = given[: proper_in([each.started_ns for each in given], now.ns, rules)]
    coming = _next(course, history, entry, now)
    days: list[Day] = []
    done = [(now.day(each.started_ns), each.id) for each in proper]
    if order is not None:
        days = order.days(done, now.today, rules, None if coming is None else now.day(coming.earliest_ns))
    else:
        days = [Day(at, on, DayState.GIVEN, treatment) for at, (on, treatment) in enumerate(done, 1)]
    if coming is not None and not coming.position.maintenance:
        planned = next((each.date for each in days if each.state is DayState.PLANNED), None)
        coming = Next(coming.position, coming.earliest_ns, planned)
    return CourseView(number, len(proper), len(given) - len(proper), coming, tuple(days))


def proper_is_over(course: str, entry: Entry, history: History, now_ns: int) -> bool:
    """Whether all infusions of the course proper were given, or its time is over: then it may be assessed."""
    rules = entry.course
    return bool(history.starts(course, rules)) and position_in(history, course, now_ns, rules).maintenance


def _next(course: str, history: History, entry: Entry, now: Now) -> Next | None:
    suspect = any(dose.suspect(now.ns) for each in history.treatments for dose in each.deliveries)
    if suspect or not course:
        return None
    wanted, at = _as_last_time(history, course), now.ns
    for _ in range(2):  # while it waits, the course proper may end, and maintenance has longer spacing
        at = max(at, earliest_ns(history, wanted, at, entry.course))
    place = position_in(history, course, at, entry.course)
    if place.of is not None and place.number > place.of:
        return None
    return Next(place, at, None)


def _as_last_time(history: History, course: str) -> Wanted:
    """The next infusion, as if it were prescribed like the last one."""
    last = history.treatments[-1] if history.treatments else None
    if last is None or last.first.weight is None:
        return Wanted(NONE, Weight(1), course)
    program = last.first.program
    fastest = Duration(0) if program is None else program.fastest
    return Wanted(last.prescribed, last.first.weight, course, fastest=fastest)
