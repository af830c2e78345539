"""What the processes say of themselves: from control's state to a file, and from the file to Prometheus."""

import asyncio
import json
import math
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pumpd.control import metrics as of_control
from pumpd.host import metrics
from pumpd.host.metrics import TABLE, Speaker, Value, read, text
from pumpd.settings import Settings
from tests.control.testbed import open_testbed
from tests.patience import PATIENCE_S


def said(path: Path, process: str = "control") -> dict[tuple[str, ...], float]:
    """What is read, by name and labels."""
    return {(each.name, *each.labels.values()): each.value for each in read(process, path)}


async def test_an_infusion_is_in_what_control_says(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        found = list(of_control.values(here.gateway.live.state()))
        truth = here.truth()
    values = {(each.name, *each.labels.values()): each.value for each in found}
    assert values["pumpd_pump_state", "bed1", "running"] == 1
    assert values["pumpd_pump_may_flow", "bed1"] == 1
    assert values["pumpd_pump_rate_ml_per_hour", "bed1"] == 52.5  # the testbed's order: 35 mL in 40 min
    assert values["pumpd_pump_delivered_ml", "bed1"] == pytest.approx(truth, abs=0.05)
    assert values["pumpd_alarms", "bed1", "high"] == 0
    for each in found:
        assert set(each.labels) == set(TABLE[each.name].labels)


@pytest.mark.requirement("AUD-09")
async def test_no_person_and_no_drug_is_in_what_control_says(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        state = here.gateway.live.state()
        written = text("control", of_control.values(state)).lower()
    infusion = state["pumps"][0]["infusion"]
    assert infusion is not None
    for private in (state["pumps"][0]["patient"], infusion["confirmed_by"], infusion["session"], "ketamine"):
        assert private
        assert str(private).lower() not in written


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "metrics.json"
    metrics._replace(file, text("control", [Value("pumpd_journal_ok", True)]))
    assert said(file) == {("pumpd_up", "control"): 1, ("pumpd_journal_ok",): 1}
    assert file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["metrics.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"monotonic_s": time.monotonic() - 3600},  # it died an hour ago
        {"monotonic_s": time.monotonic() + 3600},
        {"monotonic_s": "x"},
        {"process": "bedside"},
        {"values": None},
        {"values": [["pumpd_journal_ok", {}]]},
    ],
)
def test_what_is_old_or_not_understood_was_not_said(tmp_path, change):
    file = tmp_path / "metrics.json"
    file.write_text(json.dumps(json.loads(text("control", [Value("pumpd_journal_ok", 1)])) | change))
    assert said(file) == {("pumpd_up", "control"): 0}


@pytest.mark.parametrize(
    "row",
    [
        ["pumpd_patient", {}, 1],
        ["pumpd_journal_ok", {"patient": "x"}, 1],
        ["pumpd_pump_may_flow", {}, 1],
        ["pumpd_journal_ok", {}, math.nan],
        ["pumpd_journal_ok", {}, math.inf],
        ["pumpd_journal_ok", {}, "1"],
        [["pumpd_journal_ok"], {}, 1],
        [1, 2, 3],
    ],
)
def test_a_metric_that_is_not_in_the_table_is_not_served(tmp_path, row):
    file = tmp_path / "metrics.json"
    file.write_text(
        json.dumps(
            {"process": "control", "monotonic_s": time.monotonic(), "values": [row, ["pumpd_journal_ok", {}, 1]]}
        )
    )
    assert said(file) == {("pumpd_up", "control"): 1, ("pumpd_journal_ok",): 1}


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_without_an_error(tmp_path_factory, written):
    file = tmp_path_factory.mktemp("m") / "metrics.json"
    file.write_bytes(written)
    assert said(file) == {("pumpd_up", "control"): 0}


def test_a_file_that_is_not_there_is_a_process_that_does_not_work(tmp_path):
    assert said(tmp_path / "none") == {("pumpd_up", "control"): 0}


async def test_a_file_that_cannot_be_written_is_logged_once_and_ends_nothing(tmp_path):
    speaker = Speaker("control", tmp_path / "missing" / "metrics.json", list)
    with capture_logs() as logs:
        task = asyncio.create_task(speaker.run())
        await asyncio.sleep(60)
        assert not task.done()
        (tmp_path / "missing").mkdir()
        await asyncio.sleep(10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in logs] == ["metrics_not_written"]
    assert said(tmp_path / "missing" / "metrics.json")["pumpd_up", "control"] == 1


@pytest.mark.realtime
@pytest.mark.requirement("RUN-16")
async def test_a_disk_that_hangs_holds_up_the_file_and_not_the_loop(tmp_path, monkeypatch):
    freed, begun = threading.Event(), threading.Event()

    def hang(_path, _written) -> None:
        begun.set()
        freed.wait(PATIENCE_S)

    monkeypatch.setattr(metrics, "EVERY_S", 0.05)
    monkeypatch.setattr(metrics, "_replace", hang)
    speaker = Speaker("control", tmp_path / "metrics.json", list)
    task = asyncio.create_task(speaker.run())
    turns = 0
    async with asyncio.timeout(PATIENCE_S):
        while not begun.is_set() or turns < 20:
            await asyncio.sleep(0.01)
            turns += 1
    assert not task.done()
    freed.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_loop_that_was_held_up_says_by_how_much():
    loop = metrics.Loop()
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(1)
    assert loop.worst_s() == pytest.approx(0, abs=1e-3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_without_the_section_nobody_says_anything(tmp_path):
    settings = Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path})
    assert metrics.file_of("control", settings) is None
    with_it = Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path, "metrics": {}})
    files = {metrics.file_of(process, with_it) for process in ("control", "bedside")}
    assert None not in files
    assert len(files) == 2


async def test_control_says_it_while_the_gateway_runs(tmp_path):
    async with open_testbed(tmp_path, top={"metrics": {}}) as here:
        await asyncio.sleep(6)
        file = metrics.file_of("control", here.gateway.settings)
        assert file is not None
        assert json.loads(file.read_text())["process"] == "control"
