"""What the documents state and the code must do: ports, what is absent, what is off, and no secret anywhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import StaffStore
from pumpd.settings import BedsideSettings, MetricsSettings, Settings, SettingsError
from pumpd.settings_brokers import MqttSettings

ROOT = Path(__file__).parents[2]
BEDSIDE = (ROOT / "docs" / "reference" / "bedside.md").read_text(encoding="utf-8")

PUMP = {"name": "bed1", "driver": "new-era", "port": "/dev/ttyS0", "serial": "A-1", "model": "ne-1000"}
SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n"),
    "password": re.compile(r"""(?i)\b(pass(word|wd|phrase)?|pin|secret|token)\s*=\s*["'][^"'{}\s]{4,}["']"""),
    "cloud key": re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36})\b"),
}
# Names that match a pattern and were checked: they hold no secret.
KNOWN = {"password_file"}


def shipped() -> list[Path]:
    """Every text file that is part of a distribution or is copied to a gateway."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "pumpd", "drivers", "simulators", "config", "systemd"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    found = [ROOT / name for name in tracked.stdout.split("\0") if name]
    return [
        path for path in found if path.suffix in (".py", ".toml", ".conf", ".service", ".ts", ".tsx", ".json", ".html")
    ]


@pytest.mark.requirement("SEC-03")
@pytest.mark.parametrize("what", SECRETS)
def test_nothing_that_ships_holds_a_credential(what):
    files = [path for path in shipped() if path.is_file()]
    assert len(files) > 150
    found = [
        f"{path.relative_to(ROOT)}: {match[0][:60]}"
        for path in files
        for match in SECRETS[what].finditer(path.read_text(encoding="utf-8"))
        if not any(known in match[0] for known in KNOWN)
    ]
    assert found == []


@pytest.mark.requirement("SEC-03")
def test_the_scanner_finds_credentials():
    assert SECRETS["password"].search("password = 'hunter22'")
    assert SECRETS["password"].search('PIN = "4711"')
    assert SECRETS["private key"].search("-----BEGIN EC PRIVATE KEY-----\nMHc")


@pytest.mark.requirement("SEC-03")
def test_a_new_gateway_has_no_key_and_no_staff(tmp_path):
    settings = Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path})
    assert KeyStore(settings.keys_path).all() == {}
    assert StaffStore(settings.staff_path).all() == {}
    assert settings.bedside is None  # it serves no tablet
    assert settings.metrics is None


@pytest.mark.requirement("SEC-14")
def test_the_documented_ports_are_the_defaults_of_the_settings():
    ports = re.findall(r"^\| (TCP \d+|none)\b[^|]*\| ([^|]+?) \|", BEDSIDE, re.MULTILINE)
    assert ports == [
        (f"TCP {BedsideSettings().port}", "bedside"),
        ("none", "control, deadman"),
        ("none", "telemetry"),
        (f"TCP {MetricsSettings().port}", "telemetry, only with `[metrics]`"),
    ]
    assert MetricsSettings().host == "127.0.0.1"
    assert MqttSettings(host="broker").tls is True


def test_the_documented_limits_are_the_defaults_of_the_settings():
    (block,) = [each for each in re.findall(r"```toml\n(.*?)```", BEDSIDE, re.DOTALL) if "[bedside.limits]" in each]
    shown = tomllib.loads(block)["bedside"]
    default = BedsideSettings()
    assert shown["limits"] == default.limits.model_dump()
    assert (shown["host"], shown["port"]) == (default.host, default.port)


@pytest.mark.requirement("ALM-15")
def test_the_documentation_states_that_a_dead_gateway_is_silent():
    (line,) = [line for line in BEDSIDE.splitlines() if "ALM-15" in line]
    assert "**absent**" in line


@pytest.mark.requirement("STA-17")
@pytest.mark.parametrize(
    ("hardware", "accepted"),
    [
        ({}, False),
        ({"enabled": True}, False),
        ({"acknowledged": "not a cleared medical device"}, False),
        ({"enabled": True, "acknowledged": "yes"}, False),
        ({"enabled": True, "acknowledged": "not a cleared medical device"}, True),
    ],
)
def test_a_real_pump_needs_hardware_enabled_and_the_notice_acknowledged(tmp_path, hardware, accepted):
    given = {"gateway": "ward-7", "state_dir": str(tmp_path), "hardware": hardware, "pump": [PUMP]}
    if accepted:
        assert not Settings.model_validate(given).pumps[0].simulated
    else:
        with pytest.raises(ValueError, match="hardware"):
            Settings.model_validate(given)


@pytest.mark.requirement("STA-17")
def test_the_shipped_configuration_drives_no_hardware():
    text = (ROOT / "config" / "pumpd.toml").read_text(encoding="utf-8")
    assert "enabled = false" in text
    try:
        settings = Settings.load(ROOT / "config" / "pumpd.toml")
    except SettingsError as error:
        pytest.fail(str(error))
    assert not settings.hardware.enabled
    assert all(pump.simulated for pump in settings.pumps)
