"""A full disk, and a file that is read-only, torn or foreign: what the store reports, and what is left."""

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumpd.journal import Entry, Journal, JournalError, Record
from pumpd.journal.schema import VERSION

from .recorded import read, verify, written

BIG = Entry("noted", {"text": "x" * 3000})


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file can grow beyond this size: to SQLite this is a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(journal: Journal, kept: list[Record]) -> None:
    for _ in range(100):
        kept += journal.append([BIG] * 3)


@pytest.mark.requirement("PWR-11", "AUD-10")
@pytest.mark.parametrize("room", [0, 512, 5000, 50_000])
def test_a_full_disk_is_reported_nothing_is_half_written_and_writing_continues_when_there_is_room(path, room):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        kept = journal.append([BIG] * 3)
        wal = path.with_name(path.name + "-wal").stat().st_size
        with disk_of(wal + room), pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be written"):
            fill(journal, kept)
        assert read(path) == kept
        kept += journal.append([BIG])
    assert [entry.id for entry in kept] == list(range(1, len(kept) + 1))
    assert verify(path) == len(kept)
    assert read(path) == kept


@pytest.mark.requirement("PWR-11")
def test_a_journal_cannot_be_created_on_a_full_disk(path):
    with disk_of(0), pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be opened"):
        Journal(path, "boot-1")
    written(path, [BIG])  # what was left behind does no harm
    assert verify(path) == 1


@pytest.mark.requirement("PWR-11", "AUD-10")
def test_a_journal_that_becomes_read_only_is_reported_and_intact(path):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append([BIG])
        journal._db.execute("PRAGMA query_only=1")  # to SQLite the same as a file system gone read-only
        with pytest.raises(JournalError, match=r"cannot be written.*readonly"):
            journal.append([BIG])
        journal._db.execute("PRAGMA query_only=0")
        journal.append([BIG])
    assert verify(path) == 2


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("table", ["CREATE TABLE people (name TEXT)", "CREATE TABLE records (name TEXT)"])
def test_a_foreign_database_is_refused_and_left_alone(path, table):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(table)
    raw = path.read_bytes()
    with pytest.raises(JournalError, match="it is a database, but not a pumpd journal"):
        Journal(path, "boot-1")
    assert path.read_bytes() == raw


@pytest.mark.requirement("PWR-10")
def test_a_kill_while_the_journal_is_created_leaves_none_or_an_intact_one(path, monkeypatch):
    """The table and its version are written together: neither alone would later count as a journal."""
    made = []

    def watched(*given, **options):
        db = sqlite3.Connection(*given, **options)
        db.set_trace_callback(lambda statement: made.append((statement.strip().split("\n")[0], state(path))))
        return db

    def state(file: Path) -> tuple[int, int]:
        with contextlib.closing(sqlite3.connect(file)) as db:
            count = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]
            return count, db.execute("PRAGMA user_version").fetchone()[0]

    real = sqlite3.connect
    monkeypatch.setattr("pumpd.journal.store.sqlite3.connect", watched)
    monkeypatch.setattr(sqlite3, "connect", watched)
    try:
        # `state` needs a connection without a watcher
        monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: (watched if more else real)(*given, **more))
        Journal(path, "boot-1").close()
    finally:
        monkeypatch.undo()
    assert {seen for _, seen in made} == {(0, 0), (1, VERSION)}


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_torn_file_is_not_continued(path, share):
    written(path, [BIG] * 50)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        Journal(path, "boot-2").append([BIG])


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_torn_write_ahead_log_ends_at_a_whole_batch(path, share, tmp_path):
    copy = tmp_path / "copy.sqlite3"
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        for _ in range(10):
            entries = journal.append([BIG] * 2)
        raw = path.with_name(path.name + "-wal").read_bytes()
        copy.write_bytes(path.read_bytes())
    copy.with_name(copy.name + "-wal").write_bytes(raw[: int(len(raw) * share)])
    kept = written(copy, [BIG], boot="boot-2")[-1].id - 1
    assert kept % 2 == 0
    assert kept < entries[-1].id
    assert verify(copy) == kept + 1


def test_the_file_is_closed_even_when_the_power_fails_while_the_anchor_is_written(path, monkeypatch):
    class PowerCut(BaseException):
        """No handler of an error may catch it."""

    def fail(*_: object) -> None:
        raise PowerCut

    journal = Journal(path, "boot-1")
    journal.append([Entry("noted", {})])
    monkeypatch.setattr(journal.kept, "close", fail)
    with pytest.raises(PowerCut):
        journal.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        journal._db.execute("SELECT 1")
