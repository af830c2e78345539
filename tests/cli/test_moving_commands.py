"""`pumpd backup`, `restore`, `decommission`, `update`: what is printed, and with which exit status."""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from pumpd.backup import sealed
from pumpd.cli import decommission as command
from pumpd.cli import update as updating
from pumpd.cli.main import app
from pumpd.update.store import Store
from tests.backup.site import Card

pytestmark = pytest.mark.requirement("SEC-13")


def run(*words, status=0):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == status, (words, result.output, result.stderr)
    return result.stdout if status == 0 else result.stderr


@pytest.fixture
def card(tmp_path, monkeypatch):
    monkeypatch.setattr(sealed, "SCRYPT", {"n": 1 << 4, "r": 8, "p": 1})
    monkeypatch.setattr(command, "vacuum_log", lambda: "not in a test")
    card = Card(tmp_path / "card").set_up()
    card.infuse()
    return card


@pytest.fixture
def words(tmp_path):
    """The options of a passphrase."""
    (tmp_path / "words").write_text("correct horse battery\n")
    return "--passphrase-file", tmp_path / "words"


def test_backup_and_restore_say_what_they_did_and_what_never_to_do(card, tmp_path, words):
    doses, file = card.doses(), tmp_path / "file"
    assert "journal entries" in run("backup", file, *words, "--config", card.config)
    assert "exists" in run("backup", file, *words, "--config", card.config, status=2)
    shutil.rmtree(card.folder)
    said = run("restore", file, *words, "--config", card.config)
    assert "ward-7" in said
    assert "Never use the other card again" in said
    assert card.doses() == doses
    assert "entries more than the backup" in run("restore", file, *words, "--config", card.config, status=2)
    found = json.loads(run("restore", file, *words, "--keep-journal", "--config", card.config, "--json"))
    assert found["journal"] == "kept"
    (tmp_path / "words").write_text("another passphrase\n")
    assert "passphrase is wrong" in run("restore", file, *words, "--config", card.config, status=2)


def test_a_passphrase_that_cannot_be_had_is_said_and_nothing_is_called_restored(card, tmp_path):
    gone = ("--passphrase-file", tmp_path / "gone")
    for word in ("backup", "restore"):
        said = run(word, tmp_path / "file", *gone, "--config", card.config, status=2)
        assert f"{tmp_path / 'gone'}: No such file or directory" in said
        assert "partly" not in said
        assert "--passphrase-file" in run(word, tmp_path / "file", "--config", card.config, status=2)


def test_decommission_asks_for_the_name_and_prints_what_is_not_erased(card, tmp_path):
    folder = tmp_path / "export"
    options = ("decommission", "--export", folder, "--config", card.config)
    assert "nothing is erased by mistake" in run(*options, "--gateway", "ward-8", status=2)
    said = run(*options, "--gateway", "ward-7")
    assert "destroy the card" in said
    assert "the log of this machine: not in a test" in said
    assert not card.config.exists()
    assert not card.journal.exists()


@pytest.mark.requirement("SEC-10")
def test_update_without_a_file_says_how_the_last_one_ended(tmp_path, monkeypatch, card):
    store = Store(tmp_path / "updates")
    monkeypatch.setattr(updating, "Store", lambda: store)
    assert "no update on this gateway yet" in run("update")
    store.open()
    store.begin("1.0", "1.1")
    assert "from 1.0 to 1.1 is under way or was interrupted" in run("update")
    store.end({"from": "1.0", "to": "1.1", "outcome": "rolled back", "why": "control does not give its state"})
    assert "1.1 was rolled back, 1.0 is installed: control does not give its state" in run("update")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "use sudo" in run("update", tmp_path / "a.deb", "--config", card.config, status=2)
