"""The packages in clean Debian roots, installed without a network: `make package-test` (decision 31)."""

import json
import re
import subprocess
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests.packaging.machine import DIST, EACH_DEBIAN, Machine, repacked
from tools.package import layout
from tools.package.__main__ import build
from tools.package.layout import GATEWAY

pytestmark = [pytest.mark.debian, pytest.mark.realtime, pytest.mark.timeout(1200)]

# A module of each extra, and one of the machine's own that no program may see.
MODULES = ("pumpd", "pumpd_drivers", "pydantic", "starlette", "uvicorn", "aiomqtt", "paho", "typer", "rich", "segno",
           "gpiod", "pumpd_simulators", "of_the_machine")  # fmt: skip
CORE = {"pumpd", "pumpd_drivers", "pydantic"}
SEEN = {
    "pumpd-control": CORE | {"gpiod"},
    "pumpd-bedside": CORE | {"starlette", "uvicorn"},
    "pumpd-telemetry": CORE | {"aiomqtt", "paho"},
    "pumpd-vitals": CORE | {"aiomqtt", "paho"},
    "pumpd": CORE | {"typer", "rich", "segno"},
    "pumpd-may-update": CORE,
    "pumpsim": CORE | {"starlette", "uvicorn", "aiomqtt", "paho", "pumpd_simulators"},
}
# `systemd-analyze security`, in tenths. Debian 12's systemd cannot give control a user namespace (decision 31).
EXPOSURE = {"deb12": {"pumpd-control.service": 10}, "deb13": {"pumpd-control.service": 8}}
OTHER_EXPOSURE = 13
HISTORY = "/var/lib/pumpd/journal.sqlite3"
BENCH = """
gateway = "bench"
state_dir = "/var/lib/pumpd"
[[pump]]
name = "bed1"
driver = "new-era"
port = "/tmp/pump"
serial = "SIM-1"
model = "ne-1000"
simulated = true
"""


@pytest.fixture(scope="module", params=EACH_DEBIAN)
def machine(request, tmp_path_factory) -> Iterator[Machine]:
    """Each test finds the package installed in this build's version."""
    # On the disk: a root has 300 MB, and the tests' own folder is in memory.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pumpd-package-", dir="/var/tmp") as folder:
        made = Machine(layout.DEBIANS[request.param], Path(folder) / "root")
        made.before = made.files()
        done = made.install()
        assert done.returncode == 0, done.stdout + done.stderr
        made.said = done.stdout
        yield made


def installed(machine: Machine) -> None:
    """Bring the machine back to this build's version."""
    done = machine.install(PUMPD_ROLLBACK="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_installs_without_a_network_and_says_what_is_next(machine):
    assert machine.version().endswith("install ok installed")
    assert "Not a cleared medical device" in machine.said
    assert "pumpd setup" in machine.said
    assert machine.must("pumpd", "--version").startswith("pumpd ")
    assert "new-era" in machine.must("pumpsim", "list")
    assert machine.must("dpkg", "--verify", "pumpd") == ""


def test_a_process_that_is_left_behind_in_a_root_is_reaped(machine):
    """As by a machine's first process. A zombie would look as if a deadman still ran."""
    left = "sh -c 'sleep 0.1 & echo $! > /tmp/pid'; sleep 2; kill -0 $(cat /tmp/pid)"
    assert machine("sh", "-c", left).returncode == 1


def test_the_services_are_enabled_and_wait_for_a_configuration(machine):
    for unit in GATEWAY.enabled:
        assert machine.must("systemctl", "is-enabled", unit).strip() == "enabled"
    assert not (machine.root.path / "etc/pumpd/pumpd.toml").exists()


@pytest.mark.parametrize("program", SEEN)
def test_each_program_sees_its_own_groups_and_nothing_of_the_machine(machine, program):
    stray = machine.root.path / "usr/lib/python3/dist-packages/of_the_machine.py"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("")
    try:
        assert machine.importable(program, MODULES) == SEEN[program]
    finally:
        stray.unlink()


def test_a_sites_own_driver_is_seen(machine):
    added = machine.root.path / GATEWAY.added.lstrip("/")
    added.mkdir(parents=True)
    (added / "their_pump.py").write_text("")
    assert machine.importable("pumpd-control", ("their_pump",)) == {"their_pump"}
    (added / "their_pump.py").unlink()
    added.rmdir()


def test_python_is_compiled_at_installation_so_that_no_start_has_to(machine):
    home = machine.root.path / GATEWAY.libraries
    sources = {path for path in home.rglob("*.py") if path.stat().st_size}
    compiled = {path.parent.parent / f"{path.name.partition('.')[0]}.py" for path in home.rglob("*.pyc")}
    assert not sources - compiled


def test_a_simulated_pump_is_found_and_stopped(machine):
    """The whole way from a command to a simulated pump, by the installed programs, as pumpd's own user."""
    (machine.root.path / "root/bench.toml").write_text(BENCH, encoding="utf-8")
    done = machine.must("bash", "-c", """
        set -e
        pumpsim new-era --pty /tmp/pump > /tmp/sim & sim=$!
        for i in $(seq 300); do grep -q ready /tmp/sim && break; sleep 0.1; done
        /opt/pumpd/bin/pumpd-control --config /root/bench.toml 2> /tmp/control.log & control=$!
        export PUMPD_CONFIG=/root/bench.toml
        for i in $(seq 300); do pumpd stop && break; sleep 0.1; done
        pumpd status || { cat /tmp/control.log; false; }
        kill $control; wait $control || true; kill $sim; wait $sim
        rm -rf /var/lib/pumpd/* /root/bench.toml
    """)  # fmt: skip
    assert "Stopped: bed1" in done


@pytest.mark.requirement("SEC-11")
def test_the_bill_of_materials_lists_exactly_what_is_installed(machine):
    there = set()
    for metadata in machine.root.path.glob(f"{GATEWAY.libraries}/*/*.dist-info/METADATA"):
        fields = Parser().parsestr(metadata.read_text(encoding="utf-8"), headersonly=True)
        there.add((fields["Name"].lower().replace("_", "-"), fields["Version"]))
    bill = json.loads((machine.root.path / GATEWAY.sbom).read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    components = [*bill["components"], bill["metadata"]["component"]]
    listed = {(each["name"].lower().replace("_", "-"), each.get("version")) for each in components}
    assert {each for each in listed if each[1]} == there
    assert len(there) > 25
    assert {name for name, _ in there} >= {"pumpd", "pumpd-drivers", "pumpd-simulators"}
    locked = machine.package.with_suffix("").with_suffix("")  # the copy beside the package is the same
    assert json.loads(locked.with_name(f"{machine.package.stem}.cdx.json").read_text(encoding="utf-8")) == bill


def test_the_manual_and_completion_are_there(machine):
    pages = {path.name for path in (machine.root.path / "usr/share/man/man1").glob("pumpd*")}
    assert {"pumpd.1.gz", "pumpd-stop.1.gz", "pumpd-status.1.gz"} <= pages
    assert machine.must("bash", "-n", "/usr/share/bash-completion/completions/pumpd") == ""
    completed = machine.must("env", "_PUMPD_COMPLETE=complete_bash", "COMP_WORDS=pumpd sto", "COMP_CWORD=1", "pumpd")
    assert completed.split() == ["stop"]


def test_systemd_accepts_the_units_and_their_exposure_is_low(machine):
    units = [path.name for path in GATEWAY.unit_files]
    done = machine("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "pumpd" in line]) == (0, [])
    for unit in units:
        if unit == "pumpd-update-check.service" or unit.endswith(".timer"):
            continue  # the one runs dpkg as root, at boot only; the other runs nothing itself
        bound = EXPOSURE[machine.debian.name].get(unit, OTHER_EXPOSURE)
        done = machine("systemd-analyze", "security", "--offline=true", f"--threshold={bound}", "--no-pager", unit)
        assert done.returncode == 0, done.stdout[-300:]


def test_the_users_directories_and_rules_are_the_packages(machine):
    assert "pumpd-operators" in machine.must("getent", "group", "pumpd-operators")
    assert machine.must("id", "--user", "--name", "pumpd").strip() == "pumpd"
    if machine.debian.name == "deb13":  # Debian 12's udevadm cannot check rules
        machine.must("udevadm", "verify", "--resolve-names=never", "/usr/lib/udev/rules.d/60-pumpd.rules")


def test_lintian_finds_nothing(machine):
    done = subprocess.run(
        ["lintian", "--allow-root", "--no-cfg", "--fail-on", "error,warning", machine.package],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.requirement("SEC-10")
def test_a_newer_version_replaces_it_and_an_older_one_is_refused(machine, tmp_path):
    newer = repacked(machine.package, "99.0", tmp_path)
    assert machine.install(newer).returncode == 0
    assert machine.version() == "99.0 install ok installed"
    assert machine.must("pumpd", "--version").startswith("pumpd ")
    refused = machine.install()
    assert refused.returncode != 0
    assert "refused: 99.0 was installed" in refused.stderr
    assert machine.version() == "99.0 install ok installed"
    assert machine.must("dpkg", "--verify", "pumpd") == ""
    installed(machine)  # the updater may roll back
    assert machine.version().endswith(f"{machine.debian.name} install ok installed")


@pytest.mark.requirement("SEC-10")
@pytest.mark.parametrize("action", ["upgrade", "remove"])
def test_while_a_pump_is_in_use_nothing_is_changed(machine, tmp_path, action):
    hook = machine.root.path / GATEWAY.bin / "pumpd-may-update"
    own = hook.read_text(encoding="utf-8")
    hook.write_text("#!/bin/sh\necho 'bed1 infuses' >&2\nexit 1\n", encoding="utf-8")
    before = machine.version().replace("deinstall", "install")
    try:
        if action == "upgrade":
            refused = machine.install(repacked(machine.package, "99.0", tmp_path))
        else:
            refused = machine("dpkg", "--remove", "pumpd")
        assert refused.returncode != 0
        assert "bed1 infuses" in refused.stderr
        assert "Nothing was changed" in refused.stderr
        # After a refused removal dpkg remembers that it was asked for (`deinstall`), and nothing else.
        assert machine.version().replace("deinstall", "install") == before
        assert machine.must("pumpd", "--version").startswith("pumpd ")
        assert list((machine.root.path / GATEWAY.libraries / "core/pumpd/__pycache__").glob("*.pyc"))
    finally:
        hook.write_text(own, encoding="utf-8")


@pytest.mark.requirement("SEC-10")
def test_the_installed_version_is_asked_and_says_why_not(machine):
    """It permits where nothing is configured, and not where the configuration does not say whether a pump is in use."""
    assert machine("/opt/pumpd/bin/pumpd-may-update").returncode == 0
    config = machine.root.path / "etc/pumpd/pumpd.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("nonsense = 1\n", encoding="utf-8")
    try:
        refused = machine("dpkg", "--remove", "pumpd")
        assert refused.returncode != 0
        assert "not known whether a pump is in use" in refused.stderr
        assert machine.must("pumpd", "--version").startswith("pumpd ")
    finally:
        config.unlink()
        config.parent.rmdir()
        installed(machine)


def test_remove_keeps_what_the_site_made_and_purge_keeps_a_dose_history(machine):
    etc, state = machine.root.path / "etc/pumpd", machine.root.path / "var/lib/pumpd"
    etc.mkdir(exist_ok=True)
    (etc / "site.pem").write_text("")
    state.mkdir(exist_ok=True)
    (machine.root.path / HISTORY.lstrip("/")).write_text("doses")
    try:
        machine.must("dpkg", "--remove", "pumpd")
        assert (etc / "site.pem").exists()
        assert not (machine.root.path / "opt/pumpd").exists()
        done = machine("dpkg", "--purge", "pumpd")
        assert done.returncode == 0
        assert "/var/lib/pumpd is kept" in done.stderr
        assert (machine.root.path / HISTORY.lstrip("/")).read_text() == "doses"
        assert not etc.exists()
    finally:
        (machine.root.path / HISTORY.lstrip("/")).unlink()
        state.rmdir()
        installed(machine)


def test_purge_leaves_nothing(machine):
    machine.must("dpkg", "--purge", "pumpd")
    try:
        assert machine.files() - machine.before == set()
    finally:
        installed(machine)


def test_arm64_holds_only_programs_for_arm64():
    for debian in layout.DEBIANS:
        (package,) = DIST.glob(f"pumpd_*+{debian}_arm64.deb")
        listed = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
        import io
        import tarfile

        with tarfile.open(fileobj=io.BytesIO(listed)) as archive:
            libraries = [each for each in archive.getmembers() if re.search(r"\.so[.0-9]*$", each.name)]
            machines = {archive.extractfile(each).read(20)[18:20] for each in libraries}
        assert len(libraries) >= 4
        assert machines == {(183).to_bytes(2, "little")}  # EM_AARCH64, elf(5)


def test_the_same_sources_give_the_same_bytes(tmp_path):
    made = build(GATEWAY, ["deb13"], ["amd64"], tmp_path)
    same = [path.read_bytes() == (DIST / path.name).read_bytes() for path in made]
    assert same == [True], "the build is not reproducible, or dist/ was made from other sources: run `make package`"
