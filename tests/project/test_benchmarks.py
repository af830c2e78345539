"""The benchmarks: one that fails costs none of the others, and the stop benchmark can infuse more than once."""

import asyncio
import json
from types import SimpleNamespace

import pytest

import benchmarks.__main__ as bench
from benchmarks import stop
from benchmarks.line import exact_loop
from benchmarks.result import Result


def measured(name: str) -> list[Result]:
    return [Result(name, 1.0, 2.0, "s")]


def broken(*_) -> list[Result]:
    raise AssertionError("no simulator")


def only_harvard_breaks(families) -> list[Result]:
    return broken() if families == ["harvard"] else measured(f"polling of {families[0]}")


@pytest.fixture
def some_broken(monkeypatch):
    monkeypatch.setattr(
        bench,
        "WHOLE",
        {"process": SimpleNamespace(measure=broken), "journal": SimpleNamespace(measure=lambda: measured("append"))},
    )
    monkeypatch.setattr(bench, "EACH_FAMILY", {"polling": SimpleNamespace(measure=only_harvard_breaks)})


@pytest.mark.usefixtures("some_broken")
def test_a_benchmark_that_fails_is_reported_and_the_others_still_count(capsys, tmp_path):
    chosen = ["--family", "new-era", "--family", "harvard", "--family", "reglo-icc"]
    assert bench.main([*chosen, "--json", str(tmp_path / "all.json")]) == 1
    table, traceback = capsys.readouterr()
    for name in ("append", "polling of new-era", "polling of reglo-icc"):
        assert name in table
    assert "FAILED: process" in table
    assert "FAILED: polling harvard" in table
    assert "no simulator" in traceback
    document = json.loads((tmp_path / "all.json").read_text())
    assert [each["name"] for each in document["results"]] == ["append", "polling of new-era", "polling of reglo-icc"]
    assert document["failed"] == ["process", "polling harvard"]


@pytest.mark.usefixtures("some_broken")
def test_benchmarks_that_all_run_end_with_success_even_when_a_bound_is_missed(monkeypatch):
    monkeypatch.setitem(bench.WHOLE, "journal", SimpleNamespace(measure=lambda: [Result("append", 3.0, 2.0, "times")]))
    assert bench.main(["journal"]) == 0


@pytest.mark.realtime
def test_the_stop_benchmark_stops_one_infusion_after_the_other_on_one_pump():
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        taken, _, _ = runner.run(stop._running("new-era", 2))
    assert len(taken) == 2
