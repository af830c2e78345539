"""Instants of another boot of the machine, moved to this one: as if it had been off as long, or as short, as possible.

The last event was written 5,000 s into its boot, at 09:00; the last entry of that process 40 s later. This boot is
100 s old. An instant is moved by: now - (time since the entry) - (the entry's own instant).
"""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pumpd.control.infusions import recovery
from pumpd.control.infusions.recovery import Moved, moved_by
from pumpd.journal import Record
from pumpd.quantities import NS_PER_S

NINE = datetime(2026, 3, 30, 9, tzinfo=UTC)
NOW_S, EVENT_S, LAST_S = 100, 5_000, 5_040
HOUR_S, DAY_S = 3_600, 86_400


def entry(at_s):
    return Record(1, NINE.isoformat(), at_s * NS_PER_S, "a process", "bed1", "s", "happened", "{}", "")


def moved_in_s(monkeypatch, gone, *, known, scale=1, here="this boot", wrote="that boot"):
    monkeypatch.setattr(recovery, "machine_boot", lambda: here)
    start = None if wrote is None else SimpleNamespace(fields={"machine_boot": wrote})
    reader = SimpleNamespace(start_of={"a process": start}.get, last_of_process={entry(EVENT_S): entry(LAST_S)}.get)
    clock = SimpleNamespace(monotonic_ns=lambda: NOW_S * NS_PER_S, now=lambda: NINE + gone, scale=scale)
    moved = moved_by(reader, entry(EVENT_S), clock, time_known=known)
    return moved.longest / NS_PER_S, moved.shortest / NS_PER_S, moved.known


@pytest.mark.requirement("PWR-12", "PWR-13")
@pytest.mark.parametrize("known", [True, False])
def test_instants_of_the_same_boot_are_not_moved(monkeypatch, known):
    assert moved_in_s(monkeypatch, timedelta(hours=1), known=known, wrote="this boot") == (0, 0, True)


@pytest.mark.requirement("PWR-12", "PWR-13")
@pytest.mark.parametrize(("gone_s", "scale"), [(HOUR_S, 1), (HOUR_S, 60), (0, 1)])
def test_a_clock_that_is_right_shows_how_long_the_machine_was_off(monkeypatch, gone_s, scale):
    by_s = NOW_S - gone_s * scale - EVENT_S
    found = moved_in_s(monkeypatch, timedelta(seconds=gone_s), known=True, scale=scale)
    assert found == (by_s, by_s, True)


@pytest.mark.requirement("PWR-12", "PWR-13")
@pytest.mark.parametrize("wrote", [None, ""])
def test_a_process_that_did_not_say_which_boot_it_had_counts_as_of_another_one(monkeypatch, wrote):
    by_s = NOW_S - HOUR_S - EVENT_S
    assert moved_in_s(monkeypatch, timedelta(hours=1), known=True, here="", wrote=wrote) == (by_s, by_s, True)


@pytest.mark.requirement("PWR-12", "PWR-13")
@pytest.mark.parametrize(
    ("gone", "known"), [(timedelta(hours=1), False), (timedelta(0), False), (timedelta(microseconds=-1), True)]
)
def test_otherwise_it_was_off_for_a_day_or_not_at_all(monkeypatch, gone, known):
    """A day is longer than every window. Not at all: from the last entry of that process, not from the event."""
    assert moved_in_s(monkeypatch, gone, known=known) == (NOW_S - DAY_S - EVENT_S, NOW_S - LAST_S, False)


def test_the_time_off_is_known_when_the_longest_is_the_shortest():
    assert Moved(1, 1).known
    assert not Moved(1, 2).known
    assert not Moved(2, 1).known
