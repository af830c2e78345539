"""The demo's bedside monitor: its configuration at the gateway, and the simulated monitor itself."""

import sys
import urllib.request
from collections.abc import Sequence

TOPIC = "monitors/demo/vitals"


def vitals_sections(pump: str, broker: int) -> str:
    """The limits are an example of their form, for a simulated patient; a site has its own."""
    return f"""
[vitals.spo2_percent]
critical_low = 85
warn_low = 90

[vitals.heart_rate_bpm]
critical_low = 40
critical_high = 140

[vitals.systolic_mmhg]
critical_low = 80
critical_high = 180

[vitals.diastolic_mmhg]
critical_high = 120

[vitals.respiration_per_min]
critical_low = 6

[vitals.broker]
host = "127.0.0.1"
port = {broker}
tls = false

[vitals.topics]
{pump} = "{TOPIC}"
"""


def monitor_command(broker: int, speed: int, seed: int, faults: Sequence[str], control: int) -> list[str]:
    """Its time runs as fast as the infusion's. Faults wait until `begin`."""
    command = [sys.executable, "-m", "pumpd_simulators", "monitor", "--broker", f"127.0.0.1:{broker}"]
    command += ["--topic", TOPIC, "--cuff", "3min", "--speed", str(speed), "--seed", str(seed)]
    command += ["--wait", "--control", f"127.0.0.1:{control}"]
    for fault in faults:
        command += ["--fault", fault]
    return command


def begin(control: int) -> None:
    """The infusion begins: the times of the monitor's faults count from now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{control}/begin", data=b"{}", timeout=5):  # http on loopback
        pass
