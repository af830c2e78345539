"""`pumpd setup` as a person uses it: a terminal, simulated pumps behind pseudo-terminals, nothing replaced."""

import tomllib

import pytest

from pumpd.host.file_check import deviations
from pumpd.settings import Settings
from tests.setup.simulators import simulated
from tests.terminal import terminal

pytestmark = pytest.mark.realtime

WRITE = "Write this to"


@pytest.mark.requirement("SEC-18")
def test_two_pumps_are_found_and_a_gateway_is_written(tmp_path):
    config = tmp_path / "gw" / "pumpd.toml"
    with (
        simulated(tmp_path, "one", "new-era", "--address", "2") as first,
        simulated(tmp_path, "two", "alaris-asena") as second,
        terminal(
            tmp_path, "setup", "--no-search", "--config", str(config), "--port", "./one", "--port", "./two"
        ) as here,
    ):
        here.until("not a cleared medical device")
        here.answer("Name of this gateway", "Ward 7")
        here.until("at most 32")
        here.answer("Name of this gateway", "ward-7")
        here.answer("Another port")
        here.answer("Numbers or names", "new-era alaris-asena")
        here.answer("no patient connected", "y")
        here.until("new-era: NE-1000")
        here.answer("Its name", "bed1")
        here.answer("no serial number", "ASSET-0001")
        here.until("SIMULATED")
        here.until("alaris-asena: ")
        here.answer("Its name", "bed2")
        here.answer("Serve tablets", "y")
        here.answer("Further names", "ward-7.example.org")
        here.answer("pharmacy's public key", "nonsense")
        here.until("no such file, and no public key")
        here.answer("pharmacy's public key")
        here.answer("signs configurations")
        here.answer("order and stop on the command line")
        here.until("[[pump]]")
        assert not config.exists(), "nothing is written before it was shown"
        here.answer(WRITE, "y")
        here.until("Left to do")
        assert here.ended() == 0
    settings = Settings.load(config)
    assert settings.gateway == "ward-7"
    bed1, bed2 = settings.pumps
    assert (bed1.driver, bed1.port, bed1.serial, dict(bed1.settings)) == (
        "new-era",
        first,
        "ASSET-0001",
        {"address": 2},
    )
    assert (bed2.driver, bed2.port, bed1.simulated, bed2.simulated) == ("alaris-asena", second, True, True)
    assert bed2.serial
    assert settings.bedside is not None
    assert settings.bedside.names == ("ward-7.example.org",)
    assert (settings.tls_dir / "gateway.key").stat().st_mode & 0o777 == 0o600
    assert deviations(settings, config) == []


def test_a_second_run_keeps_what_is_there_and_the_former_configuration(tmp_path):
    config = tmp_path / "gw" / "pumpd.toml"
    config.parent.mkdir(mode=0o755)
    former = f'gateway = "old"\nstate_dir = "{tmp_path / "gw" / "state"}"\n\n[mqtt]\nhost = "broker.example.org"\n'
    config.write_text(former)
    with terminal(tmp_path, "setup", "--no-search", "--config", str(config)) as here:
        here.answer("Change it?", "n")
        assert here.ended() == 2
        assert "you left it as it is" in here.shown
    assert config.read_text() == former
    with terminal(tmp_path, "setup", "--no-search", "--config", str(config)) as here:
        here.answer("Change it?", "y")
        here.answer("Name of this gateway", "new")
        here.answer("Another port")
        here.answer("Serve tablets", "n")
        here.answer("pharmacy's public key")
        here.answer("signs configurations")
        here.answer("order and stop on the command line")
        here.answer(WRITE, "y")
        assert here.ended() == 0
    written = tomllib.loads(config.read_text())
    assert (written["gateway"], written["mqtt"]) == ("new", {"host": "broker.example.org"})
    assert (config.parent / "pumpd.toml.before-1").read_text() == former


def test_without_a_yes_nothing_is_asked_of_a_pump_and_nothing_is_written(tmp_path):
    config = tmp_path / "gw" / "pumpd.toml"
    with (
        simulated(tmp_path, "one", "new-era") as _,
        terminal(tmp_path, "setup", "--no-search", "--config", str(config), "--port", "./one") as here,
    ):
        here.answer("Name of this gateway")
        here.answer("Another port")
        here.answer("Numbers or names", "new-era")
        here.answer("no patient connected")
        assert here.ended() == 2
        assert "only while no patient is connected" in here.shown
        assert "asking" not in here.shown
    assert not config.parent.exists()


def test_ctrl_c_in_the_middle_writes_nothing(tmp_path):
    config = tmp_path / "gw" / "pumpd.toml"
    with terminal(tmp_path, "setup", "--no-search", "--config", str(config)) as here:
        here.answer("Name of this gateway")
        here.until("Another port")
        assert here.interrupted() != 0
        assert "Traceback" not in here.shown
    assert not config.parent.exists()
