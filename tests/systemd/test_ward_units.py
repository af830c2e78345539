"""The units of the ward: valid, tight, and each without the keys of the other. Nothing here starts a unit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.systemd.test_units import tool

UNITS = Path(__file__).parent.parent.parent / "ward" / "systemd"
SERVICES = ["pumpd-ward-board.service", "pumpd-ward-ingest@.service"]


def settings(name: str) -> dict[str, str]:
    """The last value of each setting; every one is in a section of its own kind only."""
    lines = (UNITS / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith(("#", "[")))


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for path in UNITS.iterdir():
        if path.is_file():
            # `verify` requires the program to exist, which is only installed on a ward.
            text = path.read_text(encoding="utf-8").replace("/opt/pumpd-ward/bin/pumpd-ward", sys.executable)
            (tmp_path / path.name.replace("@.", "@1.")).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "pumpd" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", SERVICES)
def test_exposure_is_at_most_1_2(name, tmp_path):
    unit = shutil.copy(UNITS / name, tmp_path / name.replace("@.", "@1."))
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--threshold=12", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    assert "Overall exposure level" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_restarted_and_waits_for_a_configuration(name):
    found = settings(name)
    watched = {"Type": "notify", "WatchdogSec": "30", "Restart": "always", "StartLimitIntervalSec": "0"}
    assert watched.items() <= found.items()
    assert found["ConditionPathExists"] == "/etc/pumpd-ward/ward.toml"
    assert "not a cleared medical device" in found["Description"]
    assert found["PartOf"] == "pumpd-ward.target"  # what stops the target stops every worker


def test_neither_service_sees_the_keys_of_the_other_and_none_may_write():
    ingest, board = settings("pumpd-ward-ingest@.service"), settings("pumpd-ward-board.service")
    assert ingest["InaccessiblePaths"] == "-/etc/pumpd-ward/board"
    assert board["InaccessiblePaths"] == "-/etc/pumpd-ward/stream"
    for each in (ingest, board):
        assert each["User"] == "pumpd-ward"
        assert each["ProtectSystem"] == "strict"
        assert not {"StateDirectory", "ReadWritePaths", "LoadCredential"} & set(each)


def test_the_example_keeps_the_keys_where_the_units_expect_them():
    from pumpd_ward.settings import WardSettings

    example = WardSettings.load(UNITS.parent.parent / "config" / "ward" / "ward.toml")
    stream, board = Path("/etc/pumpd-ward/stream"), Path("/etc/pumpd-ward/board")
    assert {example.stream.ca_file.parent, example.stream.client_key.parent} == {stream}
    assert {example.board.tls_cert.parent, example.board.tls_key.parent} == {board}


def test_the_commented_example_of_a_sign_in_is_a_valid_one():
    import re
    import tomllib

    from pumpd_ward.settings import WardSettings

    text = (UNITS.parent.parent / "config" / "ward" / "ward.toml").read_text(encoding="utf-8")
    whole = re.sub(r"^#(?=\[board\.oidc\]|\w+ = )", "", text, flags=re.MULTILINE)
    assert WardSettings.model_validate(tomllib.loads(whole)).board.oidc.issuer == (
        "https://login.example.org/realms/hospital"
    )
