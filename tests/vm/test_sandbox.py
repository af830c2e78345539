"""Every rule of a unit's sandbox bites: tried from inside the unit, with Debian's own systemd and kernel."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

UNITS = {
    "control": (0.8, {"open a serial port", "use the operator socket", "use the tablet socket"}),
    "bedside": (1.3, {"open a network socket", "open an IPv6 socket", "send a packet", "use the tablet socket"}),
    "telemetry": (1.3, {"open a network socket", "open an IPv6 socket", "send a packet"}),
    "vitals": (1.3, {"open a network socket", "open an IPv6 socket", "send a packet"}),
}
# Files, by the service that needs them.
FILES = {
    "control": {
        *("read the journal", "write the journal", "read the paired keys", "write the paired keys"),
        *("read the staff", "read the server's key", "read the authority's key"),
    },
    "bedside": {"read the journal"},
    "telemetry": {"read the journal"},
    "vitals": set(),
}
PORTS = {("tcp", "8443")}  # docs/how-to/virtual-gateway.md: the tablets' server, and nothing else
PROBE = Path(__file__).with_name("probe.py")
LEFT_OUT = (
    "Type=",
    "NotifyAccess=",
    "WatchdogSec=",
    "Restart=",
    "RestartSec=",
    "ExecStart=",
    "ExecCondition=",
    "Documentation=",
)


def inside(gateway, service):
    """What the probe could do in the sandbox of this service: its own unit, with another program."""
    name = f"probe-{service}"
    parts = gateway.run(f"systemctl cat pumpd-{service}.service").out.splitlines()
    lines = [line for line in parts if not line.startswith(LEFT_OUT)]
    place = lines.index("[Service]") + 1
    lines[place:place] = [
        "Type=oneshot",
        "ExecStart=/usr/bin/python3 -I /usr/local/lib/probe.py",
        f"StandardOutput=truncate:/run/{name}.out",
    ]
    gateway.machine.agent.run("cat > /usr/local/lib/probe.py", given=PROBE.read_text())
    gateway.machine.agent.run(f"cat > /run/systemd/system/{name}.service", given="\n".join(lines))
    gateway.run(f"systemctl daemon-reload; systemctl start {name}.service; rm /run/systemd/system/{name}.service")
    return json.loads(gateway.run(f"cat /run/{name}.out").out)


@pytest.mark.requirement("SEC-21")
@pytest.mark.parametrize("service", UNITS)
def test_a_service_can_do_what_it_needs_and_nothing_else(gateway, nurse, service):
    found = inside(gateway, service)
    done = {what for what, how in found.items() if how == "done"}
    assert done == UNITS[service][1] | FILES[service], {what: found[what] for what in found if what not in done}


@pytest.mark.requirement("SEC-14")
def test_the_ports_that_listen_are_those_published(gateway):
    lines = gateway.run("ss --no-header --listening --tcp --udp --numeric").out.splitlines()
    ports = {(line.split()[0], line.split()[4].rpartition(":")[2]) for line in lines}
    assert ports == PORTS, lines


@pytest.mark.parametrize("service", UNITS)
def test_systemd_finds_little_exposed(gateway, measured, service):
    most = UNITS[service][0]
    said = gateway.run(f"systemd-analyze security --no-pager pumpd-{service}.service").out
    (line,) = [each for each in said.splitlines() if "Overall exposure level" in each]
    exposure = float(line.split(":")[1].split()[0])
    measured(f"systemd-analyze security pumpd-{service}: {exposure}")
    assert exposure <= most
