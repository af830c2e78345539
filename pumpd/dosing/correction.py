"""When a dose may have begun, where the clock was wrong: the rules for its correction by two people (PRG-28).

Promises:
- Only a dose that is dated ahead of now, or was corrected before, can be corrected: no other dose can be moved out of
  the limits of spacing and day.
- The order of the journal's entries is the truth. The dose began after the orders before it and before those after it,
  as far as their own times are possible, and so early that it has ended by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pumpd.dosing.history import Dose
from pumpd.dosing.history_limits import utc
from pumpd.dosing.reason import LEAST_LETTERS, is_reason
from pumpd.dosing.refusal import Refusal
from pumpd.texts import text


@dataclass(frozen=True, slots=True)
class Between:
    """A dose began at one of these instants, both inclusive."""

    least_ns: int | None
    most_ns: int


def between(began: int, orders: Sequence[tuple[int, int]], lasted_ns: int, now_ns: int) -> Between:
    """When the dose began whose first flow is entry `began` of the journal, and which then `lasted_ns`.

    `orders` are the other orders: number of the entry, and when it was made.
    """
    possible = sorted((at, ns) for at, ns in orders if ns <= now_ns)
    least_ns = next((ns for at, ns in reversed(possible) if at < began), None)
    after_ns = next((ns for at, ns in possible if at > began and (least_ns is None or ns >= least_ns)), now_ns)
    most_ns = min(after_ns, now_ns - lasted_ns)
    return Between(None if least_ns is not None and least_ns > most_ns else least_ns, most_ns)


def objections(
    dose: Dose, started_ns: int, reason: str, limits: Between, now_ns: int, *, corrected: bool
) -> list[Refusal]:
    """Why this dose may not be dated so. `corrected`: it was corrected before."""
    found = []
    if dose.running:
        found.append(
            Refusal(
                "session",
                text("history.corrected_later", "this infusion is under way; it is corrected once it has ended"),
                "PRG-28",
            )
        )
    if not corrected and max(dose.started_ns, dose.seen_ns) <= now_ns:
        why = text(
            "history.not_in_future",
            "this dose is dated {dated}, which is not in the future: there is nothing to correct",
            dated=utc(dose.started_ns),
        )
        found.append(Refusal("session", why, "PRG-28"))
    if not (limits.least_ns is None or limits.least_ns <= started_ns) or started_ns > limits.most_ns:
        found.append(Refusal("started", _not_possible(started_ns, limits), "PRG-28"))
    if not is_reason(reason):
        found.append(
            Refusal(
                "reason",
                text("order.reason_needed", "a reason of at least {letters} letters is needed", letters=LEAST_LETTERS),
                "AUD-08",
            )
        )
    return found


def _not_possible(started_ns: int, limits: Between) -> str:
    started, most = utc(started_ns), utc(limits.most_ns)
    if limits.least_ns is None:
        return text(
            "history.not_after",
            "{started} is not possible: by the order of the journal, and because it has ended, this dose began not "
            "after {most}",
            started=started,
            most=most,
        )
    return text(
        "history.not_between",
        "{started} is not possible: by the order of the journal, and because it has ended, this dose began not before "
        "{least} and not after {most}",
        started=started,
        least=utc(limits.least_ns),
        most=most,
    )
