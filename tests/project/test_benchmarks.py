"""The benchmarks: one that fails costs none of the others, each has a short form, and the page of figures is honest."""

import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import benchmarks.__main__ as bench
from benchmarks import families, part, report, stop
from benchmarks.control_process import NotStartedError, control_process
from benchmarks.line import exact_loop
from benchmarks.part import Part
from benchmarks.peers import compared, trials
from benchmarks.peers.client import Command, pumpd_client
from benchmarks.peers.environment import Environment, UnavailableError
from benchmarks.peers.trials import Polled, Seen, Unplugged
from benchmarks.result import Result
from benchmarks.size import Size
from tests.conftest import ROOT
from tests.patience import PATIENCE_S


def fake(tmp_path: Path, **environment: str) -> tuple[list[str], dict[str, str]]:
    more = {"KEPT": str(tmp_path / "kept.jsonl"), "LEFT": str(tmp_path / "left")}
    return [sys.executable, "-m", "tests.project.fake_benchmarks"], os.environ | more | environment


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = fake(tmp_path, **environment)
    command += arguments
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def gone(pid: int) -> bool:
    """Ended; a process that nobody has waited for yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# -- a whole run ------------------------------------------------------------------------------------------------------


@pytest.mark.realtime
def test_a_benchmark_that_fails_is_reported_and_the_others_still_count(tmp_path):
    families = ["--family", "new-era", "--family", "harvard", "--family", "reglo-icc"]
    done = run(tmp_path, *families, "--json", str(tmp_path / "all.json"), "works", "breaks", "dies", "polling")
    assert done.returncode == 1, done.stderr
    for name in ("append", "first half", "polling of new-era", "polling of reglo-icc"):
        assert name in done.stdout
    assert "FAILED: breaks: AssertionError: no simulator" in done.stdout
    assert "FAILED: dies: its process died" in done.stdout
    assert "FAILED: polling harvard: TimeoutError" in done.stdout
    assert "said by what breaks" in done.stderr
    assert "said by what works" not in done.stdout + done.stderr
    parts = {one["benchmark"] + one["family"]: one for one in json.loads((tmp_path / "all.json").read_text())}
    assert [each["name"] for each in parts["breaks"]["results"]] == ["first half"]
    assert list(parts) == ["works", "breaks", "dies", "pollingnew-era", "pollingharvard", "pollingreglo-icc"]
    assert [each.title for each in part.newest(tmp_path / "kept.jsonl")] == [
        "works", "breaks", "dies", "polling new-era", "polling harvard", "polling reglo-icc"
    ]  # fmt: skip


@pytest.mark.realtime
def test_a_benchmark_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    done = run(tmp_path, "hangs", "works", LIMIT_S="1.5")
    assert done.returncode == 1
    assert "FAILED: hangs: it was not done after 1.5 s" in done.stdout
    assert "before it hung" in done.stdout
    assert "append" in done.stdout
    own, started, file = (tmp_path / "left").read_text(encoding="utf-8").split()
    assert gone(int(own))
    assert gone(int(started))
    assert not Path(file).exists()


@pytest.mark.realtime
def test_a_run_that_is_ended_ends_its_benchmark_and_shows_what_was_measured(tmp_path):
    command, variables = fake(tmp_path)
    running = subprocess.Popen(
        [*command, "works", "hangs"],
        env=variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not (tmp_path / "left").exists() or len((tmp_path / "left").read_text(encoding="utf-8").split()) < 3:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "append" in output
    own, started, _ = (tmp_path / "left").read_text(encoding="utf-8").split()
    assert gone(int(own))
    assert gone(int(started))


@pytest.mark.realtime
def test_a_missed_bound_is_no_failure_and_is_kept(tmp_path):
    done = run(tmp_path, "works")
    assert done.returncode == 0, done.stderr
    assert "MISSED" in done.stdout
    (kept,) = part.newest(tmp_path / "kept.jsonl")
    assert kept.results == (Result("append", 3.0, 2.0, "times"),)
    assert kept.cpu_s >= 0


@pytest.mark.realtime
def test_the_short_form_applies_no_bound_and_keeps_no_figure(tmp_path):
    done = run(tmp_path, "--short", "works")
    assert done.returncode == 0, done.stderr
    assert "append" in done.stdout
    assert "bound" not in done.stdout
    assert not (tmp_path / "kept.jsonl").exists()


@pytest.mark.parametrize("name", bench.ALL)
def test_each_benchmark_takes_a_size_in_the_same_way(name):
    size = inspect.signature(bench.ALL[name].measure).parameters["size"]
    assert size.default is Size.WHOLE


# -- the page ---------------------------------------------------------------------------------------------------------


def made(benchmark: str, *results: Result, family: str = "", commit: str = "abcd1234", failed: str = "") -> Part:
    at, machine = "2026-11-30T13:05:00+00:00", "Python 3.11.7, x86_64, 2 cores"
    return Part(benchmark, family, commit, at, machine, (0.25, 1.5), 12.0, 3.0, results, failed)


FAST = Result("append", 1.2, 1.5, "times", details={"ms": 0.3})
SLOW = Result("share", 0.85, 0.9, "", at_least=True, why="the line is too fast")


def test_a_part_is_the_same_after_it_was_kept(tmp_path):
    parts = [made("journal", FAST), made("polling", SLOW, family="harvard"), made("stop", failed="it hung")]
    for each in parts:
        part.keep(each, tmp_path / "kept")
    assert part.newest(tmp_path / "kept") == parts


def test_of_each_benchmark_and_family_the_last_run_counts(tmp_path):
    again = made("polling", FAST, family="harvard", commit="new")
    for each in (made("polling", SLOW, family="harvard"), made("polling", FAST, family="new-era"), again):
        part.keep(each, tmp_path / "kept")
    assert part.newest(tmp_path / "kept") == [again, made("polling", FAST, family="new-era")]


def test_the_page_says_what_was_missed_what_failed_and_under_which_load():
    page = report.figures([made("journal", FAST), made("polling", SLOW, family="harvard", failed="it hung")])
    assert "1 of 2 bounds were met" in page
    assert "- share: 0.85, bound ≥ 0.9: the line is too fast" in page
    assert "**Failed**: `polling harvard`: it hung" in page
    assert "30 November 2026 13:05 UTC, commit `abcd1234`, load 0.2 to 1.5, Python 3.11.7" in page
    assert "| append | 1.2 times | ≤ 1.5 times | 0.80 | met |" in page
    assert "| share | 0.85 | ≥ 0.9 | 0.94 | **missed** |" in page


def test_a_benchmark_without_any_result_has_no_table():
    page = report.figures([made("stop", failed="a | b <c>")])
    assert "a \\| b &lt;c>" in page
    assert "| measure |" not in page


def test_the_report_replaces_the_figures_and_nothing_else(tmp_path, capsys):
    kept, page = tmp_path / "kept", tmp_path / "page.md"
    part.keep(made("journal", FAST), kept)
    page.write_text(f"before\n\n{report.BEGIN}\nold figures\n{report.END}\n\nafter\n", encoding="utf-8")
    assert report.main(kept, page) == 0
    first = page.read_text(encoding="utf-8")
    assert first.startswith(f"before\n\n{report.BEGIN}\n")
    assert first.endswith(f"{report.END}\n\nafter\n")
    assert "old figures" not in first
    assert report.main(kept, page) == 0
    assert page.read_text(encoding="utf-8") == first
    assert "1 figures of 1 benchmarks" in capsys.readouterr().out


def test_without_a_run_the_page_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "page.md").write_text("as it was", encoding="utf-8")
    assert report.main(tmp_path / "none", tmp_path / "page.md") == 1
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "as it was"
    assert "run `python -m benchmarks` first" in capsys.readouterr().out


def test_the_page_in_the_documentation_has_a_place_for_the_figures():
    page = report.PAGE.read_text(encoding="utf-8")
    assert "new figures" in report.written(page, "new figures")
    for name in bench.ALL:
        assert f"| `{name}` |" in page


# -- what single benchmarks do ----------------------------------------------------------------------------------------


@pytest.mark.realtime
@pytest.mark.parametrize(("family", "tries"), [("new-era", 2), ("poseidon", 1)])
def test_the_stop_benchmark_stops_one_infusion_after_the_other_on_one_pump(family, tries):
    """A New Era pump shows its address; a Poseidon is identified by how often its light goes out."""
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        taken, _, _ = runner.run(stop._running(family, tries))
    assert len(taken) == tries


@pytest.mark.parametrize("family", families.own())
async def test_no_two_pumps_of_a_benchmark_are_one_pump_to_control(family):
    """Sixteen pumps of one family: their addresses or, where they report one, their serial numbers differ."""
    beds = [tomllib.loads(await families.Bed(family, "/dev/null", f"bed{n}", n).as_toml()) for n in range(1, 17)]
    marks = {(pump["serial"], pump.get("settings", {}).get("address")) for bed in beds for pump in bed["pump"]}
    assert len(marks) == 16


@pytest.mark.realtime
def test_a_control_process_that_ends_is_not_waited_for(tmp_path):
    async def start():
        twice = [families.Bed("harvard", str(tmp_path / "pump"), name) for name in ("bed1", "bed2")]
        async with control_process(tmp_path, twice):
            pass

    with asyncio.Runner(loop_factory=exact_loop) as runner, pytest.raises(NotStartedError, match="they are one pump"):
        runner.run(start())


# -- peers ------------------------------------------------------------------------------------------------------------


def unplugged(**changes) -> Unplugged:
    found = {"told_s": 0.1, "told_as": "lost", "stop": "Error: lost", "back_s": 2.0, "cpu_percent": 1.0}
    return Unplugged(**found | changes)


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 3),
        ({"told_s": 1.5}, 2),
        ({"told_s": None}, 2),
        ({"stop": "done"}, 2),
        ({"stop": "hangs"}, 2),
        ({"back_s": None}, 2),
        ({"told_s": None, "stop": "hangs", "back_s": None}, 0),
    ],
)
def test_the_points_of_a_driver_without_its_cable(changes, points):
    assert unplugged(**changes).points == points


def test_a_row_has_the_value_of_pumpd_and_that_of_the_other_as_its_bound():
    ours = Seen(Polled(80.0, 40.0, 0.9, 300.0), [0.01, 0.02], [0.03], unplugged(), 0)
    theirs = Seen(Polled(90.0, 45.0, 0.8, 200.0), [0.05, 0.01], [5.0], unplugged(back_s=None), 1)
    rows = {each.name.split(", ", 1)[1].split(":")[0]: each for each in compared("new-era", "other", ours, theirs)}
    assert {name: (row.measured, row.bound, row.met) for name, row in rows.items()} == {
        "share of the line's exchanges": (0.9, 0.8, True),
        "CPU of an exchange": (300.0, 200.0, False),
        "stop while polling, worst": (20.0, 50.0, True),
        "stop after a lost reply, worst": (30.0, 5000.0, True),
        "cable out": (3, 2, True),
    }
    assert rows["CPU of an exchange"].why


@pytest.mark.realtime
def test_pumpd_beside_its_own_simulator_has_every_point():
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        (seen,) = runner.run(trials.side_by_side("new-era", [pumpd_client("new-era", {"address": 1})], Size.SHORT))
    assert seen.unplugged.points == 3
    assert 0 < seen.polled.share < 1
    assert max(seen.stops_s + seen.lost_s) < trials.NEVER_S


WAITS_FOR_EVER = """
import os, sys, time
from serving import blocking

class Client:
    def __init__(self, port):
        self._port = os.open(port, os.O_RDWR | os.O_NOCTTY)
    def poll(self):
        os.write(self._port, b"1RAT\\r")
        while not os.read(self._port, 100).endswith(b"\\x03"):
            pass
    def stop(self):
        time.sleep(600)

blocking(Client)
"""


@pytest.mark.realtime
def test_a_stop_that_never_leaves_counts_as_the_longest_time(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "NEVER_S", 0.5)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "benchmarks" / "peers" / "clients"))
    script = tmp_path / "waits.py"
    script.write_text(WAITS_FOR_EVER, encoding="utf-8")
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        (seen,) = runner.run(trials.side_by_side("new-era", [Command(Path(sys.executable), script)], Size.SHORT))
    assert seen.stops_s == [0.5]
    assert seen.unplugged.stop == "hangs"


def test_a_package_that_cannot_be_installed_is_named(tmp_path, monkeypatch):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'no such registry' >&2\nexit 2\n", encoding="utf-8")
    uv.chmod(0o700)
    monkeypatch.setenv("UV", str(uv))
    with pytest.raises(UnavailableError, match="one==1 was not installed: no such registry"):
        Environment(tmp_path).python("one==1")
