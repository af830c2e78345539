"""Each line of the doctor is good on a good gateway, and shows what is broken: that line, and no other."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pumpd.bedside.certificates import make
from pumpd.doctor.examination import GROUPS, examine
from pumpd.doctor.facts import Update
from pumpd.doctor.line import State
from pumpd.doctor.machine import Machine
from pumpd.host.clock_rules import KernelClock
from pumpd.host.file_check import DENIED, Deviation
from pumpd.journal import Anchor
from pumpd.journal.anchor_file import AnchorFile
from pumpd.settings_seal import Seal
from tests.doctor.gateway import CONTROL_PID, NOW, NURSE, OTHER_PID, PORT, PUMP, STATE, TABLET, Break, Gateway

LINES = {each.id: each for group in GROUPS for each in group.lines}
# Lines that only a gateway with such a section has (test_brokers.py, test_sent.py).
OF_SECTIONS = {"broker.reachable", "fleet.reachable", "broker.certificate", "telemetry.sent", "metrics.served"}
RED, YELLOW, OPEN = State.PROBLEM, State.WARNING, State.NOT_CHECKED


@pytest.fixture
def gateway(tmp_path) -> Gateway:
    return Gateway(tmp_path)


def not_good(gateway: Gateway) -> dict[str, State]:
    return {each.id: each.state for each in examine(gateway.facts) if each.state is not State.OK}


def test_a_good_gateway_is_good_in_every_line(gateway):
    found = examine(gateway.facts)
    assert [each for each in found if each.state is not State.OK] == []
    assert {each.id for each in found} == set(LINES) - OF_SECTIONS  # it has none of them


def wrong_time(gateway):
    gateway.clock = KernelClock(synchronized=False, error_us=0, ahead_ns=0)


def drifting(gateway):
    gateway.clock = KernelClock(synchronized=True, error_us=1_000_001, ahead_ns=0)


def rtc(seconds):
    return lambda gateway: gateway.write("sys/class/rtc/rtc0/since_epoch", str(seconds))


def gone(path):
    def break_it(gateway):
        place = gateway.root / path
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()

    return break_it


def file(path, text):
    return lambda gateway: gateway.write(path, text)


def setting(**given):
    return lambda gateway: gateway.given.update(given)


def facts(**given):
    return lambda gateway: gateway.changes.update(given)


def machine(**given):
    return lambda gateway: [setattr(gateway.machine, name, value) for name, value in given.items()]


def unit(**given):
    return lambda gateway: gateway.machine.units.update({"pumpd-control.service": given})


def printed(program, text):
    return lambda gateway: gateway.machine.printed.update({program: text})


def pump(**given):
    return lambda gateway: gateway.status.update(pumps=[PUMP | given])


def status(**given):
    return lambda gateway: gateway.status.update(given)


def process(*words, opened=()):
    return lambda gateway: gateway.process(OTHER_PID, *words, opened=opened)


def port(name):
    def break_it(gateway):
        gateway.write(name, "").chmod(0o660)
        gateway.given["pump"][0]["port"] = name
        gone(f"proc/{CONTROL_PID}")(gateway)
        gateway.process(CONTROL_PID, "python3", unit="pumpd-control.service", opened=[name])

    return break_it


def mode(path, bits):
    return lambda gateway: (gateway.root / path).chmod(bits)


def later(days):
    return lambda gateway: (
        setattr(gateway, "now", NOW + timedelta(days=days)),
        rtc(round((NOW + timedelta(days=days)).timestamp()))(gateway),
        gateway.process(CONTROL_PID + 1, "python3", unit="other.service"),
    )


def another_key(gateway):
    state = gateway.root / STATE
    key = (state / "tls/gateway.key").read_bytes()
    make(state / "tls", "ward-7", ["ward-7.local"])
    (state / "tls/gateway.key").unlink()
    (state / "tls/gateway.key").write_bytes(key)


def another_authority(gateway):
    tls = gateway.root / STATE / "tls"
    server = (tls / "gateway.pem").read_text().partition("-----END CERTIFICATE-----\n")
    make(gateway.root / "else", "ward-7", ["x"])
    (tls / "gateway.pem").write_text(server[0] + server[1] + (gateway.root / "else/ca.pem").read_text())


def altered_journal(gateway):
    path = gateway.root / STATE / "journal.sqlite3"
    raw = path.read_bytes()
    assert raw.count(b"P-CANARY") == 1
    path.write_bytes(raw.replace(b"P-CANARY", b"P-CANARI"))


def lost_entries(gateway):
    anchor = AnchorFile(gateway.root / STATE / "journal.anchor")
    anchor.read()
    anchor.write(Anchor(99, "0" * 64), ())


def large_log(gateway):
    with (gateway.root / STATE / "journal.sqlite3-wal").open("wb") as log:
        log.truncate(65 << 20)


def changed_library(gateway):
    manifest = gateway.root / "etc/pumpd/library/library.toml"
    manifest.write_text(f"# x\n{manifest.read_text()}")


def full_of_descriptors(gateway):
    for number in range(900):
        (gateway.root / f"proc/{CONTROL_PID}/fd/{number + 10}").symlink_to("/dev/null")


def newer_package(gateway):
    import os

    os.utime(gateway.root / "var/lib/dpkg/info/pumpd.list", (NOW.timestamp() - 60,) * 2)


def listens(of, *rows):
    """A process of pumpd with these rows of the kernel's tables: table, address and state. The last one of each table
    is of another process.
    """

    def broken(gateway):
        gateway.process(500, "/usr/bin/python3.11", "-m", f"pumpd.{of}", unit=f"pumpd-{of}.service")
        tables = {table: "sl local_address rem_address st\n" for table, *_ in rows}
        for number, (table, address, state) in enumerate(rows):
            (gateway.root / f"proc/500/fd/{number}").symlink_to(f"socket:[{70 + number}]")
            for inode in (70 + number, 9):
                tables[table] += f"0: {address} 0:0 {state} 0:0 0:0 0 0 0 {inode} 1\n"
        for table, text in tables.items():
            gateway.write(f"proc/500/net/{table}", text)

    return broken


OWN_PORT, PORT_23 = ("tcp", "00000000:20FB", "0A"), ("tcp", "00000000:0017", "0A")
LOCAL_V6 = ("tcp6", "00000000000000000000000001000000:0913", "0A")
OWN_CONNECTED, UDP = ("tcp", "00000000:20FB", "01"), ("udp", "00000000:20FB", "07")
ROLLED_BACK = Update({"from": "8", "to": "9", "outcome": "rolled back", "why": "it died"})
ALARM = {"priority": "high", "cause": "Occlusion", "action": "Open the clamp", "code": "occlusion"}
FAILED = {"ts": "x", "passed": False, "results": [{"what": "disk", "state": "failed", "detail": "slow"}]}

BREAKS: list[tuple[str, str, State, Break]] = [
    # line, what is found, state, how it is broken
    ("clock.synchronized", "not synchronized", RED, wrong_time),
    ("clock.synchronized", "1.001 s from NTP", RED, drifting),
    ("clock.rtc", "none", YELLOW, gone("sys/class/rtc")),
    ("clock.rtc", "lost the time", YELLOW, rtc(86400)),
    ("clock.rtc", "61 s ahead", YELLOW, rtc(round(NOW.timestamp()) + 61)),
    ("clock.rtc", "61 s behind", YELLOW, rtc(round(NOW.timestamp()) - 61)),
    ("config.check", "gateway: is missing", RED, facts(errors=("x.toml:1: gateway: is missing",))),
    ("config.check", "may be another adapter", YELLOW, facts(warnings=("pump bed1: may be another adapter",))),
    (
        "files.modes",
        "/x: everyone can read it",
        RED,
        facts(deviations=(Deviation("/x", "everyone can read it", "do", grave=True),)),
    ),
    (
        "files.modes",
        "/x: no one can read it",
        YELLOW,
        facts(deviations=(Deviation("/x", "no one can read it", "`do`", grave=False),)),
    ),
    ("tls.served", "until 2026-12-01", YELLOW, status(certificate={"until_ts": "2026-12-01T00:00:00+00:00"})),
    ("units.update", "9 was rolled back to 8: it died", YELLOW, facts(update=ROLLED_BACK)),
    ("units.update", "8 to 9", RED, facts(update=Update(under_way="8 9"))),
    ("units.update", "needs root", OPEN, facts(update=Update(denied=True))),
    ("config.signature", "it is not signed", RED, facts(seal=Seal(problems=("configuration: it is not signed",)))),
    ("control.in_use", "is older", RED, status(library={"problems": ["library: is older"]})),
    ("control.in_use", "was changed", RED, status(configuration={"problems": ["a file was changed"]})),
    ("files.modes", "needs root", OPEN, facts(deviations=(Deviation("/x", DENIED, "do", grave=False),))),
    ("library.signed", "does not match library.toml", RED, changed_library),
    ("library.signed", "library.sig is missing", RED, gone("etc/pumpd/library/library.sig")),
    ("library.signed", "is for day-clinic", RED, setting(care_area="icu")),
    ("serial.port", "is not there", RED, gone("dev/ttyUSB0")),
    ("serial.port", "is not there", RED, gone(PORT.lstrip("/"))),
    ("serial.name", "may be another adapter", RED, port("/dev/ttyUSB7")),
    ("serial.permission", "control may not open it", RED, mode("dev/ttyUSB0", 0o600)),
    ("serial.permission", "group root", RED, machine(groups={PORT: "root", "/dev/gpiochip0": "gpio"})),
    ("signals.gpio", "group root: control may not open it", RED, machine(groups={"/dev/gpiochip0": "root"})),
    ("serial.exclusive", "minicom (pid 900)", RED, process("/usr/bin/minicom", opened=["dev/ttyUSB0"])),
    ("serial.rules", "not installed", RED, gone("usr/lib/udev/rules.d/60-pumpd.rules")),
    ("serial.brltty", "runs", RED, process("/usr/bin/brltty")),
    ("serial.brltty", "85-brltty.rules", YELLOW, file("usr/lib/udev/rules.d/85-brltty.rules", "")),
    ("serial.console", "kernel's console", RED, file("proc/cmdline", "quiet console=ttyUSB0,115200")),
    ("serial.console", "a login waits on ttyUSB0", RED, process("/sbin/agetty", "115200", "ttyUSB0")),
    ("power.supply", "nothing is monitored", YELLOW, gone("sys/class/hwmon")),
    ("power.supply", "voltage is too low", RED, file("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1")),
    ("power.throttled", "now: voltage too low", RED, file("sys/devices/platform/soc/soc:firmware/get_throttled", "1")),
    (
        "power.throttled",
        "since boot: voltage too low, slowed down",
        YELLOW,
        file("sys/devices/platform/soc/soc:firmware/get_throttled", "50000"),
    ),
    ("power.temperature", "70 °C", YELLOW, file("sys/class/thermal/thermal_zone0/temp", "70000")),
    ("power.temperature", "80 °C", RED, file("sys/class/thermal/thermal_zone0/temp", "80000")),
    ("power.watchdog", "none", YELLOW, gone("sys/class/watchdog")),
    ("power.watchdog", "nothing uses it", RED, file("sys/class/watchdog/watchdog0/state", "inactive")),
    ("power.watchdog", "nothing uses it", RED, machine(watchdog="0")),
    ("power.watchdog", "it waits 16 s", RED, file("sys/class/watchdog/watchdog0/timeout", "16")),
    ("disk.space", "1023 MB", YELLOW, machine(free_mb=1023)),
    ("disk.space", "199 MB", RED, machine(free_mb=199)),
    ("disk.space", "999 more files", RED, machine(files=999)),
    ("disk.writable", "read-only", RED, machine(read_only=True)),
    ("disk.fsync", "200 ms", YELLOW, machine(sync_s=0.2)),
    ("disk.fsync", "2000 ms", RED, machine(sync_s=2.0)),
    # 24 h at 201 MB an hour, in sectors of 512 bytes
    (
        "disk.writes",
        "201 MB an hour",
        YELLOW,
        file("sys/block/mmcblk0/mmcblk0p2/stat", f"0 0 0 0 0 0 {201 * 24 * 2048}"),
    ),
    ("disk.wear", "90 %", YELLOW, file("sys/block/mmcblk0/device/life_time", "0x01 0x09")),
    ("disk.wear", "more than its life", RED, file("sys/block/mmcblk0/device/life_time", "0x0b 0x01")),
    ("disk.wear", "20 %", RED, file("sys/block/mmcblk0/device/pre_eol_info", "0x03")),
    ("disk.wear", "does not report it", OPEN, gone("sys/block/mmcblk0/device")),
    ("journal.tail", "does not fit the hash chain", RED, altered_journal),
    ("journal.tail", "entry 99 existed", RED, lost_entries),
    ("journal.anchor", "is damaged", RED, lambda gateway: gateway.write(f"{STATE}/journal.anchor", "x")),
    ("journal.anchor", "there is none yet", OPEN, gone(f"{STATE}/journal.anchor")),
    ("signals.gpio", "/dev/gpiochip9 is not there", RED, setting(gpio={"light": 1, "chip": "/dev/gpiochip9"})),
    ("signals.output", "/sys/class/leds/x is not there", RED, setting(alarm={"output": "/sys/class/leds/x"})),
    ("journal.size", "write-ahead log 65.0 MB", YELLOW, large_log),
    ("memory.free", "585 MB", YELLOW, file("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 599999 kB")),
    ("memory.free", "195 MB", RED, file("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 199999 kB")),
    ("memory.swap", "/var/swap", YELLOW, file("proc/swaps", "Filename\n/dev/zram0 p\n/var/swap file")),
    ("memory.killed", "2 since boot", YELLOW, file("proc/vmstat", "oom_kill 2")),
    ("tls.certificate", "there is none", RED, gone(f"{STATE}/tls/gateway.pem")),
    ("tls.certificate", "does not hold ward-8.local", RED, setting(bedside={"names": ["ward-8.local"]})),
    ("tls.certificate", "not signed by the authority", RED, another_authority),
    ("tls.key", "there is no", RED, gone(f"{STATE}/tls/gateway.key")),
    ("tls.key", "does not belong", RED, another_key),
    ("tablets.paired", "none", YELLOW, file(f"{STATE}/paired-keys.json", "[]")),
    ("tablets.paired", "cannot be used", RED, file(f"{STATE}/paired-keys.json", "[{}]")),
    ("tablets.paired", "none", YELLOW, file(f"{STATE}/paired-keys.json", json.dumps([TABLET | {"kind": "software"}]))),
    ("tablets.staff", "no one", YELLOW, gone(f"{STATE}/staff.json")),
    (
        "tablets.staff",
        "none of them may confirm a start",
        RED,
        file(f"{STATE}/staff.json", json.dumps([NURSE | {"roles": []}])),
    ),
    ("tablets.staff", "cannot be used", RED, file(f"{STATE}/staff.json", "{")),
    ("units.active", "failed (watchdog)", RED, unit(ActiveState="failed", Result="watchdog")),
    ("units.active", "restarted 3 times", YELLOW, unit(NRestarts="3")),
    ("units.active", "not-found", RED, unit(LoadState="not-found")),
    ("units.enabled", "disabled", RED, unit(UnitFileState="disabled")),
    ("units.sandbox", "replaces the shipped", RED, unit(FragmentPath="/etc/systemd/system/pumpd-control.service")),
    ("units.version", "before the package was installed", YELLOW, newer_package),
    ("units.package", "changed: /opt/pumpd/x", RED, printed("dpkg", "??5??????   /opt/pumpd/x\n??5?????? c /etc/y\n")),
    ("units.package", "needs root", OPEN, printed("dpkg", "missing     /opt/x (Permission denied)\n")),
    ("units.memory", "205 MB of 256 MB", YELLOW, unit(MemoryCurrent=str(205 << 20))),
    ("units.descriptors", "901 of 1024", YELLOW, full_of_descriptors),
    ("units.ports", "listens on TCP 0.0.0.0 port 23,", RED, listens("bedside", OWN_PORT, PORT_23)),
    ("units.ports", "listens on TCP ::1 port 2323,", RED, listens("telemetry", LOCAL_V6)),
    ("units.ports", "listens on UDP 0.0.0.0 port 8443,", RED, listens("bedside", OWN_PORT, UDP)),
    ("units.ports", "listens on TCP 0.0.0.0 port 8443,", RED, listens("vitals", OWN_PORT)),
    ("units.ports", "does not listen on its TCP port 8443", YELLOW, listens("bedside")),
    ("units.ports", "does not listen on its TCP port 8443", YELLOW, listens("bedside", OWN_CONNECTED)),
    ("control.alarms", "HIGH: Occlusion", RED, status(alarms=[ALARM])),
    ("control.alarms", "LOW: Occlusion", YELLOW, pump(alarms=[ALARM | {"priority": "low"}])),
    ("control.journal", "cannot be written", RED, status(journal="cannot be written")),
    ("pump.available", "another pump", RED, pump(problem="another pump answers")),
    ("pump.available", "pull its cable", YELLOW, pump(to_identify="pull its cable")),
    ("pump.available", "does not answer", YELLOW, pump(links={"pump": "lost"})),
    (
        "pump.loss_of_control",
        "continues",
        YELLOW,
        pump(loss_of_control=["vtbi_only"], loss_of_control_text="continues"),
    ),
    ("pump.self_test", "disk: slow", RED, pump(self_test=FAILED)),
    ("pump.self_test", "none since", OPEN, pump(self_test=None)),
    ("version.pumpd", "the package is 9.9", YELLOW, printed("dpkg-query", "9.9 arm64")),
    ("version.system", "Debian 11", YELLOW, file("etc/os-release", 'PRETTY_NAME="Debian 11"\nVERSION_ID="11"')),
]


@pytest.mark.parametrize(
    ("wanted", "found", "state", "break_it"), BREAKS, ids=[f"{each[0]}-{each[1]}" for each in BREAKS]
)
def test_a_broken_gateway_shows_what_is_broken_and_nothing_else(gateway, wanted, found, state, break_it):
    break_it(gateway)
    checks = [each for each in examine(gateway.facts) if each.state is not State.OK]
    of_line = [each for each in checks if each.id == wanted]
    assert [each.state for each in of_line] == [state], checks
    assert found in of_line[0].found
    assert bool(of_line[0].what_to_do) is (state is not OPEN)
    assert "NAME" not in of_line[0].what_to_do
    assert {each.id for each in checks} <= {wanted, *also(wanted, found)}, checks


def also(wanted: str, found: str) -> set[str]:
    """Lines that show another side of the same fault."""
    return {
        ("tls.certificate", "there is none"): {"tls.key", "tls.served"},
        ("tls.key", "does not belong"): {"tls.served"},  # made again, perhaps a second later
    }.get((wanted, found), set())


@pytest.mark.requirement("SEC-14")
def test_a_port_of_the_published_list_is_good(gateway):
    listens("bedside", OWN_PORT, ("tcp", "0100007F:D431", "01"), ("udp", "00000000:D431", "01"))(gateway)
    (found,) = [each for each in examine(gateway.facts) if each.id == "units.ports"]
    assert (found.state, found.found) == (State.OK, "TCP 8443")


def test_a_relative_path_counts_from_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "state").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Machine(Path("/")).at("state") == tmp_path / "state"


def test_every_line_that_can_be_red_or_yellow_is_broken_here():
    assert {each[0] for each in BREAKS} >= set(LINES) - OWN_TESTS


# Broken in the tests below.
OWN_TESTS = {"control.answers", "library.keys", "disk.state", "serial.modem_manager", *OF_SECTIONS}


def test_a_line_is_described_once_and_its_id_is_unique():
    every = [each for group in GROUPS for each in group.lines]
    assert len({each.id for each in every}) == len(every) == len({each.title for each in every})


def test_every_line_says_when_it_is_wrong_and_what_to_do():
    for each in LINES.values():
        assert each.when
        assert each.to_do.endswith(".")


def test_without_a_state_directory_only_that_is_wrong_and_the_rest_is_open(gateway):
    gone(STATE)(gateway)
    found = not_good(gateway)
    assert found["disk.state"] is RED
    assert found["tls.certificate"] is RED
    assert {name for name, state in found.items() if state is OPEN} >= {"disk.space", "disk.fsync", "journal.tail"}


def test_modem_manager_needs_the_rule(gateway):
    gateway.process(OTHER_PID, "/usr/sbin/ModemManager")
    assert not_good(gateway) == {}
    gateway.write("usr/lib/udev/rules.d/60-pumpd.rules", "# nothing")
    assert not_good(gateway) == {"serial.modem_manager": RED}


@pytest.mark.parametrize("days", [365, 396])
def test_a_certificate_is_yellow_30_days_before_its_end(gateway, days):
    """A certificate lasts 397 days."""
    later(days)(gateway)
    found = not_good(gateway)
    assert found.get("tls.certificate") is (YELLOW if days >= 367 else None)


def test_a_certificate_is_red_after_its_end(gateway):
    later(398)(gateway)
    assert not_good(gateway)["tls.certificate"] is RED


def test_a_gateway_without_library_keys_starts_nothing_and_says_so(gateway):
    gateway.given["library_keys"] = {}
    assert not_good(gateway) == {"library.keys": RED, "library.signed": RED}


@pytest.mark.parametrize("mount", ["tmpfs x rw", "nfs4 x rw", "ext4 x rw,nobarrier", "ext4 x ro"])
def test_a_file_system_that_loses_a_journal_is_red(gateway, mount):
    gateway.write("proc/self/mountinfo", f"20 1 179:2 / / rw - {mount}")
    assert not_good(gateway) == {"disk.writable": RED}


def test_the_mount_below_which_the_state_lies_counts(gateway):
    gateway.write(
        "proc/self/mountinfo",
        "20 1 0:9 / / rw - tmpfs x rw\n"
        "21 20 179:2 / /var/lib rw - ext4 /dev/mmcblk0p2 rw\n"
        "22 20 0:9 / /var/lib/pum rw - tmpfs x rw",
    )
    assert not_good(gateway) == {}


@pytest.mark.parametrize(
    ("text", "state"),
    [("[Service]\nIPAddressDeny=any\nIPAddressAllow=192.0.2.0/24\n", None), ("[Service]\nPrivateNetwork=no\n", YELLOW)],
)
def test_a_drop_in_may_name_addresses_and_not_open_the_sandbox(gateway, text, state):
    gateway.write("/etc/systemd/system/pumpd-control.service.d/site.conf", text)
    unit(DropInPaths="/etc/systemd/system/pumpd-control.service.d/site.conf")(gateway)
    assert not_good(gateway).get("units.sandbox") is state


def test_pumpds_own_deadman_is_no_stranger_on_the_port(gateway):
    gateway.process(
        OTHER_PID, "python3", "-I", "-S", "/opt/pumpd/lib/core/pumpd/wire/deadman.py", opened=["dev/ttyUSB0"]
    )
    assert not_good(gateway) == {}


def test_a_group_is_read_from_the_machines_own_list(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "port").write_text("")
    number = (tmp_path / "port").stat().st_gid
    (tmp_path / "etc/group").write_text(f"a:x:{number + 1}:\nstaff:x:{number}:someone\n")
    assert Machine(tmp_path).group("/port") == "staff"
    (tmp_path / "etc/group").write_text("")
    assert Machine(tmp_path).group("/port") == str(number)
