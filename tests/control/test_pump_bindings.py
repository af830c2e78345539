"""What binds each configured pump to its bed, and which configurations are refused (COM-15)."""

import json

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.pump_bindings import binding_errors, binding_warnings, unstable_port
from pumpd.settings import ACKNOWLEDGEMENT, PumpSettings
from tests.control.testbed import open_testbed
from tests.signed import signed_toml

pytestmark = pytest.mark.requirement("COM-15")

BY_PATH = "/dev/serial/by-path/platform-fd500000.pcie-usb-0:1.{}:1.0-port0"


def pump(name, port, driver="new-era", serial="A", **more):
    return PumpSettings(name=name, driver=driver, port=port, serial=serial, model="ne-1000", **more)


def two(first, second, **more):
    return [pump("bed1", first, **more), pump("bed2", second, **more)]


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "/dev/ttyUSB12", "/dev/ttyACM0"])
def test_a_port_named_by_the_order_of_appearance_is_unstable(port):
    assert port in unstable_port(port)
    assert "by-path" in unstable_port(port)


def test_a_terminal_named_by_its_number_is_unstable():
    assert "another program" in unstable_port("/dev/pts/4")


@pytest.mark.parametrize("port", [BY_PATH.format(1), "/dev/ttyAMA0", "/dev/ttyS0", "tcp://10.0.0.5:4001", "/dev/bed1"])
def test_any_other_port_is_stable(port):
    assert unstable_port(port) == ""


def test_two_pumps_that_nothing_distinguishes_on_unstable_ports_are_refused():
    (error,) = binding_errors(two("/dev/ttyUSB0", "/dev/ttyUSB1"))
    assert "bed1 and bed2" in error
    assert "/dev/ttyUSB0 and /dev/ttyUSB1" in error
    assert binding_errors(two(BY_PATH.format(1), "/dev/ttyUSB1"))
    assert not binding_errors(two(BY_PATH.format(1), BY_PATH.format(2)))
    assert not binding_errors([pump("bed1", "/dev/ttyUSB0")])


def test_two_pumps_with_the_same_mark_are_refused():
    assert (
        "both have address 3" in binding_errors(two(BY_PATH.format(1), BY_PATH.format(2), settings={"address": 3}))[0]
    )
    assert "both have serial" in binding_errors(two(BY_PATH.format(1), BY_PATH.format(2), driver="harvard"))[0]
    assert not binding_errors([
        pump("bed1", "/dev/ttyUSB0", settings={"address": 1}), pump("bed2", "/dev/ttyUSB1", settings={"address": 2})
    ])  # fmt: skip
    assert not binding_errors([
        pump("bed1", "/dev/ttyUSB0", "harvard", "A"), pump("bed2", "/dev/ttyUSB1", "harvard", "B")
    ])  # fmt: skip


def test_a_pump_whose_serial_number_is_not_asked_for_has_no_mark():
    unasked = {"driver": "reglo-icc", "settings": {"asks_serial": False}}
    assert "nothing shows which is which" in binding_errors(two("/dev/ttyUSB0", "/dev/ttyUSB1", **unasked))[0]
    assert "nothing shows which pump answers" in binding_warnings([pump("bed1", BY_PATH.format(1), **unasked)])[0]
    assert not binding_warnings([pump("bed1", BY_PATH.format(1), driver="reglo-icc")])


def test_pumps_of_two_families_are_never_confused():
    assert not binding_errors([pump("bed1", "/dev/ttyUSB0"), pump("bed2", "/dev/ttyUSB1", "fresenius-base-a")])


def test_what_is_weak_is_a_warning_with_what_to_do():
    port, mark = binding_warnings([pump("bed1", "/dev/ttyUSB0")])
    assert "use its name in /dev/serial/by-path" in port
    assert "give it an address of its own" in mark
    assert not binding_warnings([pump("bed1", BY_PATH.format(1), settings={"address": 1})])


def config(tmp_path, *ports):
    pumps = "".join(
        f'[[pump]]\nname = "bed{number}"\ndriver = "new-era"\nport = "{port}"\nmodel = "ne-1000"\n'
        f'serial = "A-{number}"\n'
        for number, port in enumerate(ports, 1)
    )
    hardware = f'[hardware]\nenabled = true\nacknowledged = "{ACKNOWLEDGEMENT}"\n'
    path = tmp_path / "pumpd.toml"
    path.write_text(f'gateway = "g"\nstate_dir = "{tmp_path}"\n{signed_toml()}{hardware}{pumps}')
    return path


def test_config_check_refuses_two_real_pumps_that_could_be_swapped(tmp_path):
    path = config(tmp_path, "/dev/ttyUSB0", "/dev/ttyUSB1")
    result = CliRunner().invoke(app, ["config", "check", "--config", str(path), "--json"])
    assert result.exit_code != 0
    assert "nothing shows which is which" in result.output + result.stderr


def test_config_check_warns_of_an_unstable_port(tmp_path):
    path = config(tmp_path, "/dev/ttyUSB0")
    result = CliRunner().invoke(app, ["config", "check", "--config", str(path), "--json"])
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["warnings"]) == 2
    assert "2 warning(s)" in CliRunner().invoke(app, ["config", "check", "--config", str(path)]).stdout


async def test_nothing_starts_on_a_real_pump_whose_port_is_unstable(tmp_path):
    async with open_testbed(tmp_path) as here:
        here.real(clock_trusted=True)
        runner = here.gateway.runners["bed1"]
        assert not [reason for reason in here.gateway.gate.objections(runner) if "port:" in reason]
        runner.settings = runner.settings.model_copy(update={"port": "/dev/ttyUSB0"})
        answer = await here.order()
        assert not answer.ok
        assert any("/dev/ttyUSB0 may be another adapter" in reason for reason in answer.reasons)
