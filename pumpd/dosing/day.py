"""The most of a drug in any 24 hours, if the requested infusion is started at an instant (PRG-14).

Promises:
- No window of 24 hours is left out: the one that ends with the start, the one that ends with the infusion, and every
  one between. The whole of the requested program counts, as fast as it can flow.
- A dose that has ended flowed no faster than its program. Of one in whose middle a window begins, at most that much
  counts. Otherwise the same hour each day would be too early for every dose above half of the daily one.
- What still flows, is uncertain, or is on record without its program counts whole until its end is 24 hours ago.

Instants are UTC wall-clock time in nanoseconds since 1970.
"""

from collections.abc import Sequence
from fractions import Fraction

from pumpd.dosing.history import DAY, Dose, Wanted
from pumpd.quantities import NS_PER_S, Mass

LATE_NS = 10 * NS_PER_S  # [P] by which flow may have ended later than recorded: a lease (COM-01)
_HOUR_NS = 3600 * NS_PER_S


def above(doses: Sequence[Dose], wanted: Wanted, now_ns: int, most: Mass) -> bool:
    """Whether some 24 hours would hold more than that, if it were started now."""
    return most_in_a_day(doses, wanted, now_ns) > Fraction(most.decimal)


def earliest_ns(doses: Sequence[Dose], wanted: Wanted, now_ns: int, most: Mass) -> int | None:
    """From when on no 24 hours would hold more than that; None when the requested dose alone is more."""
    if wanted.dose > most:
        return None
    too_early, late_enough = now_ns - 1, max([now_ns, *(each.ended_ns + DAY.ns for each in doses)])
    while late_enough - too_early > 1:  # the later it is started, the less is left of every earlier dose
        middle = (too_early + late_enough) // 2
        if above(doses, wanted, middle, most):
            too_early = middle
        else:
            late_enough = middle
    return late_enough


def most_in_a_day(doses: Sequence[Dose], wanted: Wanted, now_ns: int) -> Fraction:
    """In mg. The sum changes its slope only at a few instants, so that its largest value is at one of them."""
    since_ns, takes_ns = now_ns - DAY.ns, wanted.fastest.ns
    instants = {0, takes_ns}  # after the start
    for dose in doses:
        end = dose.ended_ns - since_ns
        instants |= {end, end - 1}
        if per_ns := _per_ns(dose):
            begins = end + LATE_NS - int(Fraction(dose.worst.decimal) / per_ns)
            instants |= {begins, begins - 1}
    whole = Fraction(wanted.dose.decimal)
    return max(
        sum((_left(dose, since_ns + after) for dose in doses), whole if after == takes_ns else whole * after / takes_ns)
        for after in instants
        if 0 <= after <= takes_ns
    )


def _left(dose: Dose, from_ns: int) -> Fraction:
    """The most of a dose that can have flowed after an instant, in mg."""
    if dose.ended_ns <= from_ns:
        return Fraction(0)
    worst, per_ns = Fraction(dose.worst.decimal), _per_ns(dose)
    return worst if per_ns is None else min(worst, per_ns * (dose.ended_ns + LATE_NS - from_ns))


def _per_ns(dose: Dose) -> Fraction | None:
    """The fastest flow of its program, in mg; None where that bounds nothing."""
    if dose.uncertain or dose.running or dose.program is None or dose.concentration is None:
        return None
    return Fraction(dose.concentration.decimal) * Fraction(dose.program.highest_rate.decimal) / _HOUR_NS
