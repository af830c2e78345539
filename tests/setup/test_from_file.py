"""`pumpd setup --from`: one file for many gateways. Nothing is half done, and a second run repeats nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pumpd.bedside.certificates import read
from pumpd.host.file_check import deviations
from pumpd.settings import Settings
from pumpd.setup import writing
from pumpd.setup.completing import completed
from pumpd.setup.plan import Plan, PlanError, Rest, as_read, read_plan
from pumpd.setup.writing import StepError, steps
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from tests.setup.simulators import simulated

KEY = "MCowBQYDK2VwAyEA" + "A" * 43 + "="
SITE = """
[simulation]
unsigned_library = true
[bedside]
names = ["ward-7.example.org"]
[[pump]]
name = "bed1"
driver = "new-era"
port = "/nowhere"
model = "ne-1000"
serial = "ASSET-1"
simulated = true
settings = { address = 2 }
"""


def site(folder: Path, more: str = "") -> Path:
    file = folder / "site.toml"
    file.write_text(SITE + more)
    return file


def setup(folder: Path, *arguments: str) -> tuple[int, dict[str, list[str]]]:
    """The command in a process of its own: exit status and JSON."""
    command = [
        sys.executable,
        "-m",
        "pumpd",
        "setup",
        "--json",
        "--config",
        str(folder / "gw" / "pumpd.toml"),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout or "{}")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.realtime
@pytest.mark.requirement("SEC-18")
def test_a_gateway_from_a_file_and_again(tmp_path):
    file = site(tmp_path, f'[setup]\nconfig_keys = ["{KEY}"]\n')
    config = tmp_path / "gw" / "pumpd.toml"
    status, plan = setup(tmp_path, "--from", str(file), "--dry-run")
    assert (status, config.parent.exists()) == (0, False)
    assert len(plan["would_do"]) == 3
    status, done = setup(tmp_path, "--from", str(file))
    assert (status, len(done["done"])) == (0, 3), done
    settings = Settings.load(config)
    assert settings.pumps[0].settings == {"address": 2}
    assert (config.parent / "trust" / "config.pub").read_text() == f"{KEY}\n"
    assert deviations(settings, config) == []
    assert "ward-7.example.org" in str(read(settings.tls_dir / "gateway.pem").extensions)
    before = everything(config.parent)
    assert setup(tmp_path, "--from", str(file))[0] == 0
    assert everything(config.parent) == before

    config.write_text(config.read_text().replace("ASSET-1", "ASSET-2"))
    changed = everything(config.parent)
    status, refused = setup(tmp_path, "--from", str(file))
    assert (status, "--replace" in refused["refused"][0]) == (2, True)
    assert everything(config.parent) == changed
    assert setup(tmp_path, "--from", str(file), "--replace")[0] == 0
    assert "ASSET-2" in (config.parent / "pumpd.toml.before-1").read_text()
    assert Settings.load(config).pumps[0].serial == "ASSET-1"


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("[setup]\noperators = ['no-such-user']\n", "no user 'no-such-user'"),
        ("[setup]\nconfig_keys = ['x']\n", "setup.config_keys.0"),
        ("[setup]\nstaff = []\n", "setup.staff"),
        ("typo = 1\n", "typo"),
        ("library = [\n", "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_key_and_nothing_is_written(tmp_path, more, reason):
    status, found = setup(tmp_path, "--from", str(site(tmp_path, more)))
    assert status == 2
    assert any(reason in each for each in found["refused"]), found
    assert not (tmp_path / "gw").exists()


def test_everything_against_a_plan_is_told_at_once(tmp_path):
    """In the section [setup], in the configuration, and of a driver: each hides the others no more."""
    file = site(tmp_path, "[setup]\nconfig_keys = ['x']\n")
    text = file.read_text().replace('serial = "ASSET-1"\n', "").replace("new-era", "new-ear")
    file.write_text("typo = 1\n" + text)
    status, found = setup(tmp_path, "--from", str(file))
    assert status == 2
    for reason in ("setup.config_keys.0", "typo", "pump.0.serial: is required", "driver 'new-ear' is not installed"):
        assert any(reason in each for each in found["refused"]), (reason, found)
    assert not any("pumpd-setup-" in each for each in found["refused"]), found


def plan_of(folder: Path) -> tuple[Plan, Settings, Path]:
    config = folder / "gw" / "pumpd.toml"
    plan = read_plan(site(folder, f'[setup]\nupdate_keys = ["{KEY}"]\n'), config)
    return plan, Settings.of(as_read(plan, config)), config


@pytest.mark.parametrize("failing", range(3))
def test_a_step_that_fails_leaves_the_ones_before_and_a_second_run_does_the_rest(tmp_path, failing):
    """Whichever step it is: a directory where the file should be."""
    plan, settings, config = plan_of(tmp_path)
    places = [config.parent / "trust" / "update.pub", settings.tls_dir / "ca.key", config]
    (places[failing] / "in the way").mkdir(parents=True)
    if settings.state_dir.exists():
        settings.state_dir.chmod(0o750)
    every = list(steps(plan, settings, config, ["localhost"]))
    for step in every[:failing]:
        step.do()
    with pytest.raises(StepError) as failed:
        every[failing].do()
    assert str(places[failing]) in str(failed.value)
    assert not any(path.name.startswith(".") for path in tmp_path.rglob("*")), "no half-written file is left"
    (places[failing] / "in the way").rmdir()
    places[failing].rmdir()
    for step in steps(plan, settings, config, ["localhost"]):
        step.do()
    assert Settings.load(config) == settings
    assert deviations(settings, config) == []


def test_the_configuration_is_written_last_of_the_files(tmp_path):
    plan, settings, config = plan_of(tmp_path)
    seen = []
    for step in steps(plan, settings, config, ["localhost"]):
        seen.append(config.exists())
        step.do()
    assert seen == [False, False, False]
    assert config.exists()


@pytest.mark.requirement("SEC-18")
def test_no_link_below_the_configuration_is_written_through(tmp_path):
    plan, settings, config = plan_of(tmp_path)
    config.parent.mkdir()
    (tmp_path / "victim").write_text('gateway = "untouched"')
    config.symlink_to(tmp_path / "victim")
    *_, last = steps(plan, settings, config, ["localhost"])
    with pytest.raises(StepError, match="is a symbolic link"):
        last.do()
    assert (tmp_path / "victim").read_text() == 'gateway = "untouched"'


def test_a_user_without_permission_hears_it(tmp_path, monkeypatch):
    plan, settings, config = plan_of(tmp_path)

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied", str(config))

    monkeypatch.setattr(writing, "write", denied)
    *_, last = steps(plan, settings, config, ["localhost"])
    with pytest.raises(StepError, match=r"this user may not write there; use sudo"):
        last.do()


async def test_what_a_pump_reports_is_filled_in_and_another_pump_is_refused():
    """One file for a hundred gateways: no serial number in it."""
    bench = simulate(name="alaris-asena", seed=1)
    memory.serve("bed1", bench)
    try:
        pump = {"name": "bed1", "driver": "alaris-asena", "port": "memory://bed1"}
        done = await completed(Plan({"pump": [pump]}, Rest()))
        serial = done.config["pump"][0]["serial"]
        assert serial
        assert done.config["pump"][0]["model"]
        assert "serial" not in pump
        wrong = {"pump": [{**pump, "serial": f"{serial}-other"}]}
        with pytest.raises(PlanError, match=rf"pump bed1: .*reports serial {serial}"):
            await completed(Plan(wrong, Rest()))
        with pytest.raises(PlanError, match=r"pump bed2: .*--no-identify"):
            await completed(Plan({"pump": [{**pump, "name": "bed2", "port": "memory://none"}]}, Rest()))
    finally:
        memory.withdraw("bed1")
        bench.shut()
    assert await completed(Plan({"pump": [{**pump, "simulated": True}]}, Rest())) is not None


@pytest.mark.realtime
def test_a_pump_that_is_simulated_needs_no_answer(tmp_path):
    with simulated(tmp_path, "one", "new-era", "--address", "2") as port:
        file = site(tmp_path)
        file.write_text(file.read_text().replace("/nowhere", port))
        assert setup(tmp_path, "--from", str(file))[0] == 0
    assert os.access(tmp_path / "gw" / "pumpd.toml", os.R_OK)


def test_the_example_in_the_documentation_is_a_plan(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "set-up-a-gateway.md").read_text()
    (tmp_path / "site.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    plan = read_plan(tmp_path / "site.toml", tmp_path / "pumpd.toml")
    assert set(plan.rest.model_fields_set) == set(Rest.model_fields)
    assert Settings.of(as_read(plan, tmp_path / "pumpd.toml")).real_pumps == ["bed1"]
