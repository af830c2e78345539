"""What the journal keeps and for how long; removing the rest breaks neither the chain nor the dose history."""

import contextlib
import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd.dosing.history import Dose
from pumpd.journal import Anchor, BrokenChainError, Entry, Journal, JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.journal.records import GENESIS, PRUNED
from pumpd.journal.replay import Replay
from pumpd.journal.retention import FAULT, GAPS_AN_ENTRY, READINGS, Retention, prune
from pumpd.journal.store import timestamp
from pumpd.quantities import Mass

from .recorded import read, verify, written
from .test_doses import Recording, whole
from .test_replay import completed, recorded

pytestmark = pytest.mark.requirement("AUD-04")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = NOW - timedelta(hours=1001)
KEEP = Retention()


def few(events: int = 0, faults: int = 0) -> Retention:
    """Below the catalogue's values, so that a test does not need thousands of entries."""
    made = object.__new__(Retention)
    for name, value in (("everything", timedelta(hours=1000)), ("events", events), ("faults", faults)):
        object.__setattr__(made, name, value)
    return made


FEW = few()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


def pruned(path: Path, retention: Retention = FEW, now: datetime = NOW, reason: str = "retention"):
    with contextlib.closing(Journal(path, "boot-p")) as journal:
        return prune(journal, now, retention, reason)


def kinds(path: Path) -> Counter[str]:
    return Counter(entry.kind for entry in read(path))


def events(count: int, kind: str = "noted", session: str = "") -> list[Entry]:
    return [Entry(kind, {"number": number}, "bed1", session) for number in range(count)]


def infusion(session: str = "s-1", *, ended: bool = True) -> list[Entry]:
    """A finished infusion with its readings and events, after its order."""
    one = completed()
    entries = [entry for entry in one.entries if ended or entry.kind != "infusion_ended"]
    return [
        Entry("order_accepted", {"digest": "d"}, "bed1", session),
        *(each._replace(session=session) for each in entries),
    ]


# -- how long ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("less", [{"everything": timedelta(hours=999)}, {"events": 4999}, {"faults": 999}])
def test_keeping_less_than_the_catalogue_requires_is_refused(less):
    with pytest.raises(ValueError, match=r"AUD-04"):
        Retention(**less)
    Retention(timedelta(hours=1000), 5000, 1000)
    assert Retention().everything >= timedelta(days=30)
    assert Retention().everything >= timedelta(hours=96)


@pytest.mark.parametrize(("younger", "left"), [(timedelta(0), 10), (-timedelta(milliseconds=1), 0)])
def test_an_entry_is_removed_when_it_is_older_than_the_limit_and_not_before(path, younger, left):
    written(path, events(10), at=NOW - FEW.everything + younger)
    written(path, events(1), at=NOW)
    pruned(path)
    assert kinds(path)["noted"] == left + 1


def test_the_newest_events_and_faults_are_kept_however_old_they_are(path):
    many = [each for pair in zip(events(6000), events(6000, "alarm_raised"), strict=True) for each in pair]
    written(path, many, at=OLD)
    written(path, events(1, "reading"), at=NOW)
    made, _ = pruned(path, KEEP)
    left = kinds(path)
    assert made.count == 12_000 - left["noted"] - left["alarm_raised"]
    assert (left["noted"], left["alarm_raised"]) == (2500, 2500)  # the newest 5000 of both together
    written(path, events(5000), at=NOW)
    pruned(path, KEEP)
    assert kinds(path)["alarm_raised"] == 1000
    assert kinds(path)["noted"] == 5000


def test_readings_do_not_count_as_events(path):
    written(path, events(5000), events(9000, "reading"), at=OLD)
    written(path, events(1, "reading"), at=NOW)
    pruned(path, KEEP)
    assert kinds(path) == {"noted": 5000, "reading": 1, PRUNED: 9}  # one for each piece


# -- what an infusion leaves behind ------------------------------------------------------------------------------------


def test_the_readings_and_events_of_an_ended_infusion_are_removed_and_all_else_is_kept_for_ever(path):
    written(path, infusion(), at=OLD - timedelta(days=3000))
    before = kinds(path)
    written(path, events(1), at=NOW)
    pruned(path)
    gone = {"reading", "began", "happened"}
    assert min(before[kind] for kind in gone) > 0
    assert {kind: n for kind, n in kinds(path).items() if kind not in ("noted", PRUNED)} == {
        kind: n for kind, n in before.items() if kind not in gone
    }
    made = Replay(read(path))
    assert (made.differences, made.unrecorded) == ([], {"s-1"})


def test_an_infusion_without_an_end_keeps_every_entry(path):
    written(path, infusion("s-1", ended=False), infusion("s-2"), at=OLD)
    written(path, events(1), at=NOW)
    first = [entry for entry in read(path) if entry.session == "s-1"]
    pruned(path)
    assert [entry for entry in read(path) if entry.session == "s-1"] == first
    assert "reading" not in {entry.kind for entry in read(path) if entry.session == "s-2"}


@pytest.mark.requirement("PWR-13")
def test_the_dose_history_is_the_same_after_pruning(path):
    stories = [
        whole(),
        Recording().order(0).start(5).reading(20, "7"),
        Recording().order(0).start(5).end(9, "2"),
        Recording().order(0),
    ]
    for number, story in enumerate(stories):
        written(path, [Entry(entry.kind, entry.fields, entry.pump, f"s-{number}") for entry in story.entries], at=OLD)
    written(path, events(1), at=NOW)
    before = doses(path)
    assert [dose.given for dose in before] == [Mass(35), Mass(14), Mass(4)]
    made, _ = pruned(path)
    assert made.count == 2  # the readings of the complete infusion
    assert doses(path) == before


def doses(path: Path) -> tuple[Dose, ...]:
    found = Doses()
    found.take(read(path))
    return found.all()


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_in_the_past_makes_no_entry_old(path):
    written(path, events(1), at=NOW - timedelta(hours=1))
    written(path, events(5), at=datetime(1970, 1, 1, tzinfo=UTC))
    written(path, events(1), at=NOW)
    assert pruned(path)[0].count == 0


def test_a_clock_that_jumps_ahead_removes_nothing_at_once(path):
    written(path, events(5), at=NOW)
    made, entries = pruned(path, now=NOW + timedelta(days=3650))
    assert (made.count, entries) == (0, ())
    assert pruned(path, now=datetime(1970, 1, 1, tzinfo=UTC))[0].count == 0


@pytest.mark.requirement("PRG-19")
def test_the_record_of_accepted_libraries_is_kept_for_ever(path):
    written(path, [Entry("library_accepted", {"version": 5, "digest": "d"}), *events(20)], at=OLD)
    written(path, events(1), at=NOW)
    pruned(path)
    assert kinds(path) == {"library_accepted": 1, "pruned": 1, "noted": 1}


def test_an_empty_journal_has_nothing_to_remove(path):
    Journal(path, "boot-1").close()
    assert pruned(path)[0].count == 0
    assert read(path) == []


# -- the chain ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-03")
def test_the_chain_holds_across_gaps_and_an_entry_records_what_was_removed(path):
    old = written(path, events(4), at=OLD)
    written(path, infusion(), at=OLD)
    written(path, events(3), at=NOW)
    count, newest = verify(path), read(path)[-1]
    made, (record,) = pruned(path, reason="monthly")
    assert verify(path, Anchor(newest.id, newest.hash), Anchor(record.id, record.hash)) == count - made.count + 1
    assert record.kind == PRUNED
    assert record.fields["reason"] == "monthly"
    assert record.fields["before"] == timestamp(NOW - FEW.everything)
    assert record.fields["removed"][0] == [1, 4, old[-1].hash]
    with pytest.raises(BrokenChainError, match="entry 2 was removed by retention"):
        verify(path, Anchor(2, old[1].hash))
    assert verify(path, Anchor(4, old[3].hash))  # the last of a gap can be
    with pytest.raises(BrokenChainError, match="entry 4 is not the one"):
        verify(path, Anchor(4, GENESIS))


@pytest.mark.requirement("AUD-03")
def test_a_pruned_journal_still_shows_every_deletion_and_edit(path):
    written(path, events(4), infusion(), at=OLD)
    written(path, events(3), at=NOW)
    pruned(path)
    entries, raw = read(path), path.read_bytes()
    for entry in entries[:-1]:
        for statement in (
            f"DELETE FROM records WHERE id = {entry.id}",
            f"UPDATE records SET ts = '' WHERE id = {entry.id}",
        ):
            path.write_bytes(raw)
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute(statement)
            with pytest.raises(BrokenChainError):
                verify(path)


def test_pruning_again_and_again_joins_the_gaps(path):
    at = OLD - timedelta(days=300)
    for round_ in range(6):
        written(path, infusion(f"s-{round_}"), events(3), at=at + timedelta(days=50 * round_))
        pruned(path, now=at + timedelta(days=50 * round_))
        verify(path)
    written(path, events(1), at=NOW + timedelta(days=99))
    pruned(path, now=NOW + timedelta(days=99))
    verify(path)
    left = kinds(path)
    assert left["reading"] == left["happened"] == 0
    assert left["infusion_ended"] == 6
    assert left["noted"] == 1


@pytest.mark.parametrize("first", ["reading", "noted"])
@pytest.mark.parametrize("last", ["reading", "noted"])
def test_an_entry_between_gaps_that_is_removed_later_joins_the_gaps(path, first, last):
    """An entry that was among the newest, before, between or after gaps, becomes part of one."""
    middle = [*events(3, "reading"), *events(1), *events(3, "reading")]
    written(path, [Entry(first, {}), *middle, Entry(last, {})], at=OLD)
    written(path, events(1, "reading"), at=NOW)
    count = 1 + (first == "noted") + (last == "noted")
    assert pruned(path, few(events=count))[0].count == 9 - count
    assert verify(path) == count + 2
    made, _ = pruned(path)
    assert [(gap.first, gap.last) for gap in made.gaps] == [(1, 9)]
    assert verify(path) == 3


def test_many_gaps_are_recorded_in_several_entries(path):
    count = GAPS_AN_ENTRY * 2 + 3
    pairs = [each for _ in range(count) for each in (Entry("noted", {}), Entry("noted", {}, "bed1", "s-1"))]
    written(path, pairs, at=OLD)
    written(path, events(1), at=NOW)
    _, entries = pruned(path)
    assert [len(entry.fields["removed"]) for entry in entries] == [GAPS_AN_ENTRY, GAPS_AN_ENTRY, 3]
    assert verify(path) == count + 1 + 3


def test_a_broken_chain_is_not_pruned(path):
    written(path, events(2000), at=OLD)
    written(path, events(1500), at=NOW)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE records SET body = '{}' WHERE id = 7")
    with pytest.raises(BrokenChainError, match="entry 7"):
        pruned(path)
    assert len(read(path)) == 3500


def test_pruning_that_fails_half_way_removes_nothing(path):
    written(path, events(200), at=OLD)
    written(path, events(1), at=NOW)
    entries = read(path)
    with contextlib.closing(Journal(path, "boot-p")) as journal:
        journal._db.execute(
            "CREATE TEMP TRIGGER t BEFORE INSERT ON main.records BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(JournalError, match="full"):
            prune(journal, NOW, FEW, "retention")
        journal._db.execute("DROP TRIGGER t")
        assert read(path) == entries
        journal.append(events(1))
    assert verify(path) == 202


@pytest.mark.parametrize(
    "body", ['{"removed":[[1,2]]}', '{"removed":7}', "[]", "{", '{"removed":[["a",2,"h"]]}', "[" * 99999]
)
def test_a_damaged_record_of_removed_entries_is_a_broken_chain(path, body):
    written(path, events(4), at=OLD)
    written(path, events(1), at=NOW)
    pruned(path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE records SET body = ? WHERE kind = 'pruned'", (body,))
    with pytest.raises(BrokenChainError, match="pruned"):
        verify(path)
    with pytest.raises(BrokenChainError, match="pruned"):
        Journal(path, "boot-2")


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["reading", "noted", "alarm_raised", "infusion_ended", "order_accepted", "happened"]),
        st.sampled_from(["", "s-1", "s-2"]),
        st.integers(0, 40),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(
    ROWS,
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=4),
    st.sampled_from([1, 2, 7, 1000]),
)
def test_whatever_is_pruned_in_pieces_of_any_size_the_chain_holds_and_what_must_be_kept_is_kept(
    planned, prunings, size
):
    base = OLD - timedelta(days=60)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("pumpd.journal.retention.PIECE", size)
        path = Path(folder) / "journal.sqlite3"
        entries = [Entry(kind, {}, "", session, 0, base + timedelta(days=day)) for kind, session, day in planned]
        wanted = [
            entry for entry in written(path, entries) if entry.session and entry.kind not in ("reading", "happened")
        ]
        for day, least_events, least_faults in prunings:
            before = read(path)
            now = base + timedelta(days=day) + FEW.everything
            made, _ = pruned(path, few(least_events, least_faults), now)
            left = read(path)
            assert made.count == len([entry for entry in before if entry not in left])
            assert verify(path) == len(left)
            assert all(entry in left for entry in wanted)
            events_before = [entry for entry in before if entry.kind not in READINGS]
            faults_before = [entry for entry in before if entry.kind == FAULT]
            must_stay = [*events_before[::-1][:least_events], *faults_before[::-1][:least_faults]]
            assert all(entry in left for entry in must_stay)


def test_the_writers_check_of_the_newest_entries_works_across_gaps(path, monkeypatch):
    monkeypatch.setattr("pumpd.journal.store.TAIL", 5)
    written(path, events(1, session="s"), events(20), events(1, session="s"), at=OLD)
    written(path, events(1), at=NOW)
    pruned(path)
    written(path, events(1))
    assert verify(path) == 5


def test_an_unfinished_infusion_of_the_bench_has_no_end():
    assert "infusion_ended" not in {entry.kind for entry in recorded().entries}


def test_reading_continues_after_a_gap(path):
    written(path, events(9), at=OLD)
    written(path, events(1), at=NOW)
    pruned(path)
    with contextlib.closing(JournalReader(path)) as reader:
        assert [entry.id for entry in reader.after(3)] == [10, 11]
        assert reader.verify(since=11) == 1
        assert reader.verify(since=5) == 2
