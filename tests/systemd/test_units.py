"""The systemd units: valid, tight, and with the settings that the design rests on. Nothing here starts a unit."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pumpd.doctor.local_signals import GPIO_GROUP
from pumpd.doctor.serial_ports import SERIAL_GROUP
from pumpd.host import units
from pumpd.journal import Entry, Journal
from pumpd.settings import Settings
from pumpd.setup.plan import ON_A_GATEWAY

UNITS = Path(__file__).parent.parent.parent / "systemd"
SERVICES = sorted(units.ALL)
NOBODY = 65534


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"this test needs {name}: install systemd (apt-get install systemd, or `make test`)")
    return path


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / name)
    return parser


def dropin(folder: str) -> configparser.ConfigParser:
    """A drop-in as systemd itself reads it, where it would lie on a gateway."""
    with tempfile.TemporaryDirectory() as root:
        name = folder.removesuffix(".d")
        there = Path(root) / "etc" / "systemd" / folder
        there.mkdir(parents=True)
        shutil.copy(UNITS / folder / "pumpd.conf", there)
        (there.parent / name).write_text("")
        done = subprocess.run(
            [tool("systemd-analyze"), f"--root={root}", "--no-pager", "cat-config", f"systemd/{name}"],
            capture_output=True,
            text=True,
            check=True,
        )
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(done.stdout)
    return parser


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for name in SERVICES:
        text = (UNITS / name).read_text()
        program = f"/opt/pumpd/bin/{name.removesuffix('.service')}"
        assert f"ExecStart={program} " in text
        # `verify` requires the program to exist, which is only installed on a gateway.
        (tmp_path / name).write_text(text.replace(program, sys.executable))
    files = [str(tmp_path / name) for name in SERVICES]
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "pumpd" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", SERVICES)
def test_exposure_is_at_most_1_5(name):
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--threshold=15", "--no-pager", str(UNITS / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    assert "Overall exposure level" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_and_always_restarted(name):
    service = unit(name)["Service"]
    assert (service["Type"], service["WatchdogSec"], service["Restart"], service["RestartSec"]) == (
        "notify",
        "10",
        "always",
        "2",
    )
    assert unit(name)["Unit"]["StartLimitIntervalSec"] == "0"
    program = name.removesuffix(".service")
    assert service["ExecStart"] == f"/opt/pumpd/bin/{program} --config /etc/pumpd/pumpd.toml"


@pytest.mark.parametrize("name", SERVICES)
def test_the_threads_of_a_service_share_a_heap(name):
    assert unit(name)["Service"]["Environment"] == "MALLOC_ARENA_MAX=1"


@pytest.mark.parametrize("name", SERVICES)
def test_a_gateway_that_is_not_configured_starts_nothing(name):
    """An unmet condition is no failure and is not tried again; a refused configuration would be, every 2 s."""
    assert unit(name)["Unit"]["ConditionPathExists"] == "/etc/pumpd/pumpd.toml"


@pytest.mark.parametrize(
    ("name", "configured", "missing"),
    [
        (
            "bedside",
            ("[bedside.limits]\n", 'bedside.host = "a"\n', "bedside = {}\n"),
            "[[pump]]\n# [bedside]\n[bedside_x]\n",
        ),
        (
            "telemetry",
            ("a = 1\n[mqtt] # a broker\n", "mqtt.port = 1\n", "[metrics]\n"),
            "mqtt_like = 1\n[vitals.broker]\n",
        ),
        ("vitals", ("[ vitals.broker ]\n", "[vitals]\nbroker.port = 1\n"), "[vitals]\n[vitalsXbroker]\n"),
    ],
)
def test_a_service_starts_only_where_its_section_is(tmp_path, name, configured, missing):
    file, dropin = tmp_path / "pumpd.toml", tmp_path / "pumpd.d" / "site.toml"
    condition = unit(units.unit(name))["Service"]["ExecCondition"]
    command = words(condition, tmp_path)

    def met(text: str, in_dropin: str = "") -> bool:
        file.write_text(text)
        if in_dropin:
            dropin.parent.mkdir(exist_ok=True)
            dropin.write_text(in_dropin)
        return subprocess.run(command, check=False).returncode == 0

    assert not met(missing)
    assert all(met(text) for text in configured)
    assert not met(missing, in_dropin=missing)
    assert all(met(missing, in_dropin=text) for text in configured)


LIMITS = """[vitals]
spo2_percent.critical_low = 88
heart_rate_bpm.critical_high = 140
systolic_mmhg.critical_high = 180
diastolic_mmhg.critical_high = 110
"""
TOPICS = """topics.bed1 = "beds/1"
[[pump]]
name = "bed1"
driver = "new-era"
model = "ne-1000"
port = "/run/pump"
serial = "A-1"
simulated = true
"""
BROKER = 'host = "127.0.0.1"\ntls = false\n'


@pytest.mark.parametrize(
    ("section", "starts"),
    [
        ("[bedside]\n", "bedside"),
        (f"[mqtt]\n{BROKER}", "telemetry"),
        (f"[fleet]\n{BROKER}", "telemetry"),
        ("[metrics]\n", "telemetry"),
        (f'{LIMITS}broker.host = "127.0.0.1"\nbroker.tls = false\n{TOPICS}', "vitals"),
        (LIMITS, None),
        ("", None),
    ],
)
def test_setup_doctor_and_units_start_the_same_processes(tmp_path, section, starts):
    file = tmp_path / "pumpd.toml"
    file.write_text('gateway = "ward-7"\nstate_dir = "/var/lib/pumpd"\n' + section)
    wanted = units.needed(Settings.load(file))
    conditions = {
        name: unit(units.unit(name))["Service"]["ExecCondition"] for name in ("bedside", "telemetry", "vitals")
    }
    met = [
        name for name, each in conditions.items() if subprocess.run(words(each, tmp_path), check=False).returncode == 0
    ]
    assert ["control", *met] == [*wanted] == ["control", *([starts] if starts else [])]


def test_setup_puts_everything_where_package_and_shipped_configuration_have_it():
    shipped = tomllib.loads((UNITS.parent / "config" / "pumpd.toml").read_text(encoding="utf-8"))
    assert {key: shipped[key] for key in ON_A_GATEWAY} == ON_A_GATEWAY
    folders = re.findall(r"^d (\S+)", (UNITS / "tmpfiles.d" / "pumpd.conf").read_text(encoding="utf-8"), re.MULTILINE)
    assert folders == [str(Path(place).parent) for key, place in ON_A_GATEWAY.items() if "socket" in key]


def test_doctor_expects_the_groups_that_the_unit_of_control_has():
    groups = unit(units.CONTROL)["Service"]["SupplementaryGroups"].split()
    assert groups == [SERIAL_GROUP, GPIO_GROUP]


def words(condition: str, etc: Path) -> list[str]:
    """systemd takes a doubled backslash as one, and quotes as a shell does (systemd.service(5))."""
    return shlex.split(condition.replace("/etc/pumpd", str(etc)).replace(r"\\", "\\"))


def test_control_has_no_network_and_only_serial_and_gpio_devices():
    service = unit("pumpd-control.service")["Service"]
    assert service["PrivateNetwork"] == "yes"
    assert service["RestrictAddressFamilies"] == "AF_UNIX"
    assert service["DevicePolicy"] == "closed"
    text = (UNITS / "pumpd-control.service").read_text()
    assert sorted(line for line in text.splitlines() if line.startswith("DeviceAllow")) == [
        # 166, 188 and 204 are ttyACM, ttyUSB and ttyAMA (a Pi's own). By name they would be allowed only if one
        # was there at the start.
        *(f"DeviceAllow=char-{kind} rw" for kind in ("166", "188", "204", "gpiochip", "ttyS")),
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_a_dynamic_user_has_no_name_of_a_group(name):
    """systemd does not start such a service: its user could not have a group of its own."""
    service = unit(name)["Service"]
    rules = (UNITS / "sysusers.d" / "pumpd.conf").read_text()
    groups = re.findall(r"^[gu] (\S+)", rules, re.MULTILINE)
    if service.get("DynamicUser") == "yes":
        assert service.get("User", name.removesuffix(".service")) not in groups
    else:
        assert service["User"] in groups


@pytest.mark.requirement("PWR-12", "STA-11")
def test_control_may_read_the_kernels_clock_and_no_service_may_set_it():
    """ProtectClock= and @privileged forbid adjtimex(2) even to a process that only reads; then nothing may start."""
    text = (UNITS / "pumpd-control.service").read_text()
    filters = [line.removeprefix("SystemCallFilter=") for line in text.splitlines() if line.startswith("SystemCallF")]
    assert filters[0] == "@system-service"  # the first makes it a list of what is allowed; later ones change it
    assert filters[-1].split() == ["adjtimex", "clock_adjtime", "clock_adjtime64"]
    service = unit("pumpd-control.service")["Service"]
    assert "ProtectClock" not in service
    assert service["CapabilityBoundingSet"] == ""  # no CAP_SYS_TIME
    assert {unit(name)["Service"].get("ProtectClock") for name in SERVICES} == {None, "yes"}


@pytest.mark.requirement("STA-11")
def test_with_the_drop_in_timesyncd_keeps_the_clock_within_a_second_of_utc():
    time = dropin("timesyncd.conf.d")["Time"]
    grows = 500e-6  # what the kernel adds to its error, each second; MAXFREQ of linux/timex.h
    slewed_s = 0.4  # an offset below this is slewed away, not set; NTP_MAX_ADJUST of systemd-timesyncd
    assert int(time["PollIntervalMaxSec"]) * grows + slewed_s + float(time["RootDistanceMaxSec"]) < 1
    assert 2048 * grows > 1  # with systemd's default interval a correct clock would be refused


@pytest.mark.requirement("PWR-09")
def test_the_machine_is_reset_within_fifteen_seconds_and_the_services_before_that():
    """The machine's watchdog watches systemd itself: it must not act before systemd has ended a hung service."""
    assert 0 < int(dropin("system.conf.d")["Manager"]["RuntimeWatchdogSec"]) <= 15
    assert {unit(name)["Service"]["WatchdogSec"] for name in SERVICES} == {"10"}


@pytest.mark.requirement("STP-09")
def test_a_deadman_outlives_control_however_control_ends():
    """systemd ends only the main process of the unit; the deadmen keep running beside the next control."""
    service = unit("pumpd-control.service")["Service"]
    assert (service["KillMode"], service["OOMPolicy"]) == ("process", "continue")
    # Where the next control finds it: a directory that no unit removes.
    assert service["ReadWritePaths"].split()[0] == "/run/pumpd"
    assert service["RuntimeDirectory"] == "pumpd-control"  # another one


def test_telemetry_has_no_device_and_reaches_no_socket_of_control():
    service = unit("pumpd-telemetry.service")["Service"]
    assert service["PrivateDevices"] == "yes"
    assert service["SupplementaryGroups"] == "pumpd"
    assert service["InaccessiblePaths"] == "-/run/pumpd -/run/pumpd-tablets -/run/pumpd-vitals"
    assert service["ReadOnlyPaths"] == "-/var/lib/pumpd"


@pytest.mark.requirement("SEC-21", "RUN-18")
def test_what_receives_vital_signs_reaches_the_vitals_socket_and_nothing_else_of_pumpd():
    service = unit("pumpd-vitals.service")["Service"]
    assert service["DynamicUser"] == "yes"
    assert service["PrivateDevices"] == "yes"
    assert service["SupplementaryGroups"] == "pumpd-vitals"
    assert service["InaccessiblePaths"] == "-/var/lib/pumpd -/run/pumpd -/run/pumpd-tablets"
    assert not {"StateDirectory", "ReadWritePaths", "LoadCredential"} & set(service)
    others = {unit(name)["Service"].get("SupplementaryGroups", "") for name in SERVICES if "vitals" not in name}
    assert not any("pumpd-vitals" in groups.split() for groups in others)


@pytest.mark.requirement("SEC-21")
def test_the_unit_of_bedside_reaches_the_tablet_socket_and_not_the_operator_socket():
    """Each socket has a directory whose group is inherited by the socket, and bedside is in one of the two groups."""
    rules = (UNITS / "tmpfiles.d" / "pumpd.conf").read_text()
    groups = dict(re.findall(r"^d (/run/\S+) 2750 pumpd (\S+) -$", rules, re.MULTILINE))
    assert groups == {
        "/run/pumpd": "pumpd-operators",
        "/run/pumpd-tablets": "pumpd-tablets",
        "/run/pumpd-vitals": "pumpd-vitals",
    }
    settings = Settings.load(UNITS.parent / "config" / "pumpd.toml")
    assert groups[str(settings.socket_path.parent)] == "pumpd-operators"
    assert groups[str(settings.tablet_socket_path.parent)] == "pumpd-tablets"
    assert groups[str(settings.vitals_socket_path.parent)] == "pumpd-vitals"
    bedside = unit("pumpd-bedside.service")["Service"]
    assert "pumpd-tablets" in bedside["SupplementaryGroups"].split()
    assert "pumpd-operators" not in bedside["SupplementaryGroups"].split()
    assert "-/run/pumpd" in bedside["InaccessiblePaths"].split()
    assert set(unit("pumpd-control.service")["Service"]["ReadWritePaths"].split()) == set(groups)


@pytest.mark.requirement("SEC-18")
def test_bedside_has_a_network_and_no_device_and_reaches_only_what_it_needs():
    service = unit("pumpd-bedside.service")["Service"]
    assert service["PrivateDevices"] == "yes"
    assert service["DynamicUser"] == "yes"  # neither root nor control's user, so it opens no pairing window
    assert service["SupplementaryGroups"] == "pumpd pumpd-tablets"
    hidden = ["-/var/lib/pumpd/tls", "-/var/lib/pumpd/staff.json", "-/run/pumpd", "-/run/pumpd-vitals"]
    assert service["InaccessiblePaths"].split() == hidden
    assert service["ReadOnlyPaths"] == "-/var/lib/pumpd"


def test_users_and_groups_are_created(tmp_path):
    (tmp_path / "etc").mkdir()
    with (UNITS / "sysusers.d" / "pumpd.conf").open() as rules:
        subprocess.run(
            [tool("systemd-sysusers"), f"--root={tmp_path}", "-"], stdin=rules, check=True, capture_output=True
        )
    assert (tmp_path / "etc" / "passwd").read_text().startswith("pumpd:")
    groups = [line.split(":")[0] for line in (tmp_path / "etc" / "group").read_text().splitlines()]
    assert sorted(groups) == ["gpio", "pumpd", "pumpd-operators", "pumpd-tablets", "pumpd-vitals"]


@pytest.mark.requirement("SEC-20")
@pytest.mark.parametrize("name", SERVICES)
def test_every_unit_states_that_it_is_not_a_cleared_device(name):
    assert "not a cleared medical device" in unit(name)["Unit"]["Description"]


READ = f"""
import os, sys
from pathlib import Path
from pumpd.journal import JournalError, JournalReader
os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
path = Path(sys.argv[1])
assert not os.access(path.parent, os.W_OK)
held = []
for line in sys.stdin:
    try:
        reader = held[0] if held else JournalReader(path)
        count = len(reader.after(0, limit=10_000))
        held = [reader] if line == "hold\\n" else held
        if not held:
            reader.close()
        print(count, os.access(path, os.W_OK), flush=True)
    except JournalError as error:
        print("refused", error, flush=True)
"""


class Reader:
    """Reads the journal as telemetry does: through the group, with no right to write file or directory."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-W", "ignore", "-c", READ, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, how: str = "once") -> str:
        self.process.stdin.write(how + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        with self.process:
            self.process.stdin.close()


@pytest.fixture
def state() -> Iterator[Path]:
    """As `StateDirectory=pumpd` with `UMask=0027` makes it."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    before = os.umask(0o027)
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(folder, 0, NOBODY)
    folder.chmod(0o2750)  # the group of the directory, as the service's own group is under systemd
    yield folder
    os.umask(before)
    shutil.rmtree(folder)


@pytest.mark.realtime
def test_telemetry_reads_the_journal_without_the_right_to_write_it(state):
    """SQLite's write-ahead log has a shared-memory file; a reader that may not write it still reads what is there."""
    path = state / "journal.sqlite3"
    with closing(Reader(path)) as reader:
        assert reader.read().startswith("refused")  # control has never run
        journal = Journal(path, boot="b")
        journal.append([Entry("one", {})])
        assert reader.read() == "1 False"
        journal.append([Entry("two", {}) for _ in range(3000)])  # more than one checkpoint's worth
        assert reader.read() == "3001 False"
        journal.close()
        # Nobody has it open, the log is merged, and a reader may not create a new one. Nothing is written meanwhile.
        assert reader.read().startswith("refused")
        journal = Journal(path, boot="b")
        journal.append([Entry("three", {})])
        assert reader.read("hold") == "3002 False"
        journal.close()
        assert reader.read() == "3002 False"  # a reader that has it open continues while control is down
        journal = Journal(path, boot="b")
        journal.append([Entry("four", {})])
        assert reader.read() == "3003 False"
        journal.close()


@pytest.mark.realtime
def test_a_journal_left_by_a_killed_control_is_readable(state):
    path = state / "journal.sqlite3"
    write = (
        "import os, signal, sys; from pathlib import Path; from pumpd.journal import Entry, Journal;"
        "Journal(Path(sys.argv[1]), boot='b').append([Entry('one', {})]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", write, str(path)], check=False)
    with closing(Reader(path)) as reader:
        assert reader.read() == "1 False"
