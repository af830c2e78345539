"""The units of the ward: valid, tight, and each without the keys of the other. Nothing here starts a unit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pumpd_ward.store.rights import BOARD, INGEST
from tests.systemd.test_units import tool

UNITS = Path(__file__).parent.parent.parent / "ward" / "systemd"
SERVICES = ["pumpd-ward-board.service", "pumpd-ward-ingest@.service"]
MIGRATE = "pumpd-ward-migrate.service"


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


@pytest.mark.parametrize("name", [*SERVICES, MIGRATE])
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


def test_none_sees_the_keys_of_another_and_none_may_write():
    ingest, board, migrate = (settings(name) for name in ("pumpd-ward-ingest@.service", SERVICES[0], MIGRATE))
    assert ingest["InaccessiblePaths"] == "-/etc/pumpd-ward/board"
    assert board["InaccessiblePaths"] == "-/etc/pumpd-ward/stream"
    assert migrate["InaccessiblePaths"] == "-/etc/pumpd-ward/board -/etc/pumpd-ward/stream"
    for each in (ingest, board, migrate):
        assert each["ProtectSystem"] == "strict"
        assert not {"StateDirectory", "ReadWritePaths", "LoadCredential"} & set(each)


def test_each_runs_as_the_role_that_has_its_rights_in_the_database():
    rules = (UNITS / "sysusers.d" / "pumpd-ward.conf").read_text(encoding="utf-8")
    users = [line.split()[1] for line in rules.splitlines() if line.startswith("u ")]
    assert users == ["pumpd-ward", INGEST, BOARD]
    for name, user in zip([MIGRATE, "pumpd-ward-ingest@.service", SERVICES[0]], users, strict=True):
        assert (settings(name)["User"], settings(name)["Group"]) == (user, user)


@pytest.mark.parametrize("name", SERVICES)
def test_the_owner_brings_the_database_up_to_date_before_a_service_starts(name):
    found = settings(name)
    assert found["Wants"] == MIGRATE
    assert MIGRATE in found["After"].split()
    assert settings(MIGRATE)["Type"] == "oneshot"
    assert settings(MIGRATE)["Restart"] == "on-failure"  # a database that is away
    assert settings(MIGRATE)["ExecStart"].endswith(" migrate")


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
