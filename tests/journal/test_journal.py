"""The journal: durable, in order, chained, never disturbed by a reader; errors are JournalErrors that name the file."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal.records import GENESIS, Record, canonical
from pumpd.journal.schema import RARE, indexes, of_kind

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def note(number: int, **more) -> Entry:
    return Entry("noted", {"number": number}, "bed1", "session-1", number * 1000, **more)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def five(path) -> Path:
    """A closed journal with five entries."""
    journal = Journal(path, "boot-1")
    journal.append([note(number) for number in range(1, 6)])
    journal.close()
    return path


def read(path: Path, after: int = 0) -> list[Record]:
    reader = JournalReader(path)
    try:
        return reader.after(after)
    finally:
        reader.close()


def verify(path: Path) -> int:
    reader = JournalReader(path)
    try:
        return reader.verify()
    finally:
        reader.close()


def tamper(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


# -- rare entries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RARE)
def test_few_entries_among_many_are_found_by_an_index_even_in_a_journal_of_an_older_pumpd(five, kind):
    tamper(five, "DROP INDEX few_kinds", "CREATE INDEX rare ON records (kind, id) WHERE kind IN ('pruned', 'began')")
    Journal(five, "boot-2").close()
    where, values = of_kind(kind)
    with contextlib.closing(sqlite3.connect(five)) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN SELECT * FROM records WHERE {where}", values).fetchall()
        present = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
    assert "few_kinds" in str(plan)
    assert "rare" not in present
    assert indexes(present) == []


# -- writing and reading -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-02")
def test_an_entry_states_what_when_and_in_which_boot(path):
    journal = Journal(path, "boot-1")
    written = journal.append([Entry("started", {"b": 1, "a": "é"}, "bed1", "s-1", 42)], NOON)
    journal.close()
    assert read(path) == written
    assert written[0] == Record(
        1,
        "2026-03-01T12:00:00.123+00:00",
        42,
        "boot-1",
        "bed1",
        "s-1",
        "started",
        '{"a":"é","b":1}',
        written[0].chained_to(GENESIS),
    )
    assert written[0].fields == {"a": "é", "b": 1}


def test_wall_time_is_written_as_utc(path):
    journal = Journal(path, "boot-1")
    entry = journal.append([note(1)], NOON.astimezone(timezone(timedelta(hours=5))))[0]
    journal.close()
    assert entry.ts == "2026-03-01T12:00:00.123+00:00"


def test_the_chain_continues_across_boots(five):
    journal = Journal(five, "boot-2")
    entry = journal.append([note(6)])[0]
    journal.close()
    assert entry.id == 6
    assert entry.boot == "boot-2"
    assert verify(five) == 6


def test_entries_are_read_in_order_by_cursor_and_from_the_end(five):
    reader = JournalReader(five)
    assert [entry.id for entry in reader.after(2)] == [3, 4, 5]
    assert [entry.id for entry in reader.after(2, limit=2)] == [3, 4]
    assert reader.after(5) == []
    assert [entry.id for entry in reader.last(2)] == [4, 5]
    assert reader.verify() == 5
    reader.close()


def test_an_empty_journal_is_intact(path):
    Journal(path, "boot-1").close()
    assert verify(path) == 0
    assert read(path) == []


def test_a_batch_is_written_whole_or_not_at_all(five):
    journal = Journal(five, "boot-2")
    with pytest.raises(TypeError):
        journal.append([note(6), Entry("noted", {"number": object()})])
    with pytest.raises((JournalError, OverflowError)):
        journal.append([note(6), Entry("noted", {}, mono_ns=2**70)])
    assert [entry.id for entry in journal.append([note(6)])] == [6]
    journal.close()
    assert verify(five) == 6


@pytest.mark.requirement("PWR-01")
def test_every_append_is_on_the_disk_when_it_returns(path):
    journal = Journal(path, "boot-1")
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    journal.append([note(1)])
    assert len(read(path)) == 1
    journal.close()


def test_a_reader_sees_whole_batches_while_the_writer_writes_and_never_blocks_it(path):
    journal = Journal(path, "boot-1")
    reader = JournalReader(path)
    for batch in range(20):
        entries = reader._records("SELECT * FROM records ORDER BY id")  # a read transaction that stays open
        first = next(entries, None)
        journal.append([note(number) for number in range(10)])
        assert (first is None) == (batch == 0)
        assert sum(1 for _ in entries) == max(0, batch * 10 - 1)  # as it was when the read transaction began
        assert len(reader.after(0)) == (batch + 1) * 10
    assert reader.verify() == 200
    reader.close()
    journal.close()


def test_a_reader_cannot_write(five):
    reader = JournalReader(five)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("DELETE FROM records")
    reader.close()


def test_equal_bodies_have_the_same_text():
    assert canonical({"b": [1, None], "a": "µ"}) == canonical({"a": "µ", "b": [1, None]})
    assert canonical({"b": [1, None], "a": "µ"}) == '{"a":"µ","b":[1,null]}'


# -- tampering ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-03")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ts", "'2020-01-01T00:00:00.000+00:00'"),
        ("mono_ns", "1"),
        ("boot", "'boot-2'"),
        ("pump", "'bed2'"),
        ("session", "'session-2'"),
        ("kind", "'nothing'"),
        ("body", "'{}'"),
        ("hash", f"'{'0' * 64}'"),
    ],
)
def test_an_edited_entry_is_found_and_named(five, column, value):
    tamper(five, f"UPDATE records SET {column} = {value} WHERE id = 3")
    with pytest.raises(JournalError, match=r"entry 3 \(\w+\) does not fit the hash chain"):
        verify(five)


@pytest.mark.requirement("AUD-03")
def test_an_edited_entry_with_a_recomputed_hash_shows_at_the_next_entry(five):
    entry = read(five)[2]
    forged = Record(
        entry.id, entry.ts, entry.mono_ns, entry.boot, entry.pump, entry.session, entry.kind, '{"number":33}', ""
    )
    hashed = forged.chained_to(read(five)[1].hash)
    tamper(five, f"UPDATE records SET body = '{forged.body}', hash = '{hashed}' WHERE id = 3")
    with pytest.raises(JournalError, match=r"entry 4 \(noted\) does not fit"):
        verify(five)


@pytest.mark.requirement("AUD-03")
@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_deleted_entry_is_found_and_named(five, number):
    tamper(five, f"DELETE FROM records WHERE id = {number}")
    with pytest.raises(JournalError, match=f"entry {number} is missing"):
        verify(five)


@pytest.mark.requirement("AUD-03")
def test_a_deleted_entry_is_found_when_the_others_were_renumbered(five):
    tamper(
        five,
        "DELETE FROM records WHERE id = 3",
        "UPDATE records SET id = 3 WHERE id = 4",
        "UPDATE records SET id = 4 WHERE id = 5",
    )
    with pytest.raises(JournalError, match=r"entry 3 \(noted\) does not fit"):
        verify(five)


@pytest.mark.requirement("AUD-03")
def test_reordered_entries_are_found_and_named(five):
    tamper(
        five,
        "UPDATE records SET id = 99 WHERE id = 2",
        "UPDATE records SET id = 2 WHERE id = 4",
        "UPDATE records SET id = 4 WHERE id = 99",
    )
    with pytest.raises(JournalError, match=r"entry 2 \(noted\) does not fit"):
        verify(five)


@pytest.mark.requirement("AUD-03")
def test_an_inserted_entry_is_found(five):
    tamper(five, "INSERT INTO records VALUES (6, 'ts', 0, 'b', '', '', 'k', '{}', 'hash')")
    with pytest.raises(JournalError, match=r"entry 6 \(k\) does not fit"):
        verify(five)


def test_entries_cut_off_the_end_show_in_the_count(five):
    # The chain alone cannot show it: an earlier count (an export, a cursor) must be compared.
    tamper(five, "DELETE FROM records WHERE id >= 4")
    assert verify(five) == 3


# -- files that are not an intact journal ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Journal, JournalReader])
def test_a_journal_of_another_version_is_refused(five, kind):
    tamper(five, "PRAGMA user_version=99")
    if kind is Journal:
        with pytest.raises(JournalError, match="schema 99, this pumpd writes 2"):
            Journal(five, "boot-2")
    else:
        with pytest.raises(JournalError, match="schema 99"):
            verify(five)


def test_a_database_that_is_not_a_journal_is_refused(path):
    tamper(path, "CREATE TABLE records (name TEXT)")
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        Journal(path, "boot-1")
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        verify(path)


def test_a_missing_file_is_named_and_not_created_by_a_reader(path):
    with pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be read"):
        JournalReader(path)
    assert not path.exists()


def test_a_name_with_url_characters_is_only_a_name(tmp_path):
    odd = tmp_path / "a?mode=rw&b#c%41"
    odd.mkdir()
    Journal(odd / "journal.sqlite3", "boot-1").close()
    assert verify(odd / "journal.sqlite3") == 0


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be read as one" * 40])
def test_a_file_that_is_not_a_database_is_a_journal_error_for_a_reader(path, content):
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        verify(path)


def test_a_file_that_is_not_a_database_is_a_journal_error_for_the_writer(path):
    path.write_bytes(b"not a database, but long enough to be read as one" * 40)
    with pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be opened"):
        Journal(path, "boot-1")


@pytest.mark.requirement("AUD-03")
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_found(path, share):
    journal = Journal(path, "boot-1")
    journal.append([note(number) for number in range(500)])
    journal.close()
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        verify(path)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_damaged_bytes_are_a_journal_error(path, place):
    journal = Journal(path, "boot-1")
    journal.append([note(number) for number in range(500)])
    journal.close()
    raw = bytearray(path.read_bytes())
    at = int(len(raw) * place)
    raw[at : at + 4096] = b"\xa5" * 4096
    path.write_bytes(raw)
    with pytest.raises(JournalError, match=r"journal\.sqlite3"):
        verify(path)


def test_a_file_that_may_not_be_written_is_a_journal_error(five, monkeypatch):
    connect = sqlite3.connect

    def read_only(file, **options):
        if "uri" in options:
            return connect(file, **options)
        return connect(f"file:{file}?mode=ro", uri=True, **options)  # permissions do not stop a privileged user

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with (
        pytest.raises(JournalError, match=r"journal\.sqlite3 cannot be (opened|written).*readonly"),
        contextlib.closing(Journal(five, "boot-2")) as journal,
    ):
        journal.append([note(6)])
    monkeypatch.undo()
    assert verify(five) == 5


def test_a_missing_folder_is_a_journal_error(tmp_path):
    with pytest.raises(JournalError, match=r"missing/journal\.sqlite3 cannot be opened"):
        Journal(tmp_path / "missing" / "journal.sqlite3", "boot-1")


def test_a_write_that_fails_half_way_leaves_the_chain_intact(five):
    journal = Journal(five, "boot-2")
    journal._db.execute("PRAGMA max_page_count=1")
    with pytest.raises(JournalError, match="full"):
        journal.append([Entry("noted", {"text": "x" * 5000}) for _ in range(200)])
    journal._db.execute("PRAGMA max_page_count=100000")
    journal.append([note(6)])
    journal.close()
    assert verify(five) == 6


def test_a_journal_locked_by_another_writer_is_a_journal_error(five):
    journal = Journal(five, "boot-2")
    journal._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(five, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        journal.append([note(6)])
    other.execute("ROLLBACK")
    other.close()
    journal.append([note(6)])
    journal.close()
    assert verify(five) == 6
