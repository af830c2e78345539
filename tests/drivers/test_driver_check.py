"""`pumpd driver list | show | check`: what is printed, how it ends, and that it always ends in a stop."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pumpd.cli import driver as command
from pumpd.cli.driver_check import TO_DO, BenchCheck, pump_now
from pumpd.pump import Done, PumpProgram, PumpState, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.new_era.driver import NewEra
from tests.patience import PATIENCE_S

from .toy_pump import ToyPump

PROGRAM = PumpProgram((RateStep(Rate(60), Volume("0.5")),), Length("26.59"))
ALL = ["identify", "read", "load", "read back", "start", "watch", "stop", "verify", "release"]


async def bench(connect, pump, **settings):
    async with connect(pump, **(dict(NewEra.bench_settings) | settings)) as driver:
        check = BenchCheck(driver, PROGRAM, lambda step: None)
        await check.run()
    return check


def names(check):
    return [step.name for step in check.steps]


async def test_a_good_pump_passes_every_step(connect):
    pump = ToyPump()
    check = await bench(connect, pump)
    assert check.failed is None
    assert names(check) == ALL
    assert (check.identity.model, check.native_lease) == ("NE-1000", True)
    assert not pump.running
    assert not pump.safe
    assert set(ALL) <= set(TO_DO)


async def test_a_pump_without_safe_mode_passes_and_the_report_notes_that_nothing_else_ends_its_flow(connect):
    check = await bench(connect, ToyPump(unknown=("SAF", "PF", "PHN", "FUN")))
    assert check.failed is None
    assert check.native_lease is False
    (start,) = [step for step in check.steps if step.name == "start"]
    assert "only the programmed volume" in start.result


async def test_nothing_is_started_when_the_pump_holds_something_else(connect):
    pump = ToyPump()
    real = pump._execute
    pump._execute = lambda text: "62.50MH" if text == "RAT" else real(text)
    check = await bench(connect, pump)
    assert check.failed.name == "read back"
    assert "62.5 mL/h" in check.failed.result
    assert pump.runs == 0
    assert names(check)[-3:] == ["stop", "verify", "release"]


async def test_a_pump_that_stalls_is_named_and_stopped(connect):
    pump = ToyPump()
    asyncio.get_running_loop().call_later(1.2, pump.raise_alarm, "S")
    check = await bench(connect, pump)
    assert check.failed.name == "watch"
    assert "occlusion" in check.failed.result
    assert check.stopped
    assert "stopped" in pump_now(check)


async def test_a_pump_that_keeps_flowing_after_its_stop_fails(connect):
    pump = ToyPump()
    real = pump._execute
    pump._execute = lambda text: "" if text == "STP" else real(text)
    check = await bench(connect, pump)
    assert [step.name for step in check.steps if not step.passed] == ["stop", "verify"]
    assert "infusing" in pump_now(check)


async def test_a_counter_that_keeps_growing_after_the_stop_fails(connect):
    pump = ToyPump()
    real = pump._execute

    def creep(text):
        if text == "DIS" and pump.state == "S" and pump.runs:
            pump.infused += 0.001
        return real(text)

    pump._execute = creep
    check = await bench(connect, pump)
    assert check.failed.name == "verify"


async def test_a_pump_of_another_model_is_not_programmed(connect):
    pump = ToyPump(version="NE500V3.92")
    check = await bench(connect, pump)
    assert check.failed.name == "identify"
    assert "NE-500" in check.failed.result
    assert not any(text.startswith(("RAT", "RUN")) for text in pump.texts())
    assert pump_now(check) == "it confirmed a stop"


async def test_no_answer_is_reported(connect):
    pump = ToyPump()
    pump.silent = True
    check = await bench(connect, pump)
    assert check.failed.name == "identify"
    assert "no pump was found" in check.failed.result
    assert pump_now(check) == "not known: it does not reply"


async def test_an_interrupted_check_still_stops_the_pump(connect):
    pump = ToyPump()
    task = asyncio.create_task(bench(connect, pump))
    await asyncio.sleep(1.2)
    assert pump.running
    task.cancel()
    await asyncio.wait({task})
    assert not pump.running


# -- the command ---------------------------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(command.app, arguments)


def test_list_names_the_families():
    result = run("list", "--json")
    (row,) = [row for row in json.loads(result.stdout)["drivers"] if row["family"] == "new-era"]
    assert row["from"].startswith("pumpd-drivers ")
    assert row["models"] == ["ne-1000", "ne-1010", "ne-4000"]
    assert "new-era" in run("list").stdout


def test_show_gives_the_limits_of_a_syringe_and_every_assumption():
    result = json.loads(run("show", "new-era", "--diameter", "19.05 mm", "--json").stdout)
    assert result["capabilities"]["rate_max_ml_h"] == "872.2"  # sheet: 872.3, rounded down here
    text = run("show", "new-era").stdout
    for assumption in NewEra.assumptions:
        assert assumption.name in text


def test_a_family_that_takes_no_syringe_is_shown_with_a_bag():
    result = json.loads(run("show", "dianet-star", "--setting", "model=infusomat-fms", "--json").stdout)
    assert (result["capabilities"]["kind"], result["diameter"]) == ("volumetric", None)
    asked = run("show", "dianet-star", "--setting", "model=infusomat-fms", "--diameter", "26.59 mm")
    assert asked.exit_code == 2
    assert "bags and bottles" in asked.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["show", "no-such"], "'no-such' is not installed"),
        (["show", "new-era", "--diameter", "60 mm"], "diameter"),
        (["show", "new-era", "--diameter", "26.59"], "unit is missing"),
        (["check", "--driver", "new-era", "--port", "/dev/null"], "no patient is connected"),
        (["check", "--driver", "new-era", "--port", "/dev/null", "--setting", "adress=1"], "settings.adress"),
        (["check", "--driver", "new-era", "--port", "/dev/null", "--setting", "address"], "KEY=VALUE"),
        (["check", "--driver", "new-era", "--port", "/dev/null", "--volume", "1,5 mL"], "volume"),
    ],
)
def test_an_impossible_check_is_refused_with_status_2(arguments, why):
    result = run(*arguments)
    assert result.exit_code == 2
    assert why in result.stderr
    assert result.stdout == ""


@pytest.mark.realtime
def test_a_missing_port_ends_with_status_1_and_a_hint():
    arguments = ["check", "--driver", "new-era", "--port", "/dev/no-such", "--nobody-connected"]
    result = run(*arguments, "--json")
    assert result.exit_code == 1
    failed = json.loads(result.stdout)["failed"]
    assert failed["step"] == "open"
    assert "no such port" in failed["what"]
    text = run(*arguments).stdout
    assert "What happened:" in text
    assert "The pump now:" in text
    assert "What to do:" in text
    assert "Traceback" not in text


@pytest.mark.realtime
def test_the_check_against_a_simulated_pump_on_a_pseudo_terminal(tmp_path):
    path = tmp_path / "pump"
    simulator = subprocess.Popen(
        [Path(sys.executable).parent / "pumpsim", "new-era", "--pty", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert simulator.stdout.readline() == f"ready {path}\n"
        result = run("check", "--driver", "new-era", "--port", str(path), "--nobody-connected", "--json")
        found = json.loads(result.stdout)
        assert [step["step"] for step in found["steps"] if step["passed"]] == ALL
        assert (result.exit_code, found["passed"], found["native_lease"]) == (0, True, True)
        assert found["identity"]["model"] == "NE-1000"
    finally:
        simulator.terminate()
        simulator.wait(PATIENCE_S)
        simulator.stdout.close()


@pytest.mark.requirement("STP-04")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_pump_that_waits_to_start_by_itself_does_not_count_as_stopped(connect, when):
    pump = ToyPump()
    async with connect(pump, **NewEra.bench_settings) as driver:
        check = BenchCheck(driver, PROGRAM, lambda step: None)
        plain = driver.read

        async def read():
            outcome = await plain()
            if check.stopped is (when == "after") and not outcome.value.state.flowing:
                return Done(replace(outcome.value, state=PumpState.WAITING))
            return outcome

        driver.read = read
        await check.run()
    assert check.failed.name == ("read" if when == "before" else "verify")
