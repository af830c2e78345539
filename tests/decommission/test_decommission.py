"""Decommission: nothing is erased that was not exported and read back; what is left afterwards is named (SEC-13)."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from datetime import timedelta

import pytest

from pumpd.decommission import exported, steps
from pumpd.decommission.steps import NOT_ERASED, PROTOCOL, NotDecommissionedError, begun, finish, prepare
from pumpd.host.files import Owners
from pumpd.journal import Entry
from pumpd.journal.copying import newest
from tests.backup.power import PowerCutError, power_cut
from tests.backup.site import Card
from tests.journal.test_doses import NOON

pytestmark = pytest.mark.requirement("SEC-13")

LATER = NOON + timedelta(days=1)
SECRETS = (b"P-17", b"secret", b"the ca.key", b"ward-7")


@pytest.fixture
def card(tmp_path):
    card = Card(tmp_path / "card").set_up()
    card.infuse("s1")
    card.append(Entry("noted", {"text": "a\u2028b\x85c\x0bd\x1ce\r\nf"}))
    (card.state / "journal.anchor").write_text("P-17")
    (card.state / "telemetry.sqlite3").write_text("a cursor")
    (card.state / "journal-damaged-20260101T000000Z.sqlite3").write_text("P-17")
    (card.state / "control.lock").touch()
    return card


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "export"


def decommission(card, folder, name="ward-7", *, damaged=False, now=LATER):
    protocol = begun(folder)
    settings = card.settings if card.config.exists() else None
    if protocol is None:
        protocol = prepare(settings, folder, name, "root", now, damaged=damaged)
    return finish(settings, card.config, folder, protocol, lambda: "")


def left(card):
    return sorted(str(path.relative_to(card.folder)) for path in card.folder.rglob("*") if not path.is_dir())


def test_everything_is_exported_then_erased_and_the_protocol_says_what_is_not(card, folder):
    doses, at = card.doses(), newest(card.journal)
    files = len(left(card))
    done = decommission(card, folder)
    assert left(card) == ["state/control.lock"]
    assert not any(each in path.read_bytes() for path in card.folder.rglob("*") if path.is_file() for each in SECRETS)
    assert (done["state"], done["newest"], done["not_erased"]) == ("erased", str(at), list(NOT_ERASED))
    assert done["erased"] >= files - 1
    assert any("destroy the card" in each for each in done["not_erased"])
    assert json.loads((folder / PROTOCOL).read_text()) == done
    foot = json.loads((folder / "journal.jsonl").read_text().split("\n")[-2])
    assert foot == {"anchor": str(at), "entries": at.seq}
    (dose,) = [json.loads(line) for line in (folder / "infusions.jsonl").read_text().splitlines()]
    assert (dose["patient"], dose["given_mg"], dose["session"]) == ("P-17", doses[0].given.number, "s1")
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.requirement("SEC-18")
def test_what_root_erases_it_erases_in_a_directory_that_is_closed_to_its_user(card, folder, monkeypatch):
    """So nobody swaps a folder in it for a link after its files were listed."""
    seen, erase = set(), steps.erase

    def erasing(path):
        seen.add(card.state.stat().st_mode & 0o777)
        erase(path)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(Owners, "of", lambda _: Owners({"root": 0, "pumpd": 54_321}, {"root": 0, "pumpd": 54_322}))
    monkeypatch.setattr(steps, "erase", erasing)
    protocol = prepare(card.settings, folder, "ward-7", "root", LATER, damaged=False)
    settings = card.settings
    monkeypatch.setattr(steps, "of_configuration", lambda _: [])  # it is erased afterwards, in a folder of root
    finish(settings, card.config, folder, protocol, lambda: "")
    assert seen == {0o700}
    assert card.state.stat().st_mode & 0o777 == 0o750


def test_a_finished_one_is_not_repeated(card, folder):
    decommission(card, folder)
    card.set_up_again = Card(card.folder)
    shutil.rmtree(card.folder)
    card.set_up().infuse("s9")
    with pytest.raises(NotDecommissionedError, match="finished"):
        decommission(card, folder)
    assert len(card.doses()) == 1


def wrong_name(card, folder):
    decommission(card, folder, "ward-8")


def still_observed(card, folder):
    decommission(card, folder, now=NOON + timedelta(minutes=60))


def into_the_state(card, folder):
    decommission(card, card.state / "export")


def not_empty(card, folder):
    folder.mkdir()
    (folder / "something").touch()
    decommission(card, folder)


def control_runs(card, folder):
    with (card.state / "control.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        decommission(card, folder)


def damaged_journal(card, folder):
    with contextlib.closing(sqlite3.connect(card.journal)) as db:
        db.execute("UPDATE records SET body = '{\"program\": {}}' WHERE id = 1")
        db.commit()
    decommission(card, folder)


def altered_entry(card, folder):
    with contextlib.closing(sqlite3.connect(card.journal)) as db:
        db.execute("UPDATE records SET ts = '2026-03-02T12:00:01.000+00:00' WHERE id = 1")
        db.commit()
    decommission(card, folder)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (wrong_name, "nothing is erased by mistake"),
        (still_observed, "less than two hours ago"),
        (into_the_state, "export to another medium"),
        (not_empty, "is not empty"),
        (control_runs, "control runs|does not give its state"),
        (damaged_journal, "cannot be read"),
        (altered_entry, "is not what was written"),
    ],
)
def test_nothing_is_erased(card, folder, what, expected):
    before = left(card)
    with pytest.raises(NotDecommissionedError, match=expected):
        what(card, folder)
    assert set(before) <= set(left(card))


def test_an_export_that_was_not_written_as_it_should_be_erases_nothing(card, folder, monkeypatch):
    """A medium that loses bytes is found, because the export is read back."""
    write = exported._lines

    def lossy(path, lines):
        write(path, list(lines)[:-3] if path.name == "journal.jsonl" else lines)

    monkeypatch.setattr(exported, "_lines", lossy)
    before = left(card)
    with pytest.raises(NotDecommissionedError, match="it ends at entry"):
        decommission(card, folder)
    assert set(before) <= set(left(card))


def test_a_damaged_journal_is_exported_as_it_is_on_request(card, folder):
    card.journal.write_bytes(b"damaged")
    done = decommission(card, folder, damaged=True)
    assert (folder / "journal.sqlite3").read_bytes() == b"damaged"
    assert done["state"] == "erased"
    assert left(card) == ["state/control.lock"]


def test_what_is_written_after_the_export_is_not_erased(card, folder, monkeypatch):
    protocol = prepare(card.settings, folder, "ward-7", "root", LATER, damaged=False)
    card.infuse("s2")
    with pytest.raises(NotDecommissionedError, match="does not have"):
        finish(card.settings, card.config, folder, protocol, lambda: "")
    assert len(card.doses()) == 2


def test_a_link_is_removed_and_what_it_leads_to_stays(card, folder, tmp_path):
    (tmp_path / "elsewhere").write_text("keep me")
    (card.state / "a-link").symlink_to(tmp_path / "elsewhere")
    (card.state / "a-folder").symlink_to(tmp_path)
    decommission(card, folder)
    assert (tmp_path / "elsewhere").read_text() == "keep me"
    assert left(card) == ["state/control.lock"]


def test_what_cannot_be_erased_is_named_and_the_configuration_stays_to_continue(card, folder, monkeypatch):
    erase = steps.erase

    def refused(path):
        if path.name == "staff.json":
            raise PermissionError(1, "Operation not permitted", str(path))
        erase(path)

    monkeypatch.setattr(steps, "erase", refused)
    done = decommission(card, folder)
    assert done["state"] == "erasing"
    assert any("staff.json: Operation not permitted" in each for each in done["not_erased"])
    assert card.config.exists()
    monkeypatch.undo()
    assert decommission(card, folder)["state"] == "erased"
    assert left(card) == ["state/control.lock"]


def test_a_log_that_cannot_be_erased_is_named(card, folder):
    protocol = prepare(card.settings, folder, "ward-7", "root", LATER, damaged=False)
    done = finish(card.settings, card.config, folder, protocol, lambda: "journalctl failed: no")
    assert "the log of this machine: journalctl failed: no" in done["not_erased"]


@pytest.mark.requirement("PWR-06")
def test_a_power_cut_at_any_change_loses_nothing_that_was_not_exported_and_it_can_be_finished(card, tmp_path):
    kept, at = tmp_path / "kept", newest(card.journal)
    shutil.copytree(card.folder, kept)
    cut = 0
    while True:
        folder = tmp_path / f"export-{cut}"
        shutil.rmtree(card.folder)
        shutil.copytree(kept, card.folder)
        try:
            with power_cut(cut):
                decommission(card, folder)
            break
        except PowerCutError:
            cut += 1
        if begun(folder) is None:  # interrupted before the export was complete: nothing was erased
            assert newest(card.journal) == at
            assert set(_files(kept)) <= set(left(card))
            shutil.rmtree(folder, ignore_errors=True)
        else:
            assert f'"anchor": "{at}"' in (folder / "journal.jsonl").read_text(), "the export is whole"
        assert decommission(card, folder)["state"] == "erased", cut
        assert left(card) == ["state/control.lock"], cut
    assert cut > 30, "every change was tried"


def _files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
