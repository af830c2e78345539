"""Left alone for a day, one infusion after the other: descriptors, memory, journal and writes to the disk stay flat.

`make vm-soak HOURS=24`. It belongs to no other run.
"""

import json
import os
import time

import pytest

from tests.browser.gateway import ENDED

pytestmark = [pytest.mark.vm, pytest.mark.whole, pytest.mark.realtime, pytest.mark.timeout(49 * 3600)]

HOURS = float(os.environ.get("PUMPD_VM_HOURS", "24"))
SERVICES = ("control", "bedside", "telemetry")
FLAT = 1.15  # of the first tenth: memory and descriptors at the end
SAMPLE = """
import json, os, subprocess
found = {}
for name in ("control", "bedside", "telemetry"):
    pid = subprocess.run(["systemctl", "show", "--value", "--property", "MainPID", f"pumpd-{name}"],
                         capture_output=True, text=True).stdout.strip()
    rollup = open(f"/proc/{pid}/smaps_rollup").read()
    found[f"{name} KiB"] = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    found[f"{name} descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
state = "/var/lib/pumpd"
found["journal KiB"] = os.stat(f"{state}/journal.sqlite3").st_size // 1024
found["wal KiB"] = os.stat(f"{state}/journal.sqlite3-wal").st_size // 1024
found["disk KiB written"] = int(open("/sys/block/vda/stat").read().split()[6]) // 2
print(json.dumps(found))
"""


def sample(gateway):
    return json.loads(gateway.machine.agent.execute(["/usr/bin/python3", "-I", "-c", SAMPLE]).out)


def test_left_alone_nothing_grows(gateway, nurse, measured):
    end = time.monotonic() + HOURS * 3600
    samples, before = [], gateway.outside.given_ml("bed1")
    while time.monotonic() < end:
        if gateway.infusion_state("bed1") in (None, *ENDED):
            if samples:
                gateway.booked_enough("bed1", before)
            before = nurse.start("bed1")
        samples.append((time.monotonic(), sample(gateway)))
        time.sleep(min(60.0, max(1.0, HOURS * 36)))
    gateway.free("bed1")
    gateway.journal_is_intact()
    early, late = samples[len(samples) // 10][1], samples[-1][1]
    hours = (samples[-1][0] - samples[len(samples) // 10][0]) / 3600
    for name in early:
        measured(f"{name}: {early[name]} -> {late[name]} ({(late[name] - early[name]) / hours:+.0f} an hour)")
    for name in early:
        if "KiB" in name and any(name.startswith(service) for service in SERVICES):
            assert late[name] <= early[name] * FLAT, name
        if name.endswith("descriptors"):
            assert late[name] <= early[name] + 2, name
    assert late["wal KiB"] <= 16 * 1024
