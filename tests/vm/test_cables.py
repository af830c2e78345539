"""Adapters that are pulled, swapped, reset with their hub, or alike: no pump is taken for another one."""

import contextlib

import pytest

from tests.vm.channel import ChannelError
from tests.vm.gateway import NAME
from tests.vm.nurse import RATE_ML_H

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

LEASE_S, BUSY_S = 11.0, 2.0
# USBDEVFS_RESET of linux/usbdevice_fs.h, on the hub: what hangs on it is lost and found again.
RESET = """
import fcntl, glob, os
for name in glob.glob("/sys/bus/usb/devices/*/bDeviceClass"):
    folder = os.path.dirname(name)
    if open(name).read().strip() == "09" and "-" in os.path.basename(folder):
        bus, device = (int(open(f"{folder}/{each}").read()) for each in ("busnum", "devnum"))
        hub = os.open(f"/dev/bus/usb/{bus:03d}/{device:03d}", os.O_WRONLY)
        fcntl.ioctl(hub, 0x5514)
        os.close(hub)
"""
PLACES = {"bed1": "1", "bed2": "2"}
TRIES_S = 20  # the link has asked the other pump several times
BY_PATH = """
[[pump]]
name = "{bed}"
driver = "new-era"
model = "ne-1000"
serial = "{case}"
port = "{port}"
settings.address = {address}
"""


def ports(gateway):
    """By the name of the adapter, the device behind it."""
    lines = gateway.run("cd /dev/serial/by-id && for name in *; do echo $name $(readlink $name); done").out.splitlines()
    return dict(line.split() for line in lines)


@pytest.fixture(autouse=True)
def as_before(gateway):
    """Whatever a test did, each adapter is then in its own socket again."""
    yield
    for bed in PLACES:
        with contextlib.suppress(ChannelError):
            gateway.machine.pull(bed)
    for bed, place in PLACES.items():
        gateway.plug(bed, place)
    gateway.ready()


@pytest.mark.requirement("COM-15")
def test_adapters_that_come_back_in_another_order_are_the_same_pumps(gateway, nurse):
    before = ports(gateway)
    for bed in ("bed1", "bed2"):
        gateway.pull(bed)
    gateway.plug("bed2", "2")
    gateway.wait(lambda: "bed2" in gateway.run("ls /dev/serial/by-id", check=False).out, "the adapter of bed2")
    gateway.plug("bed1", "1")
    gateway.ready()
    after = ports(gateway)
    assert before.keys() == after.keys()
    assert before[NAME.format("bed1")] == after[NAME.format("bed2")] != after[NAME.format("bed1")]  # they have swapped
    given = gateway.outside.given_ml("bed2")
    nurse.start("bed1")
    assert gateway.outside.truth("bed1")["running"]
    assert not gateway.outside.truth("bed2")["running"]
    assert gateway.outside.given_ml("bed2") == given
    gateway.free("bed1")


@pytest.mark.requirement("COM-15")
def test_a_cable_in_the_wrong_pump_starts_nothing(gateway, nurse):
    for bed in ("bed1", "bed2"):
        gateway.pull(bed)
    gateway.machine.plug("bed2", "1", "bed1")  # the adapter of bed1 ends in the pump of bed2
    gateway.machine.plug("bed1", "2", "bed2")
    gateway.wait(lambda: len(gateway.run("ls /dev/serial/by-id", check=False).out.split()) == 2, "both adapters")
    gateway.run(f"sleep {TRIES_S}")
    # Each pump has an address of its own and says nothing to another one, so it is absent.
    assert [pump["links"]["pump"] for pump in gateway.pumps().values()] == ["lost", "lost"]
    refused = nurse.try_order("bed1")
    assert not refused["ok"], refused
    assert not any(gateway.outside.truth(bed)["running"] for bed in ("bed1", "bed2"))


@pytest.mark.requirement("STP-09")
def test_a_hub_that_is_reset_leaves_no_flow_unwatched_and_its_pumps_come_back(gateway, nurse, measured):
    """Its pumps have addresses of their own: one that is back within its lease is known, and its infusion runs on."""
    for bed, place in (("bed1", "4.1"), ("bed2", "4.2")):
        gateway.pull(bed)
        gateway.plug(bed, place)
    gateway.ready()
    before = nurse.start("bed1")
    at_reset = gateway.outside.given_ml("bed1")
    gateway.run("dmesg --clear")
    gateway.machine.agent.execute(["/usr/bin/python3", "-I", "-c", RESET])
    gateway.wait(lambda: "reset" in gateway.run("dmesg").out, "the kernel to reset it")
    gateway.run(f"sleep {LEASE_S + BUSY_S:g}")
    runs = gateway.outside.truth("bed1")["running"]
    flowed = gateway.outside.given_ml("bed1") - at_reset
    gateway.ready()
    booked, given = gateway.booked_enough("bed1", before)
    how = "runs on" if runs else f"ended after {flowed:.3f} mL"
    measured(f"a hub was reset: the infusion {how}; {given:.3f} mL given, {booked:.3f} booked")
    if runs:
        assert gateway.infusion_state("bed1") == "running"
    else:
        assert flowed <= RATE_ML_H / 3600 * (LEASE_S + BUSY_S)
    gateway.free("bed1")


@pytest.mark.requirement("COM-15")
def test_two_adapters_alike_are_told_apart_by_their_sockets(gateway):
    """Without numbers of their own both have one name by-id; by-path each has its own, whatever is plugged first."""
    for bed in ("bed1", "bed2"):
        gateway.pull(bed)
    gateway.machine.plug("bed2", "2", None)
    gateway.machine.plug("bed1", "1", None)
    found = "ls /dev/serial/by-path | grep --fixed-strings -- -usb-"  # Debian 13 has a second name, usbv2, for each
    gateway.wait(lambda: len(gateway.run(found, check=False).out.split()) == 2, "two names by-path")
    # The names of those that were pulled go a moment later.
    gateway.wait(lambda: len(gateway.run("ls /dev/serial/by-id").out.split()) == 1, "one name by-id for both")
    one, two = sorted(f"/dev/serial/by-path/{name}" for name in gateway.run(found).out.split())
    places = {"bed1": ("ASSET-0001", one, 1), "bed2": ("ASSET-0002", two, 2)}
    text = "".join(
        BY_PATH.format(bed=bed, case=case, port=port, address=address) for bed, (case, port, address) in places.items()
    )
    gateway.machine.agent.run("mkdir -p /etc/pumpd/pumpd.d; cat > /etc/pumpd/pumpd.d/paths.toml", given=text)
    try:
        gateway.run("systemctl restart pumpd-control")
        gateway.plugged = dict(PLACES)
        gateway.ready()
    finally:
        gateway.run("rm /etc/pumpd/pumpd.d/paths.toml; systemctl restart pumpd-control")
