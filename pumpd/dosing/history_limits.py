"""Whether what a patient was given allows one more infusion (PRG-14, PRG-17, PRG-18, PRG-25, PRG-28).

Promises:
- Nothing is guessed: an unknown time, or one before the last recorded entry, is refused.
- A treatment that reaches into the last 24 hours counts in full, and so does the requested one.
- One more recorded dose never removes a refusal.
- A dose dated in the future is held as suspect: it refuses its own patient until it is corrected, and nobody else.
- Spacing and course count from treatment to treatment. The daily dose counts every milligram.
- A value at a limit is inside, the next one is outside (PRG-22).
"""

from datetime import UTC, datetime

from pumpd.dosing import day
from pumpd.dosing.history import DAY, NONE, Dose, History, Treatment, Wanted, position_in, proper_in
from pumpd.dosing.library import Course, Rest, Spacing
from pumpd.dosing.limits import shown
from pumpd.dosing.refusal import Refusal, SoftLimit
from pumpd.quantities import NS_PER_S, Duration, Mass, plain
from pumpd.texts import text

_HOUR = Duration(3600)


def objections(history: History, wanted: Wanted, now_ns: int | None, rules: Course) -> tuple[Refusal, ...]:
    """Every hard reason against starting the requested infusion now. `now_ns` is None when the time is not known.

    Spacing and course count from treatment to treatment: they do not hold the rest of one back (PRG-25).
    """
    if now_ns is None:
        return (
            Refusal(
                "clock",
                text("history.time_unknown", "the time is not known, so earlier doses cannot be checked"),
                "PWR-12",
            ),
        )
    rest = bool(wanted.treatment)
    found = (
        _suspect(history, now_ns),
        _clock(history, now_ns),
        _running(history) if rest else _spacing(history, wanted, now_ns, rules),
        _day(history, wanted, now_ns, rules),
        None if rest else _course(history, wanted, now_ns, rules),
    )
    return tuple(refusal for refusal in found if refusal is not None)


def rest_objections(
    treatment: Treatment | None, now_ns: int | None, ends_ns: int | None, rules: Rest, planned_from: Mass | None = None
) -> list[Refusal]:
    """Why the rest of this treatment may not be given. `ends_ns`: when it would end if it were started now.

    `planned_from`: what was booked when it was planned; more than that may have been booked since.
    """
    if treatment is None:
        return [
            Refusal("treatment", text("rest.not_on_record", "nothing of it is on record, so it has no rest"), "PRG-25")
        ]
    if treatment.completed:
        return [Refusal("treatment", text("rest.completed", "it was completed: there is no rest"), "PRG-25")]
    if treatment.worst >= treatment.programmed:
        given, whole = treatment.worst, treatment.programmed
        return [
            Refusal(
                "treatment",
                text(
                    "rest.none_left",
                    "up to {booked} of {whole} may have been given: there is no rest",
                    booked=given,
                    whole=whole,
                ),
                "PRG-25",
            )
        ]
    if planned_from is not None and treatment.worst > planned_from:
        why = text(
            "rest.more_given",
            "up to {worst} may have been given, more than the {planned} of this plan; plan it again",
            worst=treatment.worst,
            planned=planned_from,
        )
        return [Refusal("treatment", why, "PRG-25")]
    until_ns = treatment.started_ns + rules.within.ns
    if now_ns is None or ends_ns is None or ends_ns <= until_ns:
        return []
    why = text(
        "rest.too_late",
        "it began {began}, and all of it must be given within {within}: by {until}; the rest would end {ends}",
        began=utc(treatment.started_ns),
        within=shown(rules.within),
        until=utc(until_ns),
        ends=utc(ends_ns),
    )
    return [Refusal("treatment", why, "PRG-25")]


def warnings(history: History, wanted: Wanted, now_ns: int, rules: Course) -> tuple[SoftLimit, ...]:
    """Every soft limit that the requested infusion would exceed now; an order needs a typed reason for each."""
    if wanted.treatment:
        return ()
    found = (
        _close(history, wanted, now_ns, rules),
        _fast(history, now_ns, rules),
        _slow(history, wanted, now_ns, rules),
        _new(history, wanted, rules),
        _as_ordered(history, wanted, now_ns, rules),
    )
    return tuple(limit for limit in found if limit is not None)


def earliest_ns(history: History, wanted: Wanted, now_ns: int, rules: Course) -> int:
    """When the hard spacing and, for a known dose, the daily one allow the next treatment."""
    spacing = _spacing_rule(history, wanted, now_ns, rules)
    found = [until for until, _ in _limits_of_spacing(history, spacing, spacing.hard)]
    if wanted.dose:
        doses, most = _of_a_day(history, now_ns), rules.daily_max * wanted.weight
        of_the_day = day.earliest_ns(doses, wanted, now_ns, most)
        found += [] if of_the_day in (None, now_ns) else [of_the_day]
    return max(found, default=now_ns)


# -- hard --------------------------------------------------------------------------------------------------------------


def _suspect(history: History, now_ns: int) -> Refusal | None:
    suspect = [each for treatment in history.treatments for each in treatment.deliveries if each.suspect(now_ns)]
    if not suspect:
        return None
    latest = max(suspect, key=lambda dose: dose.seen_ns)
    dated = utc(max(latest.started_ns, latest.seen_ns))
    why = text(
        "history.suspect",
        "a dose on record is dated {dated}, and it is {now}: it is not known when it was given; {correct}",
        dated=dated,
        now=utc(now_ns),
        correct=_correct(latest),
    )
    return Refusal("history", why, "PRG-28")


def _clock(history: History, now_ns: int) -> Refusal | None:
    doses = [each for treatment in history.treatments for each in treatment.deliveries if not each.suspect(now_ns)]
    last = max(doses, key=lambda dose: dose.seen_ns, default=None)
    if last is None or now_ns >= last.seen_ns:
        return None
    why = text(
        "history.clock_before_dose",
        "it is {now}, before the last recorded dose ({dose}): the clock is or was wrong; if it was, {correct}",
        now=utc(now_ns),
        dose=utc(last.seen_ns),
        correct=_correct(last),
    )
    return Refusal("clock", why, "PRG-17")


def _running(history: History) -> Refusal | None:
    if any(treatment.running for treatment in history.treatments):
        return Refusal(
            "patient", text("history.under_way", "another infusion of this drug is still under way"), "PRG-17"
        )
    return None


def _spacing(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    if running := _running(history):
        return running
    spacing = _spacing_rule(history, wanted, now_ns, rules)
    reason = _too_soon(history, now_ns, spacing, spacing.hard)
    if not reason:
        return None
    return Refusal("patient", text("history.hard_limit", "{reason}, the hard limit", reason=reason), "PRG-17")


def _day(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    doses, most = _of_a_day(history, now_ns), rules.daily_max * wanted.weight
    if not day.above(doses, wanted, now_ns, most):
        return None
    why = text(
        "history.day_above_hard",
        "{dose} after up to {past} in the last 24 h is above the hard limit of {per_weight} = {most}; doses that still "
        "flow or are uncertain count in full",
        dose=wanted.dose,
        past=sum((each.worst for each in doses), NONE),
        per_weight=rules.daily_max,
        most=most,
    )
    until_ns = day.earliest_ns(doses, wanted, now_ns, most)
    if until_ns is not None and not any(each.running for each in doses):
        why = text("history.not_before", "{why}; not before {until}", why=why, until=utc(until_ns))
    return Refusal("dose", why, "PRG-14")


def _of_a_day(history: History, now_ns: int) -> list[Dose]:
    """The doses of which something may have been given in the last 24 hours."""
    doses = (each for treatment in history.treatments for each in treatment.deliveries)
    return [each for each in doses if each.ended_ns > now_ns - DAY.ns]


def _course(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Refusal | None:
    place = position_in(history, wanted.course, now_ns, rules)
    if place.of is None or place.number <= place.of:
        return None
    why = text(
        "course.over",
        "the course of {infusions} infusions and {maintenance} of maintenance is over; another infusion needs a new "
        "course from the prescriber",
        infusions=rules.infusions,
        maintenance=rules.maintenance,
    )
    return Refusal("course", why, "PRG-18")


# -- soft --------------------------------------------------------------------------------------------------------------


def _close(history: History, wanted: Wanted, now_ns: int, rules: Course) -> SoftLimit | None:
    spacing = _spacing_rule(history, wanted, now_ns, rules)
    reason = _too_soon(history, now_ns, spacing, spacing.soft)
    if not reason:
        return None
    why = text("history.soft_limit", "{reason}, the soft limit", reason=reason)
    return SoftLimit("spacing_low", "patient", why, "PRG-17")


def _fast(history: History, now_ns: int, rules: Course) -> SoftLimit | None:
    """Too many treatments in a short time, whatever course they belong to."""
    since_ns = now_ns - rules.soft_min.ns
    recent = [each for each in history.treatments if each.started_ns > since_ns and each.takes_place(rules.least_share)]
    if not recent or len(recent) + 1 < rules.infusions:
        return None
    reason = text(
        "course.too_fast",
        "this would be infusion {number} in less than {time}",
        number=len(recent) + 1,
        time=_hours(rules.soft_min),
    )
    return SoftLimit("course_fast", "course", reason, "PRG-18")


def _slow(history: History, wanted: Wanted, now_ns: int, rules: Course) -> SoftLimit | None:
    """An interrupted course needs a decision. Unlike the others, this limit can go away with more doses."""
    starts = history.starts(wanted.course, rules)
    began_ns, proper = min(starts, default=now_ns), proper_in(starts, now_ns, rules)
    if proper >= rules.infusions or now_ns - began_ns <= rules.soft_max.ns:
        return None
    why = text(
        "course.slow",
        "the course began {began}, more than {time} ago, and had {proper} of {infusions} infusions",
        began=utc(began_ns),
        time=_hours(rules.soft_max),
        proper=proper,
        infusions=rules.infusions,
    )
    return SoftLimit("course_slow", "course", why, "PRG-18")


def _new(history: History, wanted: Wanted, rules: Course) -> SoftLimit | None:
    """A new course token starts a new count, so it needs a typed reason."""
    given = [each for each in history.treatments if each.takes_place(rules.least_share)]
    if not given or history.starts(wanted.course, rules):
        return None
    reason = text(
        "course.begins_new",
        "begins a new course; {number} infusion(s) before, the last on {last}",
        number=len(given),
        last=utc(given[-1].started_ns),
    )
    return SoftLimit("course_new", "course", reason, "PRG-18")


def _as_ordered(history: History, wanted: Wanted, now_ns: int, rules: Course) -> SoftLimit | None:
    """Where maintenance has no fixed number, the prescriber says why for each one."""
    place = position_in(history, wanted.course, now_ns, rules)
    if rules.maintenance != "as ordered" or not place.maintenance:
        return None
    reason = text(
        "course.maintenance_ordered",
        "this would be {place} after the course of {infusions}, which needs the prescriber's reason",
        place=place,
        infusions=rules.infusions,
    )
    return SoftLimit("maintenance_ordered", "course", reason, "PRG-18")


# -- both --------------------------------------------------------------------------------------------------------------


def _spacing_rule(history: History, wanted: Wanted, now_ns: int, rules: Course) -> Spacing:
    place = position_in(history, wanted.course, now_ns, rules)
    return rules.maintenance_spacing if place.maintenance else rules.spacing


def _limits_of_spacing(history: History, spacing: Spacing, least: Duration) -> list[tuple[int, str]]:
    """Until when the last treatments forbid the next one, each with the reason."""
    started_ns = max((each.started_ns for each in history.treatments), default=None)
    ended_ns = max((each.ended_ns for each in history.treatments), default=None)
    found: list[tuple[int, str]] = []
    if started_ns is not None:
        until_ns = started_ns + least.ns
        began = text(
            "history.not_before_begun",
            "the last infusion began {began}; not before {until}, {after} later",
            began=utc(started_ns),
            until=utc(until_ns),
            after=_hours(least),
        )
        found.append((until_ns, began))
    if ended_ns is not None:
        until_ns = ended_ns + spacing.gap.ns
        ended = text(
            "history.not_before_ended",
            "the last infusion ended {ended} at the latest; not before {until}, {after} later",
            ended=utc(ended_ns),
            until=utc(until_ns),
            after=_hours(spacing.gap),
        )
        found.append((until_ns, ended))
    return found


def _too_soon(history: History, now_ns: int, spacing: Spacing, least: Duration) -> str | None:
    until_ns, why = max(_limits_of_spacing(history, spacing, least), default=(now_ns, ""))
    return why if now_ns < until_ns else None


def _correct(dose: Dose) -> str:
    return text(
        "history.correct",
        "two people must correct it, with `pumpd history correct {session}` or on a tablet",
        session=dose.session,
    )


def _hours(time: Duration) -> str:
    return f"{plain(time.share_of(_HOUR))} h"


def utc(ns: int) -> str:
    """To the second, rounded up, so that an infusion is allowed at the time shown."""
    return datetime.fromtimestamp(-(-ns // NS_PER_S), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
