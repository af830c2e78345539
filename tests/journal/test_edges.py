"""The journal's format and its edges: a pinned hash, counts and order of the replay, schemas that are not ours."""

import contextlib
import sqlite3
from datetime import UTC, datetime

import pytest

from pumpd.journal import Entry, Journal, JournalError, JournalReader, Record
from pumpd.journal.records import GENESIS, START, Anchor, canonical, chain
from pumpd.journal.replay import LEFT_BEHIND, Replay
from pumpd.journal.schema import VERSION
from tests.infusion.bench import S

from .recorded import written
from .test_replay import completed, entries_of, recorded

# -- the format --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-03")
def test_the_hash_of_an_entry_is_this_one(tmp_path):
    """From `sha256sum`, over 64 zeros and the fields with 0x1f between them. If it changes, no old journal verifies."""
    entry = Entry("started", {"b": 1, "a": "é"}, "bed1", "s-1", 42)
    [made] = written(tmp_path / "journal.sqlite3", [entry], at=datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC))
    assert made.hash == "10581de50dd0959bf74baebb055e688b92b0eb60808f9d049067d77de2e97fbb"
    assert made.chained_to(GENESIS) == made.hash
    assert chain("a", 1, "b") == "7ed6228c580e42c64ae285d3e99f98ae5dc8413168b92860a54e80d983dcda7c"


def test_the_anchor_before_the_first_entry_is_this_text():
    assert str(START) == "0:" + "0" * 64
    assert Anchor.parse(str(START)) == START
    assert Anchor.parse("9" * 18 + ":" + "f" * 64).seq == 10**18 - 1
    for wrong in (
        "",
        "1",
        f"{'9' * 19}:{'f' * 64}",
        f"1:{'f' * 63}",
        f"1:{'F' * 64}",
        f" 1:{'f' * 64}",
        f"1:{'f' * 64}\n",
    ):
        with pytest.raises(ValueError, match="is not an anchor"):
            Anchor.parse(wrong)


# -- the replay --------------------------------------------------------------------------------------------------------


def elsewhere(number: int, kind: str, body: str = "{}", session: str = "", boot: str = "boot-1") -> Record:
    return Record(number, "ts", 0, boot, "bed1", session, kind, body, "")


@pytest.mark.requirement("AUD-05")
def test_an_entry_without_an_infusion_is_neither_compared_nor_unrecorded():
    """The gateway's own alarms have the same kind, and their body is not the replay's business."""
    entries = entries_of(completed())
    number = len(entries)
    own = [elsewhere(number + place, kind) for place, kind in enumerate(sorted(LEFT_BEHIND), 1)]
    torn = elsewhere(number + 90, "alarm_raised", body="{")
    made = Replay([*entries, *own, torn])
    assert made.differences == []
    assert made.unrecorded == set()
    assert list(made.infusions) == ["s-1"]


@pytest.mark.requirement("AUD-05")
def test_an_infusion_counts_its_events_and_what_was_not_written():
    one = completed()
    entries = entries_of(one)
    made = Replay(entries).infusions["s-1"]
    assert made.events == sum(entry.kind == "happened" for entry in entries)
    assert made.unwritten == 0
    last = [entry for entry in entries if entry.kind == "happened"][-1]
    assert made.event_id == last.id
    assert made.event_ns == last.mono_ns


@pytest.mark.requirement("AUD-05")
def test_what_a_dead_process_owed_of_its_last_event_is_unwritten_and_of_an_earlier_one_missing():
    """Both at once: one entry of an earlier event is gone, and the process died before it wrote those of its last."""
    one = recorded().run()
    entries = entries_of(one)
    last = [entry for entry in entries if entry.kind == "happened"][-1]
    owed = [entry for entry in entries if entry.id > last.id and entry.kind in LEFT_BEHIND]
    ready = next(entry for entry in entries if entry.kind == "state_changed" and entry.fields["to"] == "ready")
    cut = [entry for entry in entries if entry.id <= last.id and entry is not ready]
    made = Replay(cut)
    assert [difference.replayed for difference in made.differences] == [canonical(ready.fields)]
    assert made.infusions["s-1"].unwritten == len(owed) > 0


@pytest.mark.requirement("AUD-05")
@pytest.mark.parametrize(("later_ns", "counts"), [(10 * S - 1, 0), (10 * S, 1)])
def test_a_process_that_lived_on_for_ten_seconds_would_have_written(later_ns, counts):
    entries = entries_of(completed())
    ended = next(entry for entry in entries if entry.kind == "infusion_ended")
    event = [entry for entry in entries if entry.kind == "happened" and entry.id < ended.id][-1]
    cut = [entry for entry in entries if entry.id < ended.id]
    alive = elsewhere(len(entries) + 1, "noted")._replace(mono_ns=event.mono_ns + later_ns)
    assert len(Replay([*cut, alive]).differences) == counts


@pytest.mark.requirement("AUD-05")
def test_differences_are_in_the_order_of_their_entries():
    """What is missing of an earlier event is found at the end, and is listed before what differed later."""
    entries = entries_of(completed())
    ready = next(entry for entry in entries if entry.kind == "state_changed" and entry.fields["to"] == "ready")
    reading = [entry for entry in entries if entry.kind == "reading"][-1]
    spoilt = [
        entry._replace(body=canonical(entry.fields | {"volume_infused_ml": "1"})) if entry is reading else entry
        for entry in entries
        if entry is not ready
    ]
    after = elsewhere(len(entries) + 1, "noted")._replace(mono_ns=entries[-1].mono_ns + 20 * S)
    found = [difference.entry for difference in Replay([*spoilt, after]).differences]
    assert len(found) > 1
    assert found == sorted(found)
    assert reading.id in found


@pytest.mark.requirement("AUD-05")
def test_a_session_that_begins_within_a_part_of_a_journal_is_only_unrecorded_where_it_left_entries():
    event = elsewhere(2, "happened", body=canonical({"event": "time_passed", "at_ns": 1}), session="s-9")
    alarm = elsewhere(3, "alarm_raised", session="s-8")
    bytes_of_the_line = elsewhere(4, "wire", session="s-7")
    part = Replay([event, alarm, bytes_of_the_line], whole=False)
    assert part.unrecorded == {"s-8", "s-9"}
    assert part.differences == []
    assert [difference.entry for difference in Replay([event]).differences] == [2]


# -- schemas -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "journal.sqlite3"
    written(file, [Entry("noted", {})])
    return file


def versioned(path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={version}")


@pytest.mark.parametrize("version", [VERSION + 1, -1, 2**31 - 1])
def test_a_journal_of_another_schema_is_neither_read_nor_continued(path, version):
    versioned(path, version)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="has schema"):
        JournalReader(path)
    with pytest.raises(JournalError, match="has schema"):
        Journal(path, "boot-2")
    assert path.read_bytes() == before


def test_a_file_that_has_no_schema_yet_can_be_read_and_holds_nothing(tmp_path):
    """A reader may open the file in the moment in which the writer has made it and not yet its table."""
    file = tmp_path / "new.sqlite3"
    versioned(file, 0)
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    with contextlib.closing(JournalReader(file)) as reader, pytest.raises(JournalError, match="no such table"):
        reader.after(0)
