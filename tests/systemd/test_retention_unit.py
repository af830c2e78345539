"""The timer of retention and what it runs: valid, tight, as control's own user, and never in the way of a pump."""

import subprocess

import pytest

from tests.systemd.test_units import UNITS, tool, unit

pytestmark = pytest.mark.requirement("AUD-04")

NAMES = ["pumpd-retention.service", "pumpd-retention.timer"]


def test_systemd_finds_nothing_wrong_with_the_timer_and_its_service(tmp_path):
    for name in NAMES:
        text = (UNITS / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/pumpd/bin/pumpd ", "/bin/true "))
    files = [str(tmp_path / name) for name in NAMES]
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in (done.stdout + done.stderr).splitlines() if "pumpd" in line]) == (0, [])


def test_its_exposure_is_at_most_1_3():
    service = str(UNITS / NAMES[0])
    command = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=13", "--no-pager", service]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_it_runs_as_control_because_only_that_user_may_ask_for_it_and_waits_for_everything_else():
    service = unit(NAMES[0])["Service"]
    assert service["User"] == unit("pumpd-control.service")["Service"]["User"]
    assert service["ExecStart"].split()[1:3] == ["journal", "prune"]
    assert (service["Nice"], service["IOSchedulingClass"], service["CPUWeight"]) == ("19", "idle", "1")
    assert unit(NAMES[1])["Timer"]["Persistent"] == "yes"
