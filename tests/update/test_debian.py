"""The real dpkg, on a root of its own, and what the package's own scripts ask."""

import os
import subprocess
import sys

import pytest

from pumpd.settings import Settings
from pumpd.trust import public_text
from pumpd.update.debian import Debian, platform_version
from pumpd.update.package import Package
from pumpd.update.steps import HostError, Update
from pumpd.update.store import Store
from tests.update.test_update import Site

pytestmark = [pytest.mark.realtime, pytest.mark.requirement("SEC-10")]

CONTROL = """\
Package: pumpd
Version: {version}
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: a package of this test
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty Debian, into which dpkg installs instead of into this machine."""
    for folder in ("info", "updates"):
        (tmp_path / "root" / "var" / "lib" / "dpkg" / folder).mkdir(parents=True)
    (tmp_path / "root" / "var" / "lib" / "dpkg" / "status").write_text("")
    (tmp_path / "root" / "var" / "lib" / "dpkg" / "available").write_text("")
    monkeypatch.setenv("DPKG_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("DPKG_ADMINDIR", str(tmp_path / "root" / "var" / "lib" / "dpkg"))
    monkeypatch.setattr("pumpd.update.debian.UPDATING", tmp_path / "updating")
    return tmp_path / "root"


@pytest.fixture
def host(tmp_path):
    settings = Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path / "state"})
    return Debian(settings, lambda _: None)


def built(folder, version, text):
    tree = folder / version
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(CONTROL.format(version=version))
    (tree / "opt").mkdir()
    (tree / "opt" / "what").write_text(text)
    deb = folder / f"{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)
    return deb


def test_dpkg_installs_compares_and_goes_back(tmp_path, root, host):
    old, new = built(tmp_path, "1.9+deb12", "old"), built(tmp_path, "1.10+deb12", "new")
    assert host.fields(new) == Package("pumpd", "1.10+deb12", "all")
    assert host.newer("1.10+deb12", "1.9+deb12")
    assert not host.newer("1.9+deb12", "1.10+deb12")
    assert not host.newer("1.9+deb12", "1.9+deb12")
    for deb, roll_back, text in ((old, False, "old"), (new, False, "new"), (old, True, "old")):
        host.install(deb, roll_back=roll_back)
        assert (root / "opt" / "what").read_text() == text
        assert host.installed() == host.fields(deb)
    (tmp_path / "no.deb").write_text("not a package")
    with pytest.raises(HostError):
        host.fields(tmp_path / "no.deb")
    with pytest.raises(HostError):
        host.install(tmp_path / "no.deb", roll_back=False)


@pytest.mark.usefixtures("root")
def test_a_whole_update_on_a_machine_where_nothing_runs_yet(tmp_path, host, monkeypatch):
    monkeypatch.setattr("pumpd.update.steps.STEADY_S", 0.0)
    monkeypatch.setattr("pumpd.update.steps.POLL_S", 0.01)
    old, new = built(tmp_path, "1.9+deb12", "old"), built(tmp_path, "1.10+deb12", "new")
    host.debian = "12"
    host.install(old, roll_back=False)
    site = Site(tmp_path)
    site.keys.write_text(public_text(site.key.public_key()))
    new.with_name(f"{new.name}.sig").write_bytes(site.key.sign(new.read_bytes()))
    store = Store(tmp_path / "updates")
    store.open()
    store.write(store.installed, old.read_bytes())
    assert Update(store, host, site.keys).install(new, "root")["outcome"] == "installed"
    assert host.installed().version == "1.10+deb12"
    assert (tmp_path / "updates").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "updating").exists()


def test_this_machines_debian_is_read(tmp_path):
    file = tmp_path / "os-release"
    file.write_text('NAME="Debian GNU/Linux"\nVERSION_ID="13"\n')
    assert platform_version(file) == "13"
    assert platform_version(tmp_path / "none") == ""


@pytest.mark.requirement("PWR-14")
def test_the_packages_own_scripts_get_every_reason_or_exit_status_0(tmp_path):
    config = tmp_path / "pumpd.toml"

    def may():
        command = [sys.executable, "-m", "pumpd.update.may"]
        done = subprocess.run(
            command, env=os.environ | {"PUMPD_CONFIG": str(config)}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    assert may() == (0, ""), "nothing is set up"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n')
    assert may() == (0, ""), "there is no journal yet"
    config.write_text("gateway = 7\n")
    status, said = may()
    assert status == 1
    assert "it is not known whether a pump is in use" in said
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n')
    (tmp_path / "journal.sqlite3").write_text("this is no journal, whatever its name says" * 100)
    status, said = may()
    assert status == 1
    assert "it is not known who was infused" in said
