"""Memory is short: the kernel ends telemetry, then what serves tablets, and control last of all."""

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

# It takes all memory until the kernel has ended a process, and cannot be ended itself.
HOG = """
import sys, time
def ended():
    return int(next(line.split()[1] for line in open("/proc/vmstat") if line.startswith("oom_kill ")))
before, held = ended(), []
while ended() == before:
    held.append(bytearray(b"x" * (4 << 20)))
"""
MAIN = "systemctl show --value --property MainPID pumpd-{}"


def pid(gateway, service):
    return int(gateway.run(MAIN.format(service)).out)


def test_when_memory_is_short_telemetry_ends_first_and_control_infuses(gateway, nurse, measured):
    before = nurse.start("bed1")
    control = pid(gateway, "control")
    scores = {
        name: int(gateway.run(f"cat /proc/{pid(gateway, name)}/oom_score").out)
        for name in ("control", "bedside", "telemetry")
    }
    assert scores["control"] < scores["bedside"] < scores["telemetry"]
    gateway.run("echo > /dev/kmsg; dmesg --clear")
    gateway.machine.agent.run("cat > /usr/local/lib/hog.py", given=HOG)
    gateway.run("systemd-run --wait --property OOMScoreAdjust=-1000 /usr/bin/python3 -I /usr/local/lib/hog.py")
    killed = [line for line in gateway.run("dmesg").out.splitlines() if "Out of memory: Killed process" in line]
    assert killed
    assert "telemetry.service" in gateway.run("dmesg").out.split("oom-kill:")[1].split("\n")[0], killed
    assert pid(gateway, "control") == control
    gateway.wait(lambda: pid(gateway, "telemetry") > 0, "telemetry to be back")
    assert gateway.infusion_state("bed1") == "running"
    gateway.free("bed1")
    gateway.booked_enough("bed1", before)
    measured(f"memory short: {killed[0].partition(': ')[2]}; oom scores {scores}")
