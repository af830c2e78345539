"""`pumpd journal` and `pumpd replay` on files: what they print, and with which exit status."""

import contextlib
import fcntl
import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from pumpd.cli import journal
from pumpd.cli.replay import replay
from pumpd.host.files import mode_of
from pumpd.journal import Entry, reader
from tests.journal.recorded import read, written
from tests.journal.test_replay import completed, tripped_and_cleared

app = typer.Typer()
app.add_typer(journal.app, name="journal")
app.command("replay")(replay)


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def five(path) -> Path:
    written(path, [Entry("noted", {"number": number}, "bed1", "s-1") for number in range(5)])
    return path


def tamper(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


@pytest.mark.parametrize("body", ["{", "[1]", "null", ""])
def test_a_damaged_entry_is_shown_unchanged(five, body):
    tamper(five, f"UPDATE records SET body = '{body}' WHERE id = 3")
    assert f"unreadable={body}" in run("journal", "show", "--file", five).stdout
    result = [json.loads(line) for line in run("journal", "show", "--json", "--file", five).stdout.splitlines()]
    assert result[2]["body"] == {"unreadable": body}
    assert len(result) == 5


# -- verify ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-03")
def test_verify_prints_an_anchor_that_it_accepts(five):
    newest = read(five)[-1]
    result = run("journal", "verify", "--file", five)
    assert (result.exit_code, result.stdout) == (0, f"5 entries, chain intact\nnewest: 5:{newest.hash}\n")
    again = run("journal", "verify", "--anchor", f"5:{newest.hash}", "--anchor", f"0:{'0' * 64}", "--file", five)
    assert "5 entries, chain intact, 2 anchors found" in again.stdout
    as_json = json.loads(run("journal", "verify", "--json", "--file", five).stdout)
    assert as_json == {"entries": 5, "intact": True, "anchors": 0, "newest": f"5:{newest.hash}"}


@pytest.mark.requirement("AUD-03")
def test_verify_says_why_a_file_cannot_be_read(tmp_path, five, monkeypatch):
    gone = run("journal", "verify", "--file", tmp_path / "gone.sqlite3")
    assert gone.exit_code == 1
    assert "there is no such file" in gone.stderr
    assert "do not trust" not in gone.stderr

    monkeypatch.setattr(reader, "os", SimpleNamespace(access=lambda path, mode: False, R_OK=os.R_OK))
    five.unlink()
    five.mkdir()  # SQLite says the same of a file that it may not open; root may open every file
    said = run("journal", "verify", "--file", five).stderr
    assert "this user may not" in said
    assert "Nothing was verified" in said


def test_verify_finds_cut_off_entries_by_the_anchor(five):
    newest = read(five)[-1]
    tamper(five, "DELETE FROM records WHERE id > 3")
    assert run("journal", "verify", "--file", five).exit_code == 0
    result = run("journal", "verify", "--anchor", f"5:{newest.hash}", "--file", five)
    assert result.exit_code == 1
    assert "cut off after entry 3; entry 5 existed" in result.stderr
    assert "intact" not in result.stdout


def test_verify_refuses_what_is_not_an_anchor(five):
    result = run("journal", "verify", "--anchor", "5", "--file", five)
    assert result.exit_code == 2
    assert "anchor: '5' is not an anchor" in result.stderr


def test_an_empty_journal_has_no_newest_entry(path):
    written(path)
    assert json.loads(run("journal", "verify", "--json", "--file", path).stdout)["newest"] is None


# -- export ------------------------------------------------------------------------------------------------------------


def test_export_takes_times_with_and_without_a_zone(path):
    for hour in range(4):
        written(path, [Entry("noted", {}, "bed1")], at=datetime(2026, 3, 1, hour, tzinfo=UTC))
    for since in ("2026-03-01T02:00", "2026-03-01T02:00Z", "2026-03-01T04:00+02:00"):
        result = run("journal", "export", "--since", since, "--until", "2026-03-01T03:00", "--file", path)
        head, entry, _ = map(json.loads, result.stdout.splitlines())
        assert head["filter"]["since"] == "2026-03-01T02:00:00.000+00:00"
        assert entry["id"] == 3
    assert run("journal", "export", "--since", "yesterday", "--file", path).exit_code == 2


def test_export_of_a_damaged_file_reports_that_it_is_incomplete(five):
    raw = bytearray(five.read_bytes())
    at = raw.rindex(b'{"') // 4096 * 4096  # the last page of entries
    raw[at : at + 4096] = b"\xa5" * 4096
    five.write_bytes(raw)
    result = run("journal", "export", "--file", five)
    assert result.exit_code == 1
    assert "not complete" in result.stderr
    assert "anchor" not in result.stdout


def test_a_missing_journal_is_not_created(path):
    for command in (["journal", "export"], ["journal", "prune"], ["journal", "verify"], ["replay"]):
        assert run(*command, "--file", path).exit_code in (1, 2), command
        assert not path.exists()


# -- prune -------------------------------------------------------------------------------------------------------------


def old_and_new(path: Path) -> None:
    now = datetime.now(UTC)
    written(path, [Entry("reading", {})] * 7, at=now - timedelta(hours=1001))
    written(path, [Entry("reading", {})] * 2, at=now)


@pytest.mark.requirement("AUD-04")
def test_prune_removes_old_entries_and_reports_it(path):
    old_and_new(path)
    result = run("journal", "prune", "--json", "--file", path)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["removed"] == 7
    assert [entry.kind for entry in read(path)] == ["reading", "reading", "pruned"]
    assert run("journal", "verify", "--file", path).exit_code == 0
    assert run("journal", "prune", "--file", path).stdout.startswith("0 entries")


@pytest.mark.requirement("AUD-04")
@pytest.mark.parametrize("hours", ["999.9", "0", "-1", "nan", "inf", "1e300"])
def test_prune_refuses_less_than_the_catalogue_requires_and_what_is_not_a_time(path, hours):
    old_and_new(path)
    assert run("journal", "prune", "--hours", hours, "--file", path).exit_code == 2
    assert len(read(path)) == 9


@pytest.mark.requirement("PWR-15")
def test_a_loss_is_accepted_by_a_person_with_a_reason_and_only_where_there_is_one(path):
    written(path, [Entry("noted", {})] * 3)
    command = ("journal", "accept-loss", "--reason", "card replaced", "--file", path)
    nothing = run(*command)
    assert nothing.exit_code == 2
    assert "nothing is missing" in nothing.stderr
    tamper(path, "DELETE FROM records WHERE id = 3")
    assert run("journal", "accept-loss", "--file", path).exit_code == 2, "a reason is needed"
    accepted = run(*command)
    assert accepted.exit_code == 0, accepted.stderr
    assert "entry 3 existed, the last one is 2: accepted" in accepted.stdout
    last = read(path)[-1]
    assert (last.kind, last.fields["reason"]) == ("loss_accepted", "card replaced")
    assert run(*command).exit_code == 2


def test_the_lock_that_a_command_makes_is_as_in_the_table_of_files(path):
    """A command of root's may be the first on a new card; control must be able to take the same lock afterwards."""
    old_and_new(path)
    assert run("journal", "prune", "--file", path).exit_code == 0
    assert (path.parent / "control.lock").stat().st_mode & 0o777 == mode_of("control's lock")


def test_prune_refuses_while_control_runs(path):
    old_and_new(path)
    with (path.parent / "control.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run("journal", "prune", "--file", path)
    assert result.exit_code == 2
    assert "a control process runs on it" in result.stderr
    assert len(read(path)) == 9


def test_prune_refuses_a_broken_chain(path):
    old_and_new(path)
    tamper(path, "UPDATE records SET body = '[]' WHERE id = 2")
    result = run("journal", "prune", "--file", path)
    assert result.exit_code == 2
    assert "entry 2" in result.stderr


# -- replay ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-05")
def test_replay_prints_each_infusion_and_ends_with_0_if_everything_is_as_recorded(path):
    written(path, completed().entries)
    replayed = run("replay", "--file", path)
    assert replayed.exit_code == 0, replayed.output
    assert "s-1  bed1     completed  3 of 3 mL" in replayed.stdout
    assert replayed.stdout.endswith("1 infusions replayed, 0 differences\n")
    result = json.loads(run("replay", "--json", "--file", path).stdout)
    (infusion,) = result["infusions"]
    assert {key: infusion[key] for key in ("session", "state", "delivered_ml", "prescribed_ml", "unwritten")} == {
        "session": "s-1", "state": "completed", "delivered_ml": "3", "prescribed_ml": "3", "unwritten": 0,
    }  # fmt: skip
    assert (result["differences"], result["unrecorded"]) == ([], [])


@pytest.mark.requirement("AUD-05")
def test_replay_lists_differences_and_ends_with_1(path):
    one = tripped_and_cleared()
    number = next(index for index, entry in enumerate(one.entries) if entry.kind == "stop_confirmed")
    one.entries[number] = Entry("stop_confirmed", {"delivered_ml": "0.5"}, "bed1", "s-1")
    written(path, one.entries)
    replayed = run("replay", "--file", path)
    assert replayed.exit_code == 1
    assert f"entry {number + 1} (stop_confirmed) of s-1: recorded" in replayed.stdout
    result = run("replay", "--json", "--file", path)
    assert result.exit_code == 1
    (difference,) = json.loads(result.stdout)["differences"]
    assert (difference["entry"], difference["recorded"]) == (number + 1, '{"delivered_ml":"0.5"}')


def test_replay_can_be_limited_to_one_infusion(path):
    written(path, completed().entries, [Entry("state_changed", {}, "bed2", "s-old")])
    assert json.loads(run("replay", "--session", "s-1", "--json", "--file", path).stdout)["unrecorded"] == []
    assert "s-old  has no events to replay" in run("replay", "--file", path).stdout
    assert run("replay", "--session", "s-old", "--file", path).exit_code == 0
    assert run("replay", "--session", "s-9", "--file", path).exit_code == 2


# -- from a checkpoint -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-16", "AUD-03")
def test_verify_and_replay_continue_from_what_was_checked_before(path):
    written(path, [Entry("noted", {})] * 4)
    written(path, completed().entries)
    newest = json.loads(run("journal", "verify", "--json", "--file", path).stdout)["newest"]
    written(path, [Entry("noted", {})] * 3)
    again = run("journal", "verify", "--json", "--since", newest, "--file", path)
    assert json.loads(again.stdout)["entries"] == 4, "that entry and what follows"
    number, _, digest = newest.partition(":")
    assert run("journal", "verify", "--since", f"{number}:{digest[::-1]}", "--file", path).exit_code == 1
    later = json.loads(run("replay", "--json", "--since", number, "--file", path).stdout)
    assert (later["infusions"], later["differences"]) == ([], [])
    middle = json.loads(run("replay", "--json", "--since", "20", "--file", path).stdout)
    assert (middle["infusions"], middle["unrecorded"], middle["differences"]) == ([], ["s-1"], [])
    whole = json.loads(run("replay", "--json", "--since", "5", "--file", path).stdout)
    assert [each["session"] for each in whole["infusions"]] == ["s-1"]
