"""A stranger can verify the export with the twenty lines on the documentation page, unless it was changed."""

import contextlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumpd.journal import Entry, JournalReader
from pumpd.journal.export import Filter, export
from tests.patience import PATIENCE_S

from .recorded import read, written
from .test_retention import NOW, OLD, events, infusion, pruned

pytestmark = pytest.mark.requirement("AUD-03")

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "journal.md"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


def lines(path: Path, **wanted) -> list[str]:
    with contextlib.closing(JournalReader(path)) as reader:
        return list(export(reader, Filter(**wanted)))


def program() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return code


def stranger(exported: list[str], *anchors: str) -> str:
    """What the page's verifier prints."""
    text = "\n".join(exported) + "\n"
    command = [sys.executable, "-I", "-c", program(), *anchors]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=PATIENCE_S)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert (done.returncode == 0) == (not done.stderr)
    return (done.stdout + done.stderr).decode().strip()


def test_a_line_is_an_entry_with_the_text_that_was_hashed_and_the_previous_hash(path):
    entries = written(path, [Entry("noted", {"b": 1, "a": "é\u2028"}, "bed1", "s-1", 7)] * 2, at=NOW)
    head, first, second, foot = map(json.loads, lines(path))
    assert head == {"pumpd_journal": 2, "filter": {}}
    assert first == {
        "previous": "0" * 64, "id": 1, "ts": "2026-03-01T12:00:00.000+00:00", "mono_ns": 7, "boot": "boot-1",
        "pump": "bed1", "session": "s-1", "kind": "noted", "body": '{"a":"é\u2028","b":1}', "hash": entries[0].hash,
    }  # fmt: skip
    assert second["previous"] == entries[0].hash
    assert foot == {"anchor": f"2:{entries[1].hash}", "entries": 2}


def test_the_verifier_is_about_twenty_lines():
    assert len(program().splitlines()) <= 26


@pytest.mark.realtime
def test_a_stranger_finds_a_whole_export_intact_even_after_pruning(path):
    written(path, events(20), infusion(), [Entry("noted", {"name": "Zoë \x1f \n"})], at=OLD)
    written(path, events(5), at=NOW)
    count, old = len(read(path)), read(path)[-1]
    assert stranger(lines(path), f"{old.id}:{old.hash}") == f"{count} entries, intact"
    made, _ = pruned(path)
    assert stranger(lines(path), f"{old.id}:{old.hash}") == f"{count - made.count + 1} entries, intact"
    assert "is not there" in stranger(lines(path), f"{old.id + 9}:{old.hash}")


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            lambda exported: [*exported[:4], exported[4].replace("number", "member"), *exported[5:]],
            "entry 4 is not what was written",
        ),
        (lambda exported: [*exported[:4], *exported[5:]], "entry 4 is missing"),
        (lambda exported: [*exported[:4], exported[5], exported[4], *exported[6:]], "entry 4 is missing"),
        (lambda exported: [*exported[:-2], exported[-1]], "entries are missing"),
        (lambda exported: exported[:-1], "entries are missing"),
        (lambda exported: [exported[0], *exported[3:]], "entry 1 is missing"),
    ],
)
def test_a_stranger_finds_an_export_that_was_changed(path, change, finding):
    written(path, events(9))
    assert stranger(lines(path)) == "9 entries, intact"
    assert finding in stranger(change(lines(path)))


@pytest.mark.realtime
def test_a_stranger_finds_a_deletion_that_the_export_itself_shows(path):
    import sqlite3

    written(path, events(9))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM records WHERE id = 4")
    assert "entry 4 is missing" in stranger(lines(path))


def some(path: Path) -> list[int]:
    for hour in range(6):
        pump, session = ("bed1", "s-1") if hour % 2 else ("bed2", "s-2")
        written(path, [Entry("noted", {}, pump, session)], at=NOW + timedelta(hours=hour))
    return [entry.id for entry in read(path)]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"pump": "bed1"}, [2, 4, 6]),
        ({"session": "s-2"}, [1, 3, 5]),
        ({"since": NOW + timedelta(hours=2)}, [3, 4, 5, 6]),
        ({"until": NOW + timedelta(hours=2)}, [1, 2]),
        ({"since": NOW + timedelta(hours=1), "until": NOW + timedelta(hours=4), "pump": "bed1"}, [2, 4]),
        ({"pump": "bed9"}, []),
    ],
)
def test_filters_select_entries_and_the_head_states_the_filters(path, wanted, left):
    some(path)
    head, *entries, foot = map(json.loads, lines(path, **wanted))
    assert [entry["id"] for entry in entries] == left
    assert head["filter"].keys() == wanted.keys()
    assert foot["entries"] == len(left)
    assert foot["anchor"].startswith("6:")


def test_a_time_in_another_zone_is_the_same_time(path):
    from datetime import timezone

    some(path)
    zone = timezone(timedelta(hours=5))
    at = datetime(2026, 3, 1, 19, tzinfo=zone)
    assert at == datetime(2026, 3, 1, 14, tzinfo=UTC)
    assert len(lines(path, since=at)) == 2 + 4


@pytest.mark.realtime
def test_each_entry_of_a_part_can_be_verified_by_itself(path):
    some(path)
    exported = lines(path, pump="bed1")
    assert stranger(exported) == "3 entries, intact"
    assert "entry 4 is not what was written" in stranger(
        [exported[0], exported[1], exported[2].replace("{}", "[]"), *exported[3:]]
    )


def test_an_export_that_waits_holds_up_no_checkpoint_and_ends_with_what_was_written_meanwhile(path):
    written(path, events(5))
    with contextlib.closing(JournalReader(path)) as reader:
        exported = export(reader, Filter())
        first = [next(exported) for _ in range(3)]
        written(path, events(5), boot="boot-2")
        assert len(first) + len(list(exported)) == 12
