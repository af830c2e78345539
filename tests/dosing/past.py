"""Doses of one patient, for the tests of the dose history."""

from dataclasses import replace
from datetime import UTC, datetime

from pumpd.dosing.history import Dose, History, Wanted
from pumpd.dosing.history_limits import objections, warnings
from pumpd.quantities import Mass, Weight
from tests.dosing.samples import LIBRARY

ENTRY = LIBRARY.entries["ketamine-1mg-ml"]
RULES = ENTRY.course
S = 1_000_000_000
MINUTE, HOUR, DAY = 60 * S, 3600 * S, 86_400 * S
NOW = int(datetime(2026, 3, 30, 10, tzinfo=UTC).timestamp()) * S
WANTED = Wanted(Mass(35), Weight(70))
M_W_F = (0, 2, 4, 7, 9, 11)  # days of six infusions


def dose(ended_ns, given="35", session=None, *, lasted_ns=40 * MINUTE, **changes):
    plain = Dose(
        session=session or f"s{ended_ns}",
        patient="P-17",
        substance=frozenset({"ketamine"}),
        drug="ketamine",
        started_ns=ended_ns - lasted_ns,
        ended_ns=ended_ns,
        seen_ns=ended_ns,
        ordered=Mass(35),
        given=Mass(given),
    )
    return replace(plain, **changes)


def began(started_ns, given="35", session=None, *, lasted_ns=40 * MINUTE, **changes):
    """The same by its start."""
    return dose(started_ns + lasted_ns, given, session, lasted_ns=lasted_ns, **changes)


def started(*days_ago, **changes):
    """Infusions of 40 minutes that began this many days ago."""
    return [began(NOW - int(days * DAY), **changes) for days in days_ago]


def history(*doses):
    return History.of(doses, "P-17", {"ketamine"})


def refused(doses, wanted=WANTED, now_ns=NOW, rules=RULES):
    return [refusal.requirement for refusal in objections(history(*doses), wanted, now_ns, rules)]


def warned(doses, wanted=WANTED, now_ns=NOW, rules=RULES):
    return [limit.id for limit in warnings(history(*doses), wanted, now_ns, rules)]
