"""Every question to the journal is answered by an index (PWR-16). `tests/control/conftest.py` watches control's."""

import contextlib
import inspect
from pathlib import Path

import pytest

from pumpd.journal import Journal, JournalReader, Record
from pumpd.journal.schema import RARE, SELECT

from .plans import grows

pytestmark = pytest.mark.requirement("PWR-16")

ARGUMENTS = {
    "after": (5,),
    "at_most": (5,),
    "last": (10, "began"),
    "newest": ("began", "bed1"),
    "start_of": ("boot-1",),
    "last_of_process": (Record(5, "ts", 0, "boot-1", "bed1", "s-1", "began", "{}", ""),),
    "kept_of": ("s-1",),
    "events_of": ("s-1",),
    "last_reading": ("s-1",),
    "about": ("P-1",),
    "about_nobody": (),
    "sessions_dated_after": ("2026",),
    "around": (5, "order_accepted", 3),
    "newest_events": (5000,),
    "newest_of": ("alarm_raised", 1000),
    "has_ended": ("s-1",),
    "since": (1,),
    "all": (),
}
OTHERS = {"close", "gaps", "verify"}  # `gaps` reads what retention recorded; `verify` reads everything


@pytest.mark.parametrize("method", ARGUMENTS)
def test_a_reader_finds_what_is_asked_for_by_an_index(tmp_path, monkeypatch, method):
    path, asked = tmp_path / "journal.sqlite3", []
    Journal(path, "boot-1").close()
    rows = JournalReader._rows

    def noted(self, sql, *values):
        asked.append(sql)
        return rows(self, sql, *values)

    monkeypatch.setattr(JournalReader, "_rows", noted)
    with contextlib.closing(JournalReader(path)) as reader:
        found = getattr(reader, method)(*ARGUMENTS[method])
        if inspect.isgenerator(found) or hasattr(found, "__next__"):
            list(found)
    assert asked
    assert {sql: grows(sql) for sql in asked if grows(sql)} == {}


def test_every_question_of_the_reader_is_here():
    public = {name for name, _ in inspect.getmembers(JournalReader, inspect.isfunction) if not name.startswith("_")}
    assert public == set(ARGUMENTS) | OTHERS


@pytest.mark.parametrize("kind", RARE)
def test_the_newest_entry_of_a_kind_of_a_pump_is_found_by_an_index_under_all_its_names(kind):
    from pumpd.journal.schema import of_kind

    where, _ = of_kind(kind)
    assert grows(f"{SELECT} WHERE {where} AND pump = ? AND id < ? ORDER BY id DESC LIMIT 1") == ""


def test_a_question_without_an_index_is_noticed():
    assert "SCAN records" in grows(f"{SELECT} WHERE boot = ?")
    assert "SCAN records" in grows(f"{SELECT} ORDER BY id")
    assert grows(f"{SELECT} ORDER BY id DESC LIMIT 5") == ""


def test_no_other_module_asks_the_journal_in_sql():
    folder = Path(__file__).parents[2] / "pumpd"
    asking = {path.name for path in folder.rglob("*.py") if "FROM records" in path.read_text()}
    assert asking == {"schema.py", "reader.py", "chain.py", "index_check.py", "store.py"}
