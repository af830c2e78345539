"""The journal's table and indexes, and the conditions that use them.

Everything that control asks while a pump may flow, and everything that an order waits for, is found by an index: no
answer takes longer because the journal is long (PWR-16). SQLite uses an index on an expression only where a query
repeats the expression word for word, so the conditions are here too. `tests/journal/test_query_plans.py` checks the
plan of every query.
"""

from pumpd.journal.records import names_of

# 1: version 0.1, with older names in the same table. A pumpd that does not know today's names must refuse the file.
VERSION = 2
READABLE = (1, VERSION)
TABLE = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    ts TEXT NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    pump TEXT NOT NULL,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT
"""
SELECT = "SELECT id, ts, mono_ns, boot, pump, session, kind, body, hash FROM records"
# Few entries among many, found without reading the others.
RARE = (
    *("pruned", "began", "infusion_ended", "control_started", "library_accepted", "association_changed"),
    *("order_accepted", "program_loaded"),
    *("alarm_raised", "alarm_cleared", "alarm_acknowledged", "alarm_escalated"),
    *("alarm_audio_paused", "alarm_audio_resumed"),
    *("observation_started", "vitals_recorded", "observation_ended"),
)
IS_RARE = f"kind IN {RARE}"
# The many entries of an infusion; all others of it are few. `THIN = 0`: not one of these.
MANY = ("reading", "happened", "frame")
THIN = f"(kind IN {MANY})"
KEPT_OF_A_SESSION = f"{THIN} = 0 AND session <> ''"
# About one patient: orders and courses. The patient is NULL where the body cannot be read.
ABOUT_A_PATIENT = "kind IN ('order_accepted', 'course_ordered', 'course_assessed')"
PATIENT = (
    "CASE WHEN json_valid(body) THEN coalesce(json_extract(body, '$.program.prescription.patient'),"
    " json_extract(body, '$.patient')) END"
)
_INDEXES = {
    "few_kinds": f"(kind, id) WHERE {IS_RARE}",
    "few_kinds_of_a_pump": f"(pump, kind, id) WHERE {IS_RARE}",
    "sessions": f"(session, {THIN}, id)",
    "patients": f"({PATIENT} COLLATE NOCASE, id) WHERE {ABOUT_A_PATIENT}",
    "times": f"(ts) WHERE {KEPT_OF_A_SESSION}",
}
_OF_OLDER_VERSIONS = ("rare", "rare_kinds")


def indexes(present: dict[str, str]) -> list[str]:
    """The statements that give a journal today's indexes. `present`: name and definition of those that it has."""
    wanted = {name: f"CREATE INDEX {name} ON records {columns}" for name, columns in _INDEXES.items()}
    old = [name for name in present if name in (*wanted, *_OF_OLDER_VERSIONS) and present[name] != wanted.get(name)]
    return [
        *(f"DROP INDEX {name}" for name in old),
        *(statement for name, statement in wanted.items() if present.get(name) != statement),
    ]


def of_kind(kind: str) -> tuple[str, tuple[str, ...]]:
    """The condition for a kind under all its names, and the values for its placeholders."""
    names = names_of(kind)
    where = f"kind IN ({', '.join('?' * len(names))})" if len(names) > 1 else "kind = ?"
    return (f"{where} AND {IS_RARE}" if kind in RARE else where), names
