"""Retention while control runs: in small steps, as files first, on a tight disk, and never in the way of a pump."""

import asyncio
import contextlib
import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumpd.control import retention as service
from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal import archive as module
from pumpd.journal.archive import archive
from pumpd.journal.retention import Retention, bounds, prune
from pumpd.journal.store import WAL_MOST, timestamp
from tests.control.testbed import BEDSIDE, open_testbed
from tests.journal.recorded import read, verify, written
from tests.journal.test_export import program
from tests.journal.test_failures import disk_of

pytestmark = pytest.mark.requirement("AUD-04")

NOW = datetime.now(UTC)
OLD = NOW - timedelta(hours=1001)


def readings(count: int, size: int = 100) -> list[Entry]:
    return [Entry("reading", {"number": number, "text": "x" * size}, "bed1", "") for number in range(count)]


# -- asked of control --------------------------------------------------------------------------------------------------


async def test_control_removes_what_is_old_in_small_steps_while_an_infusion_runs(tmp_path, monkeypatch):
    written(tmp_path / "journal.sqlite3", *[readings(1000)] * 12, at=OLD)
    monkeypatch.setattr(service, "FOR_S", 0.1)
    async with open_testbed(tmp_path) as here:
        await here.start()
        answers = []
        while not answers or not answers[-1]["done"]:
            answer = await here.ask(op="prune_journal", by="test")
            assert answer.ok, answer.reasons
            answers.append(answer.result)
        assert len(answers) > 1, "a request ends after a while, and the next one continues"
        assert sum(answer["removed"] for answer in answers) == 12_000
        assert here.state() == "running"
        await asyncio.sleep(5)
        assert verify(here.journal) == len(read(here.journal))
        assert "reading" in here.kinds(), "those of the infusion"
        assert (await here.ask(op="prune_journal")).result["removed"] == 0


async def test_nothing_after_what_was_exported_is_removed(tmp_path):
    written(tmp_path / "journal.sqlite3", readings(3000), at=OLD)
    async with open_testbed(tmp_path) as here:
        assert (await here.ask(op="prune_journal", last=1234)).result == {
            "removed": 1234,
            "before": here.entries()[-1].fields["before"],
            "done": True,
        }
        assert read(here.journal)[0].id == 1235


async def test_a_journal_that_does_not_fit_its_chain_is_not_pruned_beyond_that(tmp_path):
    path = tmp_path / "journal.sqlite3"
    written(path, readings(5000), at=OLD)
    with contextlib.closing(Journal(path, "boot")) as journal:
        journal._db.execute("UPDATE records SET body = '{}' WHERE id = 2500")
    async with open_testbed(tmp_path) as here:
        answer = await here.ask(op="prune_journal")
        assert not answer.ok
        assert "entry 2500" in answer.reasons[0]
        assert read(path)[0].id == 2001


async def test_less_than_the_catalogue_requires_is_refused_and_bedside_may_not_ask(tmp_path):
    async with open_testbed(tmp_path) as here:
        with pytest.raises(ValueError, match="hours"):
            await here.ask(op="prune_journal", hours=999)
        assert not (await here.ask_as(BEDSIDE, op="prune_journal")).ok


# -- room --------------------------------------------------------------------------------------------------------------


def test_pruning_needs_no_room_and_leaves_none_occupied_by_its_log(tmp_path):
    path = tmp_path / "journal.sqlite3"
    written(path, *[readings(500, 3000)] * 30, at=OLD)
    written(path, readings(1), at=NOW)
    size = path.stat().st_size
    assert size > 45_000_000
    with contextlib.closing(Journal(path, "prune")) as journal, disk_of(size):
        made, _ = prune(journal, NOW, Retention(), "test")
        assert made.count == 15_000
        wal = path.with_name(path.name + "-wal").stat().st_size
        assert wal <= 2 * WAL_MOST
        for _ in range(20):
            journal.append(readings(500, 3000))
        assert path.stat().st_size <= size, "the free space is used again"
    assert verify(path) == len(read(path))


@pytest.mark.requirement("PWR-11")
def test_a_reader_that_waits_does_not_let_the_log_grow(tmp_path):
    path = tmp_path / "journal.sqlite3"
    written(path, readings(5000))
    with contextlib.closing(Journal(path, "boot")) as journal, contextlib.closing(JournalReader(path)) as reader:
        waiting = reader.all()
        next(waiting)
        for _ in range(300):
            journal.append(readings(40, 1000))
        assert path.with_name(path.name + "-wal").stat().st_size <= 2 * WAL_MOST
        assert sum(1 for _ in waiting) == 4999 + 12_000


# -- files -------------------------------------------------------------------------------------------------------------


def archived(path: Path, folder: Path, most: int = 10**9):
    with contextlib.closing(JournalReader(path)) as reader:
        return archive(reader, folder, bounds(reader, NOW, Retention()).before, most)


def test_what_is_old_becomes_files_that_follow_each_other_and_that_anybody_can_verify(tmp_path):
    path, folder = tmp_path / "journal.sqlite3", tmp_path / "archive"
    first = written(path, readings(700), at=OLD)
    young = written(path, readings(1), at=NOW)
    made = archived(path, folder)
    assert (made.last, made.entries) == (700, 700)
    assert archived(path, folder).path is None, "nothing twice"
    with contextlib.closing(Journal(path, "prune")) as journal:
        prune(journal, NOW, Retention(), "test", made.last)
    assert read(path)[0] == young[0]
    content = gzip.decompress(made.path.read_bytes())
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert [line["hash"] for line in lines[1:-1]] == [entry.hash for entry in first]
    assert lines[-1] == {"anchor": f"700:{first[-1].hash}", "entries": 700}
    done = subprocess.run(
        [sys.executable, "-c", program()],
        input=content,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"700 entries, intact\n"), done.stderr


def test_an_entry_that_does_not_fit_is_in_no_file(tmp_path):
    path, folder = tmp_path / "journal.sqlite3", tmp_path / "archive"
    written(path, readings(700), at=OLD)
    written(path, readings(1), at=NOW)
    with contextlib.closing(Journal(path, "boot")) as journal:
        journal._db.execute("UPDATE records SET body = '{}' WHERE id = 250")
    with pytest.raises(JournalError, match="entry 250"):
        archived(path, folder)
    assert not list(folder.glob("*.gz"))


def test_a_file_that_was_not_written_as_it_should_be_has_no_name(tmp_path, monkeypatch):
    path, folder = tmp_path / "journal.sqlite3", tmp_path / "archive"
    written(path, readings(100), at=OLD)
    written(path, readings(1), at=NOW)
    plain = module.entry_line
    monkeypatch.setattr(module, "entry_line", lambda entry, previous: plain(entry, previous).replace("xxx", "xyx", 1))
    with pytest.raises(JournalError, match="is not what was written"):
        archived(path, folder)
    assert not list(folder.glob("*.gz"))


def test_the_oldest_files_are_deleted_for_room_and_never_the_newest(tmp_path):
    path, folder = tmp_path / "journal.sqlite3", tmp_path / "archive"
    for hour in range(3):
        written(path, readings(200), at=OLD + timedelta(hours=hour))
    for hour in range(3):
        with contextlib.closing(JournalReader(path)) as reader:
            archive(reader, folder, timestamp(OLD + timedelta(hours=hour, minutes=1)), 1)
        (left,) = folder.glob("*.gz")
        assert left.name == f"journal-{200 * hour + 1:012}-{200 * hour + 200:012}.jsonl.gz"


def test_a_full_disk_is_reported_and_nothing_is_removed(tmp_path):
    path, folder = tmp_path / "journal.sqlite3", tmp_path / "archive"
    written(path, readings(3000), at=OLD)
    written(path, readings(1), at=NOW)
    with disk_of(40_000), pytest.raises(JournalError, match=r"archive .*File too large; nothing was removed"):
        archived(path, folder)
    assert len(read(path)) == 3001
