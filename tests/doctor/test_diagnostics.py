"""The bundle for support: what may not leave a gateway is nowhere in it, whatever source it was planted in."""

import io
import json
import os
import stat
import tarfile
from itertools import count

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.doctor import bundle
from pumpd.doctor.bundle import FOLDER, MOST_BYTES, NOT_IN_IT, NOTICE, archive, parts, write
from pumpd.doctor.examination import examine, report
from pumpd.doctor.facts import Control
from pumpd.doctor.redaction import LEFT_OUT, People, kernel_shown
from pumpd.host.file_check import Deviation
from pumpd.journal import Entry, Journal
from tests.doctor.gateway import NURSE, PUMP, STATE, STATUS, TABLET, Gateway


class Canaries:
    """A different word for each place, so that a leak names its place."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}
        self._number = count(1)

    def __call__(self, where: str, start: str = "Canary") -> str:
        word = f"{start}{next(self._number):03d}x"
        self.planted[word] = where
        return word


@pytest.fixture
def canary() -> Canaries:
    return Canaries()


@pytest.fixture
def gateway(tmp_path, canary) -> Gateway:
    made = Gateway(tmp_path)
    plant(made, canary)
    return made


def plant(gateway: Gateway, canary: Canaries) -> None:
    _in_the_configuration(gateway, canary)
    _in_the_state(gateway, canary)
    _in_control(gateway, canary)
    _in_the_logs(gateway, canary)
    gateway.process(901, "/usr/bin/python3", f"--password={canary('argument')}", opened=["dev/ttyUSB0"])
    gateway.process(902, canary("process"), opened=["dev/ttyUSB0"])
    gateway.write("etc/site.conf", f"[Service]\nEnvironment=PASSWORD={canary('drop-in')}\n")
    gateway.machine.units["pumpd-control.service"] = {"DropInPaths": "/etc/site.conf"}
    gateway.changes |= {
        "errors": (f"/etc/pumpd/pumpd.toml:3: {canary('key')}: is not a known key here", canary("error")),
        "warnings": (f"pump bed1: {canary('warning')}",),
        "deviations": (Deviation("/x", f"belongs to {canary('user')}", "do", grave=True),),
    }


def _in_the_configuration(gateway: Gateway, canary: Canaries) -> None:
    file = gateway.write("etc/pumpd/mqtt-password", canary("password file"))
    gateway.given["mqtt"] = {
        "host": "127.0.0.1",
        "port": 1,
        "username": canary("broker user"),
        "password_file": str(file),
    }
    signs = ("spo2_percent", "heart_rate_bpm", "systolic_mmhg", "diastolic_mmhg")
    limits = {name: {"critical_low": 55} for name in signs}
    gateway.given["vitals"] = limits | {
        "broker": {"host": "127.0.0.1", "port": 1, "username": canary("monitor user")},
        "topics": {"bed1": f"ward/{canary('topic')}"},
    }
    gateway.given["library_keys"][canary("key name", "canary")] = gateway.given["library_keys"]["pharmacy"]
    gateway.given["pump"][0]["settings"] = {"password": canary("driver setting"), "address": 7}


def _in_the_state(gateway: Gateway, canary: Canaries) -> None:
    tablet = TABLET | {"id": canary("key id"), "name": canary("tablet"), "public_pem": canary("public key")}
    nurse = {name: canary(name) for name in ("badge", "name", "pin_hash", "person")}
    gateway.write(f"{STATE}/paired-keys.json", json.dumps([tablet]))
    gateway.write(f"{STATE}/staff.json", json.dumps([NURSE | nurse]))
    gateway.write(f"{STATE}/tls/gateway.key", canary("TLS key"))
    gateway.write("etc/pumpd/library/more.toml", canary("library"))
    journal = Journal(gateway.root / STATE / "journal.sqlite3", boot=canary("boot"))
    body = {"patient": canary("patient"), "wristband": canary("wristband"), "by": canary("by")}
    journal.append([Entry("reading", body, canary("pump"), canary("session")), Entry(canary("kind"), {})])
    journal.close()


def _in_control(gateway: Gateway, canary: Canaries) -> None:
    alarm = {name: canary(f"alarm {name}") for name in ("code", "cause", "action", "acknowledged_by")}
    test = {"what": canary("test"), "state": "failed", "detail": canary("detail")}
    gateway.status = STATUS | {
        "journal": canary("journal"),
        "alarms": [alarm | {"priority": "high"}, alarm | {"priority": "high", "code": "supply_short"}],
        "tablets": {canary("tablet id"): {"name": canary("tablet name"), "person": {"name": canary("signed in")}}},
        "pumps": [
            PUMP
            | {name: canary(f"pump {name}") for name in ("model", "serial", "patient", "pump_state", "firmware")}
            | {"problem": canary("problem"), "to_identify": canary("to identify"), "links": {"pump": canary("link")}}
            | {"self_test": {"ts": "x", "passed": False, "results": [test]}, "loss_of_control": [canary("loss")]}
            | {"infusion": {"state": canary("state"), "session": canary("infusion"), "reason": canary("reason")}}
            | {"loss_of_control_text": "continues"}
        ],
    }


def _in_the_logs(gateway: Gateway, canary: Canaries) -> None:
    names = "event level ts pump process code state pump_state patient why message topics"
    event = {name: canary(f"log {name}") for name in names.split()} | {"by": gateway_person(canary)}
    raised = {"exc_type": canary("type"), "exc_value": canary("value"), "frames": [{"filename": canary("frame")}]}
    good = {
        "event": "journal_failed",
        "level": "error",
        "ts": "2026-11-30T02:00:00.000+00:00",
        "pump": "bed1",
        "why": f"journal: {os.strerror(28)} {canary('reason')}",
        "by": gateway_person(canary),
        "exit_status": 1,
        "volume_ml": canary("volume"),
        "exception": [raised, raised | {"exc_type": "ValueError", "frames": [FRAME]}],
    }
    lines = [
        *(json.dumps(each) for each in (event, good, [canary("list")], canary("string"))),
        f"<3>{json.dumps(good | {'exception': canary('text')})}",
        f"ValueError: {canary('raised')}",
        f'  File "/opt/pumpd/lib/core/pumpd/x.py", line 7, in {"run"}',
        f'  File "{canary("file")}", line 7, in run',
        f"    x = '{canary('source')}'",
        f"{{{canary('broken')}",
    ]
    entries = [{"MESSAGE": each, "_PID": "400", "_UID": "999", "__REALTIME_TIMESTAMP": "1"} for each in lines]
    entries += [
        {"MESSAGE": "Started pumpd-control.service.", "_PID": "1", "_UID": "0", "_CMDLINE": canary("command line")},
        {"MESSAGE": [1, 2], "_HOSTNAME": canary("host")},
        {"MESSAGE": f"I am systemd {canary('identifier')}", "SYSLOG_IDENTIFIER": "systemd", "_PID": "400", "_UID": "0"},
    ]
    kernel = [
        "[1.0] usb 1-1: New USB device found, idVendor=0403, idProduct=6001",
        f"[1.0] usb 1-1: Product: {canary('product')}'s phone",
        f"[1.0] usb 1-1: SerialNumber: {canary('serial number')}",
        f"[1.0] input: {canary('input')} as /devices/usb 1-1: x",
        f"[1.0] Out of memory: Killed process 7 ({canary('killed')})",
        f"[1.0] wlan0: {canary('network')}",
        "[1.0] hwmon hwmon1: Undervoltage detected!",
    ]
    gateway.machine.printed["journalctl"] = "\n".join([*(json.dumps(each) for each in entries), *kernel])


FRAME = {"filename": "/opt/pumpd/lib/core/pumpd/journal/store.py", "lineno": 7, "name": "append"}


def gateway_person(canary: Canaries) -> str:
    """The same person in two lines."""
    known = [word for word, where in canary.planted.items() if where == "nurse"]
    return known[0] if known else canary("nurse")


def unpacked(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {each.name.removeprefix(f"{FOLDER}/"): tar.extractfile(each).read().decode() for each in tar}


def test_no_planted_secret_patient_or_person_is_anywhere_in_the_bundle(gateway, canary):
    found = unpacked(archive(parts(gateway.facts), 0))
    assert len(canary.planted) > 60
    leaks = [(where, name) for word, where in canary.planted.items() for name, text in found.items() if word in text]
    assert leaks == []


def test_the_canaries_would_be_found(gateway, canary):
    """The doctor itself, on the gateway, shows some of them."""
    shown = json.dumps(report(gateway.facts, examine(gateway.facts)))
    assert {canary.planted[word] for word in canary.planted if word in shown} >= {"problem", "argument", "error"}


def test_what_support_needs_is_there(gateway):
    found = unpacked(archive(parts(gateway.facts), 0))
    assert set(found) == {
        *("README.txt", "doctor.json", "configuration.json", "pumps.json", "units.json", "journal.json", "kernel.txt"),
        *(f"log-pumpd-{name}.jsonl" for name in ("control", "bedside", "telemetry", "vitals")),
    }
    doctor = json.loads(found["doctor.json"])
    assert {each["id"]: each["state"] for each in doctor["checks"]}["control.alarms"] == "problem"
    assert doctor["versions"]["kernel"] == "6.12"
    configuration = json.loads(found["configuration.json"])
    assert configuration["errors"] == ["/etc/pumpd/pumpd.toml:3", LEFT_OUT]
    assert configuration["settings"]["mqtt"]["port"] == 1
    assert configuration["settings"]["pumps"][0]["settings"] == {"password": LEFT_OUT, "address": 7}
    assert json.loads(found["journal.json"])["kinds"] == {LEFT_OUT: 1, "control_started": 1, "reading": 2}
    assert json.loads(found["pumps.json"])["alarms"] == [LEFT_OUT, "supply_short"]
    assert found["kernel.txt"].splitlines() == [
        "[1.0] usb 1-1: New USB device found, idVendor=0403, idProduct=6001",
        "[1.0] hwmon hwmon1: Undervoltage detected!",
    ]


def test_a_log_keeps_its_events_the_systems_own_reasons_and_one_code_for_a_person(gateway):
    found = unpacked(archive(parts(gateway.facts), 0))
    lines = [json.loads(each) for each in found["log-pumpd-control.jsonl"].splitlines()]
    good = next(each for each in lines if each.get("event") == "journal_failed")
    assert good["why"] == [os.strerror(28)]
    assert good["exit_status"] == 1
    assert good["exception"][1] == {"kind": "ValueError", "frames": ["pumpd/journal/store.py:7 append"]}
    assert [each["place"] for each in lines if "place" in each] == ["core/pumpd/x.py:7 run"]
    assert [each["systemd"] for each in lines if "systemd" in each] == ["Started pumpd-control.service."]
    people = {each["by"] for each in lines if "by" in each}
    assert len(people) == 1
    assert people.pop().startswith("person-")


def test_a_code_of_a_person_means_nothing_in_another_bundle():
    one, other = People(), People()
    assert one.code("2001") == one.code("2001")
    assert one.code("2001") != one.code("2002")
    assert one.code("2001") != other.code("2001")


def test_an_archive_is_reproducible_and_its_files_are_private(gateway):
    made = parts(gateway.facts)
    assert archive(made, 7) == archive(made, 7)
    with tarfile.open(fileobj=io.BytesIO(archive(made, 7)), mode="r:gz") as tar:
        assert {(each.mode, each.uid, each.gid, each.mtime) for each in tar} == {(0o600, 0, 0, 7)}


def test_the_size_is_bounded(gateway, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_BYTES", 50_000)
    line = json.dumps({"MESSAGE": json.dumps({"event": "x" * 60}), "__REALTIME_TIMESTAMP": "1"})
    many = "\n".join([line] * 2000)
    gateway.machine.printed["journalctl"] = f"{many}\n[1.0] usb 1-1: {'x' * 50_000}"
    made = parts(gateway.facts)
    assert 40_000 < len(made["log-pumpd-control.jsonl"]) <= 50_000
    assert len(made["kernel.txt"]) <= 50_000
    assert len(made) * MOST_BYTES <= 11 * 1024 * 1024


def test_a_home_directory_does_not_name_its_person(gateway):
    gateway.given["state_dir"] = "/home/alice/pumpd"
    assert "alice" not in "".join(parts(gateway.facts).values())


def test_without_control_and_configuration_there_is_still_a_bundle(gateway):
    gateway.changes |= {"settings": None, "control": Control(why="?")}
    found = parts(gateway.facts)
    assert json.loads(found["pumps.json"]) == {"control": "did not answer"}
    assert "doctor.json" in found


def test_a_bundle_is_readable_by_its_owner_only_and_replaces_nothing(tmp_path):
    write(b"x", tmp_path / "b")
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write(b"y", tmp_path / "b")
    (tmp_path / "link").symlink_to(tmp_path / "else")
    with pytest.raises(FileExistsError):
        write(b"y", tmp_path / "link")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("usb 1-1.2: new full-speed USB device number 5 using xhci_hcd", True),
        ("usb 1-1.2: FTDI USB Serial Device converter now attached to ttyUSB0", True),
        ("mmc0: Timeout waiting for hardware interrupt.", True),
        ("EXT4-fs error (device mmcblk0p2): I/O error", True),
        ("wlan0: associated", False),
        ("usb 1-1.2: Manufacturer: A", False),
    ],
)
def test_the_kernels_lines_about_buses_power_and_disks_are_kept(line, kept):
    assert kernel_shown(line) is kept


def test_the_readme_says_what_is_left_out():
    for word in ("keys", "patient tokens", "PINs", "badges", "not a cleared medical device"):
        assert word in NOTICE + NOT_IN_IT


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_is_inside_and_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "examine", lambda facts: [])
    (tmp_path / "pumpd.toml").write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n', encoding="utf-8")
    arguments = ["diagnostics", "--config", str(tmp_path / "pumpd.toml"), "--output", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (file,) = tmp_path.glob("pumpd-diagnostics-ward-7-*.tar.gz")
    assert str(file) in result.output
    assert all(name in result.output for name in unpacked(file.read_bytes()))


def test_a_directory_that_is_not_there_is_said_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "examine", lambda facts: [])
    arguments = ["diagnostics", "--config", str(tmp_path / "x"), "--output", str(tmp_path / "gone"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "cannot be written" in json.loads(result.output)["failed"]
