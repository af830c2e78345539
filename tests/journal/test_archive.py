"""Old entries as files, before retention removes them: what is written, how it follows on, and what is deleted."""

import contextlib
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal import archive as module
from pumpd.journal.archive import Archived, archive
from pumpd.journal.store import timestamp

from .recorded import read, written

pytestmark = pytest.mark.requirement("AUD-04")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MUCH = 10**9


@pytest.fixture
def journal(tmp_path):
    """Two entries an hour old, and three of now."""
    path = tmp_path / "journal.sqlite3"
    written(path, [Entry("noted", {"number": number}) for number in (1, 2)], at=NOW - timedelta(hours=1))
    written(path, [Entry("noted", {"number": number}) for number in (3, 4, 5)], at=NOW)
    return path


def archived(journal, folder, before, most_bytes=MUCH):
    with contextlib.closing(JournalReader(journal)) as reader:
        return archive(reader, folder, timestamp(before), most_bytes)


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as text:
        return [json.loads(each) for each in text]


def test_what_is_older_is_written_and_the_next_file_follows_on(journal, tmp_path):
    folder = tmp_path / "a" / "archive"
    entries = read(journal)
    old = [each.id for each in entries if each.ts < timestamp(NOW)]
    first = archived(journal, folder, NOW)
    assert (first.last, first.entries) == (old[-1], len(old))
    assert first.path == folder / f"journal-{old[0]:012}-{old[-1]:012}.jsonl.gz"
    found = lines(first.path)
    assert [each["id"] for each in found if "previous" in each] == old
    assert found[-1]["entries"] == len(old)
    assert found[-1]["anchor"].endswith(entries[len(old) - 1].hash)
    assert archived(journal, folder, NOW) == Archived(old[-1])
    rest = archived(journal, folder, NOW + timedelta(seconds=1))
    assert [each["id"] for each in lines(rest.path) if "previous" in each] == [
        each.id for each in entries if each.id > old[-1]
    ]
    assert rest.last == entries[-1].id
    assert sorted(path.name for path in folder.iterdir()) == [first.path.name, rest.path.name]


def test_nothing_old_makes_no_file(journal, tmp_path):
    assert archived(journal, tmp_path / "archive", NOW - timedelta(days=1)) == Archived(0)
    assert list((tmp_path / "archive").iterdir()) == []


def test_other_files_of_the_folder_neither_count_nor_are_deleted(journal, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    others = ("notes.txt", "journal-000000000001-000000000099.jsonl.gz.bak", "journal-1-99.jsonl.gz")
    for name in others:
        (folder / name).write_bytes(b"x" * 1000)
    first = archived(journal, folder, NOW)
    assert first.entries >= 2
    archived(journal, folder, NOW + timedelta(seconds=1), most_bytes=1)
    assert all((folder / name).exists() for name in others)
    assert not first.path.exists()


def test_the_oldest_files_make_room_and_never_the_one_just_written(journal, tmp_path):
    folder = tmp_path / "archive"
    first = archived(journal, folder, NOW, most_bytes=1)
    assert first.path.exists()
    second = archived(journal, folder, NOW + timedelta(seconds=1))
    together = first.path.stat().st_size + second.path.stat().st_size
    module._make_room(folder, together)
    assert first.path.exists()
    module._make_room(folder, together - 1)
    assert not first.path.exists()
    assert second.path.exists()


def test_a_file_that_is_not_what_was_to_be_written_gets_no_name(journal, tmp_path, monkeypatch):
    real = module._write

    def damaged(reader, path, after, before):
        found = real(reader, path, after, before)
        text = gzip.decompress(path.read_bytes()).replace(b"noted", b"voted")
        path.write_bytes(gzip.compress(text))
        return found

    monkeypatch.setattr(module, "_write", damaged)
    with pytest.raises(JournalError):
        archived(journal, tmp_path / "archive", NOW)
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["new.part"]


@pytest.mark.parametrize("count", [-1, 1])
def test_a_file_with_another_number_of_entries_gets_no_name(journal, tmp_path, monkeypatch, count):
    real = module._verify
    monkeypatch.setattr(module, "_verify", lambda path, entries, newest: real(path, entries + count, newest))
    with pytest.raises(JournalError, match="entries up to"):
        archived(journal, tmp_path / "archive", NOW)


def test_a_disk_that_refuses_is_told_with_what_was_kept(journal, tmp_path):
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(JournalError, match="nothing was removed from the journal"):
        archived(journal, tmp_path / "archive", NOW)
