"""The commands against a real daemon and a simulated pump on a real pseudo-terminal, as a person types them."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pumpd.cli.client import ControlClient
from pumpd.cli.main import STATEMENT, app
from pumpd.messages.requests import StatusRequest
from pumpd.settings import Settings
from tests.patience import PATIENCE_S
from tests.signed import signed_toml

pytestmark = pytest.mark.realtime

ORDER = [
    "order", "--pump", "bed1", "--entry", "ketamine-1mg-ml", "--dose", "0.5 mg/kg", "--weight", "70 kg",
    "--weight-again", "70 kg", "--weight-basis", "actual", "--container", "50 mL", "--patient", "token-1",
    "--ordered-by", "dr-a", "--json",
]  # fmt: skip


@contextlib.contextmanager
def process(*command: str, ready: bytes) -> Iterator[None]:
    child = subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ}
    )
    assert child.stdout is not None
    try:
        output = b""
        while ready not in output:
            chunk = os.read(child.stdout.fileno(), 4096)
            assert chunk, output.decode()
            output += chunk
        yield
    finally:
        child.terminate()
        child.wait(PATIENCE_S)
        child.stdout.close()


class Gateway:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "pumpd.toml"
        self.key = folder / "nurse.pem"
        self.port = folder / "pump"
        self.config.write_text(
            f"""gateway = "ward-7"
state_dir = "{folder}"
{signed_toml()}[[pump]]
name = "bed1"
driver = "new-era"
port = "{self.port}"
model = "ne-1000"
serial = "ASSET-1"
simulated = true
settings.address = 1
"""
        )

    def __call__(self, *arguments: str, status: int = 0) -> dict:
        result = CliRunner().invoke(app, [*arguments, "--config", str(self.config)])
        assert result.exit_code == status, (arguments, result.output, result.stderr)
        return json.loads(result.stdout) if result.stdout.startswith("{") else {"text": result.output}

    def state(self) -> str | None:
        infusion = self("status", "--json")["pumps"][0]["infusion"]
        return infusion["state"] if infusion else None


@pytest.fixture
def gateway(tmp_path):
    here = Gateway(tmp_path)
    with (
        process("pumpd_simulators", "new-era", "--address", "1", "--pty", str(here.port), ready=b"ready"),
        process("pumpd", "run", "--config", str(here.config), ready=b"pump_ready"),
    ):
        yield here


@pytest.mark.requirement("STA-01", "STP-01", "PRG-21")
def test_the_commands_run_an_infusion_from_order_to_stop(gateway):
    gateway("nurse", "pair", "nurse-1", "--key", str(gateway.key))
    signed = ["confirm", "--pump", "bed1", "--key", str(gateway.key), "--yes", "--json"]
    confirm = [*signed, "--wristband", "token-1"]
    gateway(*confirm, status=2)  # nothing was ordered
    assert gateway("patient", "associate", "--pump", "bed1", "--patient", "token-2", "--json")["patient"] == "token-2"
    assert "another patient, token-2" in gateway(*ORDER, status=2)["refused"][0]
    assert gateway("patient", "dissociate", "--pump", "bed1", "--json")["patient"] is None
    gateway("patient", "associate", "--pump", "bed1", "--patient", "token-1")
    ordered = gateway(*ORDER)
    assert ordered["infusion"]["state"] == "ready"
    assert ordered["infusion"]["review"]["dose_mg"] == "35"
    gateway(*ORDER, status=2)
    gateway("patient", "dissociate", "--pump", "bed1", status=2)
    for wrong in ([], ["--wristband", "token-2"]):
        assert "patient: " in gateway(*signed, *wrong, status=2)["refused"][0]
    assert gateway.state() == "ready"
    running = gateway(*confirm)
    assert running["infusion"]["state"] == "running"
    gateway("resume", "--pump", "bed1", status=2)
    gateway("pause", "--pump", "bed1", "--json")
    while gateway.state() != "paused":
        pass
    again = gateway("resume", "--pump", "bed1", "--json")
    assert again["infusion"]["state"] == "ready"
    assert gateway(*confirm)["infusion"]["action"] == "resume"
    stopped = gateway("stop", "--json")
    assert stopped["pumps"][0]["infusion"]["state"] == "stopped"
    shown = gateway("journal", "show", "--kind", "infusion_ended", "--json")
    assert shown["body"]["outcome"] == "stopped"
    assert gateway("journal", "verify", "--json")["intact"] is True
    output = gateway("status")["text"]
    assert "SIMULATED" in output
    assert "patient: token-1" in output


def test_only_the_paired_key_confirms_and_a_revoked_one_does_not(gateway, tmp_path):
    confirm = ["confirm", "--pump", "bed1", "--wristband", "token-1", "--yes", "--json"]
    gateway(*ORDER)
    gateway(*confirm, "--key", str(tmp_path / "missing.pem"), status=2)
    paired = gateway("nurse", "pair", "nurse-1", "--key", str(gateway.key), "--json")
    gateway("nurse", "revoke", paired["key"])
    refused = gateway(*confirm, "--key", str(gateway.key), status=2)
    assert "not paired" in refused["refused"][0]
    assert gateway.state() == "ready"
    gateway("stop")
    assert gateway.state() == "abandoned"


@pytest.mark.requirement("PRG-07")
def test_an_order_shows_the_weight_on_record_and_takes_a_reason_for_another_one(gateway):
    gateway("nurse", "pair", "nurse-1", "--key", str(gateway.key))
    gateway("patient", "associate", "--pump", "bed1", "--patient", "token-1")
    told = [each for each in ORDER if each != "--json"]
    assert "none; this is the first session here" in gateway(*told)["text"]
    gateway("confirm", "--pump", "bed1", "--key", str(gateway.key), "--yes", "--wristband", "token-1", "--json")
    while float(gateway("status", "--json")["pumps"][0]["infusion"]["delivered_ml"]) == 0:
        time.sleep(0.2)
    gateway("stop")
    weight = gateway("history", "show", "token-1", "--json")["weight"]
    assert (weight["weight_kg"], weight["basis"]) == ("70", "actual")
    other = ["50 kg" if each == "70 kg" else each for each in ORDER]
    refused = gateway(*other, status=2)["refused"]
    assert any("weight_change" in reason and "the 70 kg on record" in reason for reason in refused)
    reasons = gateway(*other, "--override", "weight_change=weighed again", status=2)["refused"]
    assert not any("weight_change" in reason for reason in reasons)


def test_a_second_daemon_with_the_same_state_is_refused(gateway):
    second = subprocess.run(
        [sys.executable, "-m", "pumpd.control", "--config", str(gateway.config)],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert second.returncode == 2
    assert b"in use" in second.stderr + second.stdout
    settings = Settings.load(gateway.config)
    with ControlClient(settings.socket_path) as client:
        assert client.ask(StatusRequest()).ok


def test_without_a_daemon_the_commands_explain_what_that_means(tmp_path):
    here = Gateway(tmp_path)
    for command in (["status"], ["stop"], ["pause", "--pump", "bed1"]):
        output = here(*command, status=1)["text"]
        assert "no control process runs" in output
        assert "Go to the pump" in output


@pytest.mark.requirement("SEC-20")
def test_every_help_page_states_what_pumpd_is_not():
    assert "Not a cleared medical device" in STATEMENT
    assert "cleared medical device" in CliRunner().invoke(app, ["--help"]).output
    for group in ("driver", "nurse", "journal", "config"):
        assert "Not a cleared medical device" in " ".join(CliRunner().invoke(app, [group, "--help"]).output.split())


GATEWAY = 'gateway = "w"\nstate_dir = "/tmp"\n'
ONE_PUMP = '[[pump]]\nname = "b"\ndriver = "{driver}"\nport = "/dev/x"\nmodel = "m"\nserial = "s"\n'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('gateway = "w"\nstate_dir = "/tmp"\nstatedir = "x"\n', "statedir"),
        ('gateway = "UPPER"\nstate_dir = "/tmp"\n', "gateway"),
        ('gateway = "w"\n', "state_dir"),
        ('gateway = "w\n', "not valid TOML"),
        (GATEWAY + ONE_PUMP.format(driver="new-era"), "hardware.enabled"),
        (GATEWAY + ONE_PUMP.format(driver="nobody") + "simulated = true\n", "nobody"),
        (GATEWAY + ONE_PUMP.format(driver="new-era") + "simulated = true\n[pump.settings]\nadress = 3\n", "adress"),
    ],
)
def test_a_wrong_configuration_is_refused_with_file_and_key(tmp_path, text, word):
    path = tmp_path / "pumpd.toml"
    path.write_text(text)
    for command in (["config", "check"], ["run"]):
        result = CliRunner().invoke(app, [*command, "--config", str(path)])
        assert result.exit_code == 2
        assert word in result.output + result.stderr


def test_the_example_configuration_is_good():
    path = Path(__file__).parents[2] / "config" / "pumpd.toml"
    assert CliRunner().invoke(app, ["config", "check", "--config", str(path)]).exit_code == 0
