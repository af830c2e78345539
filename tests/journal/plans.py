"""How SQLite carries out the queries of the journal, and which of them would take longer with a longer journal."""

import sqlite3
from functools import cache

from pumpd.journal.schema import TABLE, indexes


@cache
def _empty() -> sqlite3.Connection:
    """The journal has no statistics, so an empty one is searched by the same plan as a long one."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    for statement in (TABLE, *indexes({})):
        db.execute(statement)
    return db


@cache
def grows(sql: str) -> str:
    """The plan of a query whose cost grows with the journal; empty for one that finds what it wants by an index.

    The newest entries of all, up to a limit, are found without a condition and without an index.
    """
    if "FROM records" not in sql or ("WHERE" not in sql and "LIMIT" in sql):
        return ""
    plan = [row[3] for row in _empty().execute(f"EXPLAIN QUERY PLAN {sql}", ("1",) * sql.count("?"))]
    return "; ".join(plan) if any(step.startswith("SCAN") for step in plan) else ""
