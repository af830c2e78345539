"""After a rollback: what an older pumpd does with entries, fields and schemas that only a newer one knows (SEC-10)."""

import contextlib
import sqlite3

import pytest

from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal.fold import FoldError, folded
from pumpd.journal.replay import Replay
from pumpd.journal.store import VERSION
from tests.infusion.bench import infusion
from tests.journal.recorded import RecordedBench, read, verify, written
from tests.journal.test_doses import whole

pytestmark = pytest.mark.requirement("SEC-10", "PWR-10")

NEWER = Entry("known_only_to_a_newer_pumpd", {"volume_ml": "99", "delivered_ml": "99"}, "bed1", "s-1", 5)


def test_an_unknown_kind_changes_no_dose_and_no_replay_and_the_chain_is_kept(tmp_path):
    dose = whole().dose()
    assert whole().add(46, NEWER.kind, **NEWER.body).dose() == dose
    bench = RecordedBench(infusion())
    path = tmp_path / "journal.sqlite3"
    count = len(written(path, [*bench.entries, NEWER]))
    assert Replay(read(path)).differences == []
    with contextlib.closing(Journal(path, "boot-2")) as journal:
        journal.append([Entry("noted", {})])
    assert verify(path) == count + 1


def test_an_unknown_event_is_an_error_and_no_guess(tmp_path):
    bench = RecordedBench(infusion())
    event = Entry("happened", {"event": "KnownOnlyToANewerPumpd", "now_ns": 1}, "bed1", "s-1", 1)
    (entry,) = written(tmp_path / "journal.sqlite3", [event])
    with pytest.raises(FoldError, match="contains no event"):
        folded(bench.infusion, entry)


def test_a_newer_schema_is_refused_by_reader_and_writer_and_the_file_is_left_as_it_is(tmp_path):
    path = tmp_path / "journal.sqlite3"
    written(path, [NEWER])
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(JournalError, match=f"has schema {VERSION + 1}"):
        JournalReader(path)
    with pytest.raises(JournalError, match=f"has schema {VERSION + 1}"):
        Journal(path, "boot-2")
    assert path.read_bytes() == before
