"""Every query that control makes in any test here is looked at: none may read more the longer the journal is (PWR-16).

A test that reads the journal itself reads all of it, in pieces by number.
"""

import sqlite3

import pytest

from pumpd.journal import JournalReader
from pumpd.journal.store import Journal
from tests.journal.plans import grows


@pytest.fixture(autouse=True)
def no_query_grows_with_the_journal(monkeypatch):
    asked: set[str] = set()
    rows = JournalReader._rows
    opened = Journal._open

    def noted(self, sql, *values):
        asked.add(sql)
        return rows(self, sql, *values)

    def traced(self):
        self._db.set_trace_callback(lambda sql: asked.add(sql) if sql.startswith("SELECT") else None)
        opened(self)

    monkeypatch.setattr(JournalReader, "_rows", noted)
    monkeypatch.setattr(Journal, "_open", traced)
    yield
    try:
        growing = {sql: plan for sql in asked if (plan := grows(sql))}
    except sqlite3.Error as error:
        pytest.fail(f"a query that cannot be explained: {error}")
    assert not growing
