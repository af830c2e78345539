"""The table of files and directories: what a gateway makes is as it says, and what is not as it says is found."""

import asyncio
import configparser
import contextlib
import grp
import os
import pwd
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pumpd.host.closed import closed
from pumpd.host.file_check import compared, deviations
from pumpd.host.file_writing import InTheWayError
from pumpd.host.files import CONTROL_UMASK, TABLE, TELEMETRY_UMASK, Kind, Owners, Place, places, row
from pumpd.host.lock import alone
from pumpd.settings import Settings
from tests.bedside.test_process import free_port
from tests.patience import until

UNITS = Path(__file__).parents[2] / "systemd"
ONE_PERSON = Owners({}, {}, person=os.geteuid())
PUMP = """
[[pump]]
name = "bed1"
driver = "new-era"
port = "/dev/null"
model = "ne-1000"
serial = "ASSET-1"
simulated = true
settings.address = 1
"""


def configured(folder: Path, more: str = "") -> tuple[Settings, Path]:
    config = folder / "etc" / "pumpd.toml"
    config.parent.mkdir(mode=0o755)
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{folder / "state"}"\n{more}{PUMP}')
    config.chmod(0o644)
    return Settings.load(config), config


def names(found) -> list[str]:
    return [each.path.name for each in found]


@pytest.mark.realtime
@pytest.mark.requirement("SEC-18")
async def test_what_a_gateway_makes_is_as_in_the_table_even_where_the_shell_has_no_umask(tmp_path):
    settings, config = configured(tmp_path, f'[bedside]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    pumpd = [sys.executable, "-m", "pumpd"]
    tls = await asyncio.create_subprocess_exec(*pumpd, "tls", "--config", str(config), umask=0, stdout=-3)
    assert await tls.wait() == 0
    run = await asyncio.create_subprocess_exec(*pumpd, "run", "--config", str(config), umask=0, stdout=-3, stderr=-3)
    try:
        await until(lambda: all((settings.state_dir / name).exists() for name in MADE))
        assert deviations(settings, config) == []
        for name, mode in MADE.items():
            assert (settings.state_dir / name).lstat().st_mode & 0o7777 == mode, name
        assert settings.state_dir.stat().st_mode & 0o7777 == 0o750
    finally:
        with contextlib.suppress(ProcessLookupError):
            run.terminate()
        await run.wait()


# Written here by hand, as what others may do: the journal is for the group, keys and hashes for nobody else.
MADE = {
    "journal.sqlite3": 0o640,
    "journal.sqlite3-wal": 0o640,
    "journal.sqlite3-shm": 0o640,
    "control.lock": 0o640,
    "control.sock": 0o660,
    "tablet.sock": 0o660,
    "tls": 0o755,
    "tls/ca.pem": 0o644,
    "tls/ca.key": 0o600,
    "tls/gateway.pem": 0o644,
    "tls/gateway.key": 0o600,
}


@pytest.mark.parametrize("each", TABLE, ids=lambda each: each.name)
def test_a_wrong_mode_is_found_with_the_command_that_mends_it(tmp_path, each):
    thing = tmp_path / "thing"
    make(thing, each.kind)
    place, owners = Place(each, thing), Owners({"root": -1, "pumpd": -1}, {})
    thing.chmod(each.mode)
    assert list(compared(place, owners)) == []
    thing.chmod(each.mode | 0o006)
    (found,) = compared(place, owners)
    assert (found.grave, found.to_do) == (True, f"`chmod {each.mode:04o} {thing}`")
    assert "everyone can" in found.problem
    thing.chmod(each.mode & ~0o400)
    assert len(list(compared(place, owners))) == (0 if each.site else 1)


def make(path: Path, kind: Kind) -> None:
    match kind:
        case Kind.FILE:
            path.touch()
        case Kind.FOLDER:
            path.mkdir()
        case Kind.SOCKET:
            os.mknod(path, 0o140600)


@pytest.mark.parametrize("each", TABLE, ids=lambda each: each.name)
def test_a_link_is_no_file_of_a_gateway_wherever_it_leads(tmp_path, each):
    make(tmp_path / "other", each.kind)
    (tmp_path / "other").chmod(each.mode)
    (tmp_path / "thing").symlink_to("other")
    (found,) = compared(Place(each, tmp_path / "thing"), ONE_PERSON)
    assert (found.grave, "symbolic link" in found.problem) == (True, True)


@pytest.mark.requirement("SEC-18")
def test_a_file_of_another_user_is_found(tmp_path):
    settings, config = configured(tmp_path)
    settings.state_dir.mkdir(mode=0o750)
    settings.keys_path.touch(0o600)
    another = Owners({"root": os.geteuid(), "pumpd": 54_321}, {"root": os.getegid(), "pumpd": os.getegid()})
    found = deviations(settings, config, another)
    assert names(found) == ["state", "paired-keys.json"]
    assert found[1].to_do == f"`chown pumpd:pumpd {settings.keys_path}`"
    assert found[1].grave


def test_for_one_person_only_what_is_open_to_others_deviates(tmp_path):
    settings, config = configured(tmp_path)
    settings.state_dir.mkdir(mode=0o700)  # tighter
    settings.journal_path.touch(0o600)
    settings.staff_path.touch()
    settings.staff_path.chmod(0o640)  # a secret, and its group reads it
    config.chmod(0o664)  # the group is this person's own
    found = deviations(settings, config, ONE_PERSON)
    assert names(found) == ["staff.json"]
    settings.journal_path.chmod(0o644)
    assert names(deviations(settings, config, ONE_PERSON)) == ["journal.sqlite3", "staff.json"]


def test_drop_ins_trust_keys_and_library_are_compared_one_by_one(tmp_path):
    settings, config = configured(tmp_path, f'library_dir = "{tmp_path / "etc" / "library"}"\n')
    for folder, name in (("pumpd.d", "10.toml"), ("trust", "update.pub"), ("library", "a.toml")):
        (config.parent / folder).mkdir()
        file = config.parent / folder / name
        file.touch()
        file.chmod(0o646)
    assert names(deviations(settings, config, ONE_PERSON)) == ["10.toml", "update.pub", "a.toml"]


def test_a_secret_of_the_site_may_be_tighter_and_systemds_own_is_not_looked_at(tmp_path):
    secret = tmp_path / "password"
    secret.touch(0o600)
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\npassword_file = "{secret}"\nclient_key = "/run/credentials/x/key"\n'
    settings, config = configured(tmp_path, mqtt)
    found = {place.row.name for place in places(settings, config, ONE_PERSON)}
    assert "broker's password" in found
    assert "key for the broker" not in found
    assert deviations(settings, config, ONE_PERSON) == []
    secret.chmod(0o644)
    assert names(deviations(settings, config, ONE_PERSON)) == ["password"]


def test_each_process_makes_files_with_the_mask_of_its_unit():
    for service, umask in (("control", CONTROL_UMASK), ("telemetry", TELEMETRY_UMASK)):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.read(UNITS / f"pumpd-{service}.service")
        assert int(unit["Service"]["umask"], 8) == umask


def test_the_directories_of_the_sockets_are_those_of_tmpfiles():
    rules = re.findall(r"^d (\S+) (\d+) (\S+) (\S+) -$", (UNITS / "tmpfiles.d/pumpd.conf").read_text(), re.MULTILINE)
    settings = Settings.load(UNITS.parent / "config" / "pumpd.toml")
    stated = {
        (str(place.path), f"{place.row.mode:o}", place.row.owner, place.row.group)
        for place in places(settings, Path("/etc/pumpd/pumpd.toml"), Owners({"root": 0}, {}))
        if place.row.name.startswith("directory of the")
    }
    assert stated == set(rules)


def test_no_secret_is_readable_by_its_group_unless_the_site_made_it():
    assert {each.name for each in TABLE if each.secret and not each.site and each.mode & 0o077} == set()
    assert row("certificate's key").secret


@pytest.fixture
def root(monkeypatch, tmp_path):
    """As if root ran this, and the state directory belonged to the user of control: what ownership it would get."""
    state = tmp_path / "state"
    state.mkdir(mode=0o750)
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda folder, *owner: given.append((*owner, os.fstat(folder).st_mode & 0o777)))
    return state, given


CONTROL = Owners({"root": 0, "pumpd": 54_321}, {"root": 0, "pumpd": 54_322})


@pytest.mark.requirement("SEC-18")
def test_a_state_directory_is_closed_to_its_user_while_root_writes_in_it(root):
    state, given = root
    with closed(state, CONTROL):
        assert given == [(0, 54_322, 0o750)]
        assert state.stat().st_mode & 0o777 == 0o700
    assert given[1:] == [(54_321, 54_322, 0o750)]


@pytest.mark.requirement("SEC-18")
def test_a_link_in_place_of_the_state_directory_or_of_a_file_in_it_is_refused(root, tmp_path):
    state, given = root
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with pytest.raises(InTheWayError, match="link is a symbolic link"), closed(tmp_path / "link", CONTROL):
        pytest.fail("it was followed")
    assert given == []
    (state / "journal.anchor").symlink_to("/etc/shadow")
    own = (state / "journal.sqlite3", state / "journal.anchor")
    with pytest.raises(InTheWayError, match=r"journal\.anchor is a symbolic link"), closed(state, CONTROL, own=own):
        pytest.fail("it was followed")
    assert given[-1] == (54_321, 54_322, 0o750), "and it is open again"


@pytest.mark.requirement("SEC-18")
def test_a_link_in_place_of_controls_lock_is_neither_made_nor_given_away(root, tmp_path):
    state, given = root
    (state / "control.lock").symlink_to(tmp_path / "of-root")
    with pytest.raises(InTheWayError), alone(state / "control.lock", CONTROL):
        pytest.fail("it was followed")
    assert not (tmp_path / "of-root").exists()
    assert given == []


def test_a_state_directory_that_an_interrupted_command_left_closed_is_still_that_of_control(monkeypatch, tmp_path):
    monkeypatch.setattr(pwd, "getpwnam", lambda _: SimpleNamespace(pw_uid=54_321))
    monkeypatch.setattr(grp, "getgrnam", lambda _: SimpleNamespace(gr_gid=54_322))
    monkeypatch.setattr(Path, "lstat", lambda _: SimpleNamespace(st_uid=0, st_gid=54_322))
    assert not Owners.of(tmp_path).one_person
    monkeypatch.setattr(Path, "lstat", lambda _: SimpleNamespace(st_uid=0, st_gid=0))
    assert Owners.of(tmp_path).one_person
