"""`pumpd demo` as a new user runs it: real processes, an embedded broker, time 240 times faster than real time."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from tests.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.realtime


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pumpd", "demo", "--speed", "240", "--json", "--report", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_a_whole_infusion_completes_and_is_reported(tmp_path):
    ran = demo(tmp_path)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["outcome"] == "completed"
    assert summary["dose_mg"] == "35"
    assert float(summary["delivered_ml"]) == 35
    assert float(summary["true_delivered_ml"]) == pytest.approx(35, rel=0.02)
    assert 38 * 60 <= float(summary["window_s"]) <= 42 * 60
    assert summary["telemetry_messages"] > 100
    assert summary["alarms"] == ["near_end"]  # by design, and no other
    assert (tmp_path / "infusion.png").read_bytes().startswith(b"\x89PNG")
    report = (tmp_path / "report.md").read_text()
    assert "not a cleared medical device" in report.lower()
    peak = re.search(r"in plasma: (\d+) to (\d+) ng/mL, estimated for an average adult, not measured\.", report)
    # Its numbers are tested in virtual time: here a busy machine reads the pump late, and so does the estimate.
    low, high = (int(each) for each in peak.groups())
    assert 100 < low < high < 500
    assert "SIMULATED" in ran.stderr


def test_an_occlusion_is_shown_as_a_trip(tmp_path):
    ran = demo(tmp_path, "--fault", "occlusion@3min")
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"in plasma: \d+ to \d+ ng/mL", (tmp_path / "report.md").read_text())  # of what was given
    summary = json.loads(ran.stdout)
    assert summary["outcome"] == "tripped"
    assert summary["alarms"] == ["occlusion"]
    assert float(summary["true_delivered_ml"]) < 6


@pytest.mark.requirement("RUN-07")
def test_with_a_monitor_a_desaturation_stops_the_infusion_and_the_report_shows_it(tmp_path):
    ran = demo(tmp_path, "--vitals-fault", "desaturation:80,2min@10min")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["outcome"] == "tripped"
    assert summary["alarms"] == ["vitals_critical"]
    assert 0 < float(summary["true_delivered_ml"]) < 30
    assert "SpO2 8" in summary["vital_signs_at_the_end"]
    assert "SpO2" in (tmp_path / "report.md").read_text()


def test_with_a_monitor_and_a_healthy_patient_the_infusion_completes(tmp_path):
    ran = demo(tmp_path, "--vitals", "--speed", "120")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["outcome"], summary["monitor_faults"]) == ("completed", [])
    assert float(summary["true_delivered_ml"]) == pytest.approx(35, rel=0.02)


@pytest.mark.parametrize(("option", "known"), [("--fault", "occlusion"), ("--vitals-fault", "desaturation")])
def test_an_unknown_fault_is_refused_with_a_list_of_the_known_ones(option, known):
    ran = CliRunner().invoke(app, ["demo", option, "gremlins@3min"])
    assert ran.exit_code != 0
    assert known in ran.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_interrupted_half_way_it_leaves_no_process_behind(tmp_path, number, status):
    mark = f"PUMPD_TEST_MARK={tmp_path}"
    key, _, value = mark.partition("=")
    with subprocess.Popen(
        [sys.executable, "-m", "pumpd", "demo", "--report", str(tmp_path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {key: value},
    ) as process:
        assert process.stderr is not None
        output = b""
        while b"lease" not in output:
            output += os.read(process.stderr.fileno(), 4096)
        assert len(_marked(mark)) > 3
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == status
    if number == signal.SIGKILL:  # it could not wait for the others
        wait_until(lambda: not _marked(mark))
    assert _marked(mark) == []


def _marked(mark: str) -> list[str]:
    """Processes that carry the mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found
