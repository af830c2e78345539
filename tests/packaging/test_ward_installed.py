"""The package of the ward in clean Debian roots, installed without a network: `make package-test` (decision 52)."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests.packaging.machine import EACH_DEBIAN, Machine, repacked
from tools.package import layout
from tools.package.layout import WARD

pytestmark = [pytest.mark.debian, pytest.mark.realtime, pytest.mark.timeout(1200)]

EXPOSURE = 12  # `systemd-analyze security`, in tenths
CONFIG = """
name = "Ward 7"
[board]
host = "127.0.0.1"
port = 8460
"""
# As docs/how-to/install-a-ward.md says, without systemd, which does not run in a root.
FROM_NOTHING_TO_A_PAGE = """
set -e
pg_ctlcluster $(ls /etc/postgresql) main start
trap 'pg_ctlcluster $(ls /etc/postgresql) main stop -m immediate' EXIT
for user in pumpd-ward pumpd-ward-ingest pumpd-ward-board; do runuser -u postgres -- createuser $user; done
runuser -u postgres -- createdb --owner pumpd-ward --encoding UTF8 --template template0 pumpd_ward
echo 'correct horse battery' | runuser -u pumpd-ward -- pumpd-ward account add charge --role engineer
runuser -u pumpd-ward -- pumpd-ward account list
as=pumpd-ward-board
HOME=/ setpriv --reuid=$as --regid=$as --init-groups pumpd-ward board > /tmp/board.log 2>&1 & board=$!
for i in $(seq 300); do grep -q board_started /tmp/board.log && break; sleep 0.1; done
python3 - <<'END' || { cat /tmp/board.log; false; }
import json, time, urllib.request as u
here = "http://127.0.0.1:8460"
for _ in range(100):
    try:
        assert b"not a cleared medical device" in u.urlopen(here).read().lower()
        break
    except OSError:
        time.sleep(0.1)
body = json.dumps({"name": "charge", "password": "correct horse battery"}).encode()
signed_in = u.urlopen(u.Request(here + "/api/sign-in", body, {"Content-Type": "application/json"}))
cookie = {"Cookie": signed_in.headers["Set-Cookie"].split(";")[0]}
print(json.load(u.urlopen(u.Request(here + "/api/me", headers=cookie))))
print(u.urlopen(u.Request(here + "/api/export/alarms.parquet", headers=cookie)).read(4))
END
runuser -u pumpd-ward -- pumpd-ward export alarms /tmp/alarms.csv
kill $board
wait $board
rm /tmp/board.log /tmp/alarms.csv
"""


@pytest.fixture(scope="module", params=EACH_DEBIAN)
def machine(request) -> Iterator[Machine]:
    """Each test finds the package installed in this build's version."""
    with tempfile.TemporaryDirectory(prefix="pumpd-ward-package-", dir="/var/tmp") as folder:  # a root has 500 MB
        made = Machine(layout.DEBIANS[request.param], Path(folder) / "root", WARD)
        made.before = made.files()
        done = made.install()
        assert done.returncode == 0, done.stdout + done.stderr
        made.said = done.stdout
        yield made


def installed(machine: Machine) -> None:
    done = machine.install()
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_installs_without_a_network_and_says_what_is_next(machine):
    assert machine.version().endswith("install ok installed")
    assert "Not a cleared medical device" in machine.said
    (page,) = re.findall(r"Next: (\S+)", machine.said)
    assert (machine.root.path / page.lstrip("/")).is_file()
    assert "not a cleared medical device" in machine.must("pumpd-ward", "--help")
    assert machine.must("dpkg", "--verify", "pumpd-ward") == ""
    for user in ("pumpd-ward", "pumpd-ward-ingest", "pumpd-ward-board"):
        assert machine.must("id", "--user", "--name", user).strip() == user


def test_the_target_is_enabled_and_its_services_wait_for_a_configuration(machine):
    assert machine.must("systemctl", "is-enabled", "pumpd-ward.target").strip() == "enabled"
    for unit in ("pumpd-ward-board.service", "pumpd-ward-ingest@.service", "pumpd-ward-migrate.service"):
        text = (machine.root.path / "usr/lib/systemd/system" / unit).read_text(encoding="utf-8")
        assert "ConditionPathExists=/etc/pumpd-ward/ward.toml" in text
    assert not (machine.root.path / "etc/pumpd-ward").exists()


def test_it_sees_its_own_libraries_and_nothing_of_the_machine_or_of_a_gateway(machine):
    stray = machine.root.path / "usr/lib/python3/dist-packages/of_the_machine.py"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("")
    modules = (
        "pumpd_ward",
        "asyncpg",
        "authlib",
        "nats",
        "pyarrow",
        "pumpd",
        "pumpd_drivers",
        "serial",
        "of_the_machine",
    )
    try:
        assert machine.importable("pumpd-ward", modules) == {"pumpd_ward", "asyncpg", "authlib", "nats", "pyarrow"}
    finally:
        stray.unlink()


def test_with_debians_postgresql_a_person_signs_in_and_exports(machine):
    folder = machine.root.path / "etc/pumpd-ward"
    folder.mkdir()
    (folder / "ward.toml").write_text(CONFIG, encoding="utf-8")
    try:
        said = machine.must("bash", "-c", FROM_NOTHING_TO_A_PAGE)
    finally:
        (folder / "ward.toml").unlink()
        folder.rmdir()
    assert "charge  engineer" in said
    assert "'ward': 'Ward 7'" in said
    assert "b'PAR1'" in said


@pytest.mark.requirement("SEC-11")
def test_the_bill_of_materials_lists_exactly_what_is_installed(machine):
    there = set()
    for metadata in machine.root.path.glob(f"{WARD.libraries}/*/*.dist-info/METADATA"):
        fields = Parser().parsestr(metadata.read_text(encoding="utf-8"), headersonly=True)
        there.add((fields["Name"].lower().replace("_", "-"), fields["Version"]))
    bill = json.loads((machine.root.path / WARD.sbom).read_text(encoding="utf-8"))
    components = [*bill["components"], bill["metadata"]["component"]]
    listed = {(each["name"].lower().replace("_", "-"), each.get("version")) for each in components}
    assert {each for each in listed if each[1]} == there
    assert {name for name, _ in there} >= {"pumpd-ward", "asyncpg", "authlib", "pyarrow"}


def test_systemd_accepts_the_units_and_their_exposure_is_low(machine):
    units = [path.name for path in WARD.unit_files]
    done = machine("systemd-analyze", "verify", "--man=no", *(each.replace("@.", "@1.") for each in units))
    assert (done.returncode, [line for line in done.stderr.splitlines() if "pumpd" in line]) == (0, [])
    for unit in (each for each in units if each.endswith(".service")):
        done = machine("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)
        assert done.returncode == 0, done.stdout[-300:]


def test_lintian_finds_nothing(machine, tmp_path):
    """Without the Parquet library: 160 MB that others made, which would take it some minutes."""
    tree, made = tmp_path / "tree", tmp_path / machine.package.name
    subprocess.run(["dpkg-deb", "--raw-extract", machine.package, tree], check=True)
    shutil.rmtree(tree / WARD.libraries / "parquet")
    sums = tree / "DEBIAN/md5sums"
    kept = [line for line in sums.read_text(encoding="utf-8").splitlines() if f"{WARD.libraries}/parquet/" not in line]
    sums.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    build = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made]
    subprocess.run(build, check=True, capture_output=True)
    done = subprocess.run(
        ["lintian", "--allow-root", "--no-cfg", "--fail-on", "error,warning", made],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_newer_version_replaces_it_and_the_configuration_stays(machine, tmp_path):
    config = machine.root.path / "etc/pumpd-ward/ward.toml"
    config.parent.mkdir()
    config.write_text(CONFIG, encoding="utf-8")
    try:
        assert machine.install(repacked(machine.package, "99.0", tmp_path)).returncode == 0
        assert machine.version() == "99.0 install ok installed"
        assert config.read_text(encoding="utf-8") == CONFIG
        machine.must("dpkg", "--remove", "pumpd-ward")
        assert config.exists()
        assert not (machine.root.path / "opt/pumpd-ward").exists()
        done = machine("dpkg", "--purge", "pumpd-ward")
        assert (done.returncode, "dropdb pumpd_ward" in done.stderr) == (0, True)
        assert not config.parent.exists()
    finally:
        installed(machine)


def test_purge_leaves_nothing(machine):
    machine.must("dpkg", "--purge", "pumpd-ward")
    try:
        left = machine.files() - machine.before
        assert {each for each in left if not each.startswith(("/var/lib/postgresql/", "/etc/postgresql/"))} == set()
    finally:
        installed(machine)
