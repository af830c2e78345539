"""The kernel hangs in the middle of an infusion: the machine's own watchdog resets it."""

import time

import pytest

from tests.browser.gateway import ENDED
from tests.vm.nurse import RATE_ML_H

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

WATCHDOG_S = 15.0  # RuntimeWatchdogSec; what is measured also has the time of the reset and of this host
FLOWS_ON_S = 11.0
BUSY_S = 2.0


@pytest.mark.requirement("PWR-09", "PWR-03")
def test_a_hung_kernel_is_reset_and_nothing_resumes(gateway, nurse, measured):
    assert gateway.run("systemctl show --property RuntimeWatchdogUSec").out.strip() == "RuntimeWatchdogUSec=15s"
    before = nurse.start("bed1")
    gateway.run("sysctl --quiet kernel.sysrq=1 kernel.panic=0")
    began, given = time.monotonic(), gateway.outside.given_ml("bed1")
    gateway.run("(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &")
    gateway.machine.monitor.until("WATCHDOG", 120.0)
    took = time.monotonic() - began - 1.0
    gateway.wait(lambda: not gateway.outside.truth("bed1")["running"], "the pump's own watchdog")
    flowed = gateway.outside.given_ml("bed1") - given
    assert flowed <= RATE_ML_H / 3600 * (FLOWS_ON_S + BUSY_S)
    gateway.machine.alive()
    gateway.ready()
    back = time.monotonic() - began
    gateway.journal_is_intact()
    assert gateway.infusion_state("bed1") in ("tripped", *ENDED)
    assert not gateway.outside.truth("bed1")["running"]
    booked, given = gateway.booked_enough("bed1", before)
    measured(
        f"a hung kernel: reset after {took:.1f} s, ready after {back:.0f} s; "
        f"{flowed:.3f} mL flowed after it hung, {given:.3f} given, {booked:.3f} booked"
    )
    assert took <= WATCHDOG_S + BUSY_S
