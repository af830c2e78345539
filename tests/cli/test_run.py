"""`pumpd run`: which processes it starts, and what the end of one does to control."""

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from pumpd.cli import supervise
from pumpd.exit_status import FAILED, REFUSED
from pumpd.settings import Settings
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime

LIMITS = {"critical_low": 60, "critical_high": 90}
SIGNS = {
    "spo2_percent": {"critical_low": 85},
    **dict.fromkeys(("heart_rate_bpm", "systolic_mmhg", "diastolic_mmhg"), LIMITS),
}
BROKER = {"broker": {"host": "127.0.0.1"}, "topics": {"bed1": "monitors/1/vitals"}}
PUMP = {"name": "bed1", "driver": "new-era", "port": "/dev/null", "serial": "1", "model": "NE-1000", "simulated": True}


def settings(folder: Path, **sections) -> Settings:
    return Settings.model_validate({"gateway": "bed-3", "state_dir": folder, "pump": [PUMP], **sections})


class Processes:
    """Instead of pumpd's own: processes that end as the test says, each start noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[str] = []
        self.control_opens = True
        self.ends: dict[str, list[int]] = {}

    async def start(self, *command, **_):
        name = command[2].removeprefix("pumpd.")
        self.started.append(name)
        if name == "control" and self.control_opens:
            for file in ("journal.sqlite3", "tablet.sock", "vitals.sock"):
                (self.folder / file).touch()
        statuses = self.ends.get(name, [])
        code = f"raise SystemExit({statuses.pop(0)})" if statuses else "import time; time.sleep(600)"
        return await START(sys.executable, "-c", code)

    async def until(self, name: str, times: int) -> None:
        await until(lambda: self.started.count(name) >= times)


START = asyncio.create_subprocess_exec


@pytest.fixture
def processes(tmp_path, monkeypatch) -> Processes:
    here = Processes(tmp_path)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", here.start)
    monkeypatch.setattr(supervise, "RESTART_AFTER_S", 0.05)
    return here


async def ended(run: asyncio.Task[int]) -> None:
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({}, {"control"}),
        ({"vitals": SIGNS}, {"control"}),  # from tablets only
        ({"vitals": SIGNS | BROKER}, {"control", "vitals"}),
        ({"mqtt": {"host": "127.0.0.1"}, "vitals": SIGNS | BROKER}, {"control", "telemetry", "vitals"}),
    ],
)
async def test_the_vitals_process_runs_where_a_monitor_is_configured(processes, tmp_path, sections, names):
    run = asyncio.create_task(supervise.supervise(tmp_path / "pumpd.toml", settings(tmp_path, **sections)))
    for name in names:
        await processes.until(name, 1)
    await ended(run)
    assert set(processes.started) == names


ALL = {"mqtt": {"host": "127.0.0.1"}, "bedside": {}, "vitals": SIGNS | BROKER}


@pytest.mark.parametrize("name", ["telemetry", "bedside", "vitals"])
@pytest.mark.parametrize("statuses", [[1, 1, 1], [2, 2, 2], [-9, 2, 2]])
async def test_the_death_of_another_process_never_ends_control(processes, tmp_path, name, statuses):
    """Not even when its settings are refused, at the first start or because a person changed them meanwhile."""
    processes.ends[name] = list(statuses)
    run = asyncio.create_task(supervise.supervise(tmp_path / "pumpd.toml", settings(tmp_path, **ALL)))
    await processes.until(name, 4)
    assert processes.started.count("control") == 1
    assert not run.done()
    await ended(run)


async def test_no_other_process_starts_before_control_has_made_what_it_needs(processes, tmp_path):
    """On a fresh state directory telemetry died at once, because there was no directory for its file."""
    processes.control_opens = False
    fresh = tmp_path / "state"
    run = asyncio.create_task(supervise.supervise(tmp_path / "pumpd.toml", settings(fresh, **ALL)))
    await processes.until("control", 1)
    await asyncio.sleep(0.5)
    assert processes.started == ["control"]
    fresh.mkdir()
    (fresh / "journal.sqlite3").touch()
    await processes.until("telemetry", 1)
    assert "bedside" not in processes.started
    (fresh / "tablet.sock").touch()
    await processes.until("bedside", 1)
    assert "vitals" not in processes.started
    (fresh / "vitals.sock").touch()
    await processes.until("vitals", 1)
    await ended(run)


async def test_a_machine_that_has_no_room_for_another_process_keeps_control(processes, tmp_path, monkeypatch):
    begin = processes.start
    tried = []

    async def start(*command, **given):
        if command[2] != "pumpd.control":
            tried.append(command[2])
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return await begin(*command, **given)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    run = asyncio.create_task(supervise.supervise(tmp_path / "pumpd.toml", settings(tmp_path, bedside={})))
    await until(lambda: len(tried) >= 3)
    assert not run.done()
    await ended(run)


def test_the_pause_grows_while_a_process_dies_early_and_is_short_again_once_it_lived():
    pauses = supervise.Pauses()
    assert [pauses.after(lived_s=1) for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert pauses.after(lived_s=60) == 2
    assert pauses.after(lived_s=59) == 4


async def test_control_that_refuses_its_settings_ends_the_run(processes, tmp_path):
    processes.ends["control"] = [FAILED, REFUSED]
    run = asyncio.create_task(supervise.supervise(tmp_path / "pumpd.toml", settings(tmp_path, vitals=SIGNS | BROKER)))
    assert await asyncio.wait_for(run, PATIENCE_S) == REFUSED


def test_in_the_package_each_process_is_a_program_of_its_own(monkeypatch):
    monkeypatch.delenv("PUMPD_PROGRAMS", raising=False)
    assert supervise.program("bedside") == [sys.executable, "-m", "pumpd.bedside"]
    monkeypatch.setenv("PUMPD_PROGRAMS", "/opt/pumpd/bin")
    assert supervise.program("bedside") == ["/opt/pumpd/bin/pumpd-bedside"]
