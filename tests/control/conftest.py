"""Every query that control makes in any test here is looked at: none may read more the longer the journal is (PWR-16).

What a test itself asks does not count.
"""

import inspect
import sqlite3
from pathlib import Path

import pytest

from pumpd.journal import JournalReader
from pumpd.journal.store import Journal
from tests.journal.plans import grows

TESTS = str(Path(__file__).parents[1])
JOURNAL = str(Path(inspect.getfile(JournalReader)).parent)


def _asked_by_a_test() -> bool:
    """Whether the first caller outside the journal is a test."""
    frame = inspect.currentframe()
    while frame is not None and (frame.f_code.co_filename.startswith(JOURNAL) or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(TESTS)


@pytest.fixture(autouse=True)
def no_query_grows_with_the_journal(monkeypatch):
    asked: set[str] = set()
    rows = JournalReader._rows
    opened = Journal._open

    def noted(self, sql, *values):
        if not _asked_by_a_test():
            asked.add(sql)
        return rows(self, sql, *values)

    def traced(self):
        self._db.set_trace_callback(lambda sql: asked.add(sql) if sql.startswith("SELECT") else None)
        opened(self)

    monkeypatch.setattr(JournalReader, "_rows", noted)
    monkeypatch.setattr(Journal, "_open", traced)
    yield
    try:
        growing = {sql: plan for sql in asked.copy() if (plan := grows(sql))}
    except sqlite3.Error as error:
        pytest.fail(f"a query that cannot be explained: {error}")
    assert not growing
