"""The gateway's card: full, failing, slow. Nothing starts on it, what runs stops safely, and control lives on."""

import pytest

from tests.browser.gateway import ENDED
from tests.vm.nurse import RATE_ML_H

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

LEASE_S, BUSY_S = 11.0, 2.0
STARTED = "systemctl show --property NRestarts --property ExecMainPID pumpd-control"


def ended_safely(gateway, before, at_ml):
    """The flow ended within a lease, and no less is booked than was given; returns what flowed meanwhile."""
    gateway.wait(lambda: not gateway.outside.truth("bed1")["running"], "the flow to end")
    flowed = gateway.outside.given_ml("bed1") - at_ml
    assert flowed <= RATE_ML_H / 3600 * (LEASE_S + BUSY_S)
    gateway.until("bed1", "tripped", *ENDED)
    booked, given = gateway.booked_enough("bed1", before)
    return f"{flowed:.3f} mL flowed after it, {given:.3f} mL given, {booked:.3f} booked"


@pytest.mark.requirement("PWR-11")
def test_on_a_full_disk_what_runs_stops_safely_and_nothing_starts(gateway, nurse, measured):
    before = nurse.start("bed1")
    process = gateway.run(STARTED).out
    # Whole first, then the last blocks, those that only root may fill among them.
    gateway.run("fallocate -l $(df --output=avail -B1 / | tail -1) /full; cat /dev/zero > /full2; sync", check=False)
    at_ml = gateway.outside.given_ml("bed1")  # after it: an emulated disk on a busy host fills slowly
    try:
        measured(f"the disk is full: {ended_safely(gateway, before, at_ml)}")
        refused = nurse.try_order("bed2")
        assert not refused["ok"], refused
        assert gateway.run(STARTED).out == process, "control was restarted"
    finally:
        gateway.run("rm /full /full2")
    gateway.wait(lambda: nurse.try_order("bed2")["ok"], "orders to be accepted again")
    gateway.free("bed2")
    gateway.journal_is_intact()


@pytest.mark.requirement("PWR-11")
def test_on_a_slow_disk_control_is_not_killed_and_the_dose_is_booked(gateway, nurse, measured):
    before = nurse.start("bed1")
    process = gateway.run(STARTED).out
    gateway.machine.throttle(operations_per_s=2)
    given = gateway.outside.given_ml("bed1")
    gateway.wait(
        lambda: (
            gateway.outside.given_ml("bed1") > given + RATE_ML_H / 3600 * 60
            or not gateway.outside.truth("bed1")["running"]
        ),
        "a minute of the infusion, or its end",
    )
    runs = gateway.outside.truth("bed1")["running"]
    gateway.machine.throttle()
    assert gateway.run(STARTED).out == process, "control was restarted"
    gateway.free("bed1")
    booked, given = gateway.booked_enough("bed1", before)
    how = "still running" if runs else "stopped"
    measured(f"2 disk operations a second for a minute: {how}; {given:.3f} mL given, {booked:.3f} booked")
    gateway.journal_is_intact()


@pytest.mark.requirement("PWR-11", "PWR-03")
def test_a_file_system_that_failed_stops_what_runs_and_is_good_after_a_restart(gateway, nurse, measured):
    """ext4 after an error writes nothing; in Debian 13's kernel it reads nothing either."""
    before = nurse.start("bed1")
    at_ml = gateway.outside.given_ml("bed1")
    gateway.run("echo 1 > /sys/fs/ext4/vda/trigger_fs_error")
    measured(f"the file system failed: {ended_safely(gateway, before, at_ml)}")
    gateway.machine.cut()
    gateway.on()
    gateway.journal_is_intact()
    assert not gateway.outside.truth("bed1")["running"]
    gateway.booked_enough("bed1", before)
    nurse.start("bed2")
    gateway.free("bed2")
