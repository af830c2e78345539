"""`pumpd library`: making a key, signing, looking and verifying; what is printed, and with which exit status."""

import contextlib
import json
import shutil

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.dosing.seal import MANIFEST_FILE, SIGNATURE_FILE
from pumpd.journal import Entry, Journal
from pumpd.library.files import CHECKOUT

pytestmark = pytest.mark.requirement("PRG-19")


def run(*words, status=0):
    result = CliRunner().invoke(app, ["library", *map(str, words)])
    assert result.exit_code == status, (words, result.output, result.stderr)
    return result


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "library"
    shutil.copytree(CHECKOUT, folder)
    return folder


@pytest.fixture
def key(tmp_path):
    return tmp_path / "pharmacy.pem"


@pytest.fixture
def config(tmp_path, place, key):
    public = json.loads(run("key", key, "--json").stdout)["public"]
    path = tmp_path / "pumpd.toml"
    path.write_text(
        f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\nlibrary_dir = "{place}"\ncare_area = "day-clinic"\n'
        f'library_keys = {{ pharmacy = "{public}" }}\n'
    )
    return path


def verified(config, status=0, *words):
    result = run("verify", *words, "--config", config, status=status)
    return result.stdout if status == 0 else result.stderr


def sign(place, key, *more):
    return run("sign", place, "--key", key, *more)


def test_a_key_is_made_the_library_signed_shown_and_verified_and_the_next_version_is_one_higher(place, key, config):
    assert "it is not signed" in verified(config, 2)
    assert "UNSIGNED" in run("show", place).stdout
    said = sign(place, key, "--name", "Testbed 7", "--care-area", "day-clinic", "--version", 20261126).stdout
    assert "version 20261126, for day-clinic" in said
    assert "ketamine-1mg-ml" in said, "who signs sees what"
    assert "Good: Testbed 7, version 20261126" in verified(config)
    assert json.loads(sign(place, key, "--json").stdout)["manifest"]["version"] == 20261127
    shown = json.loads(run("show", place, "--json").stdout)
    assert shown["manifest"]["care_area"] == "day-clinic"
    assert json.loads(verified(config, 0, "--json"))["signed"] is True


def test_what_was_changed_afterwards_is_not_verified_and_says_why(place, key, config):
    sign(place, key, "--name", "Testbed 7", "--care-area", "day-clinic")
    path = place / "containers.toml"
    path.write_text(path.read_text().replace('dead_volume = "1 mL"', 'dead_volume = "2 mL"'))
    assert "changed after it was signed" in verified(config, 2)


def test_an_older_version_than_was_in_use_here_is_not_verified(tmp_path, place, key, config):
    sign(place, key, "--name", "Testbed 7", "--care-area", "day-clinic", "--version", 4)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite3", "b")) as journal:
        journal.append([Entry("library_accepted", {"version": 5, "digest": "d"}, "", "")])
    assert "older than version 5" in verified(config, 2)


def test_a_key_that_others_can_read_signs_nothing(place, key, config):
    key.chmod(0o644)
    refused = run("sign", place, "--key", key, "--name", "Testbed 7", "--care-area", "day-clinic", status=2)
    assert "others can read it" in refused.stderr
    assert not (place / MANIFEST_FILE).exists()
    assert not (place / SIGNATURE_FILE).exists()


def test_a_library_that_cannot_be_read_is_neither_signed_nor_shown(place, key, config):
    (place / "ketamine-1mg-ml.toml").write_text("id = ")
    for words in (("sign", place, "--key", key), ("show", place)):
        assert "ketamine-1mg-ml.toml" in run(*words, status=2).stderr
    assert "ketamine-1mg-ml.toml" in verified(config, 2)


def test_a_plan_says_by_which_library_and_that_an_unsigned_one_starts_no_pump(place, key, config):
    def planned():
        words = ["program", "--entry", "ketamine-1mg-ml", "--dose", "0.5 mg/kg", "--weight", "70 kg"]
        words += ["--weight-basis", "actual", "--duration", "40 min", "--container", "50 mL", "--driver", "new-era"]
        result = CliRunner().invoke(app, [*words, "--library", str(place)])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert "UNSIGNED: it starts only simulated pumps" in planned()
    sign(place, key, "--name", "Testbed 7", "--care-area", "day-clinic")
    assert "version 1, day-clinic" in planned()
