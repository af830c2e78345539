"""The short form of the virtual gateway: it boots, infuses from the tablet's page, loses an adapter and its power."""

import contextlib
import os
import random
import threading
import time

import httpx
import pytest

from tests.browser.chromium import chromium
from tests.browser.gateway import ENDED
from tests.browser.tablet import tablet
from tests.vm.gateway import WITHIN_S
from tests.vm.nurse import RATE_ML_H

CUTS = int(os.environ.get("PUMPD_VM_CUTS", "3"))
pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600 + 600 * CUTS)]

LEASE_S = 10.0
FLOWS_ON_S = LEASE_S + 1.0  # STP-09; then a New Era's own watchdog has stopped it
BUSY_S = 2.0  # between the test's reading of two clocks


@pytest.fixture
def browser(certificate):
    with chromium(certificate.key_hash) as made:
        yield made


@pytest.mark.requirement("SEC-01", "STA-16")
def test_a_nurse_infuses_from_the_tablets_page_and_stops_there(gateway, browser, patience, measured):
    with tablet(browser, gateway, "ward tablet") as nurse:
        nurse.page.set_default_timeout(WITHIN_S * 1000)
        nurse.pair()
        nurse.sign_in("bed1")
        nurse.order("bed1")
        before = gateway.outside.given_ml("bed1")
        nurse.press_and_hold(nurse.hold("start"))
        gateway.until("bed1", "running")
        began = time.monotonic()
        gateway.wait(lambda: gateway.outside.given_ml("bed1") > before + 0.2, "0.2 mL")
        nurse.stop_button("bed1").click()
        took = gateway.wait(lambda: not gateway.outside.truth("bed1")["running"], "the pump to stand")
        gateway.until("bed1", "stopped")
        booked, given = gateway.booked_enough("bed1", before)
        flowed_s = time.monotonic() - began
    assert given <= RATE_ML_H / 3600 * flowed_s * 1.1 + 0.1
    measured(f"an infusion from the page: {given:.3f} mL given, {booked:.3f} mL booked, stopped {took:.1f} s after it")


@pytest.mark.requirement("STP-09", "COM-01")
def test_an_adapter_that_is_pulled_ends_the_flow_and_is_known_again_when_it_is_back(gateway, nurse, measured):
    before = nurse.start("bed1")
    gateway.pull("bed1")
    pulled = gateway.outside.given_ml("bed1")
    took = gateway.wait(lambda: not gateway.outside.truth("bed1")["running"], "the pump's own watchdog")
    flowed = gateway.outside.given_ml("bed1") - pulled
    assert flowed <= RATE_ML_H / 3600 * (FLOWS_ON_S + BUSY_S)
    gateway.until("bed1", "stopping", "tripped")  # no reply confirms the stop while the adapter is away
    gateway.plug("bed1", "1")
    gateway.ready()
    gateway.until("bed1", "tripped")
    assert not gateway.outside.truth("bed1")["running"]
    booked, given = gateway.booked_enough("bed1", before)
    measured(
        f"an adapter pulled: the flow ended after {took:.1f} s and {flowed:.3f} mL; "
        f"{given:.3f} mL given, {booked:.3f} booked"
    )
    gateway.free("bed1")


@pytest.mark.requirement("PWR-02", "PWR-03", "PWR-06", "STP-09")
def test_a_power_cut_at_any_instant_resumes_nothing_and_books_no_less_than_was_given(gateway, nurse, measured):
    """The first cut is while it is loaded and started, the others at random instants of the infusion."""
    seed = random.randrange(10**6)
    instants = random.Random(seed)
    measured(f"power cuts at random instants: {CUTS}, seed {seed}")
    for number in range(CUTS):
        before = gateway.outside.given_ml("bed1")
        cut_after_s = instants.uniform(0.0, 3.0 if number == 0 else 25.0)
        patient = nurse.order("bed1")
        cut = threading.Timer(cut_after_s, gateway.machine.cut)
        cut.start()
        with contextlib.suppress(httpx.HTTPError):
            nurse.confirm("bed1", patient)
        cut.join()
        at_the_cut = gateway.outside.given_ml("bed1")
        off_s = gateway.wait(lambda: not gateway.outside.truth("bed1")["running"], "the pump's own watchdog")
        flowed = gateway.outside.given_ml("bed1") - at_the_cut
        assert flowed <= RATE_ML_H / 3600 * (FLOWS_ON_S + BUSY_S), (seed, number)
        ready_s = gateway.on()
        gateway.journal_is_intact()
        assert not gateway.outside.truth("bed1")["running"], (seed, number)
        gave = gateway.outside.given_ml("bed1")
        assert gateway.infusion_state("bed1") in ("tripped", *ENDED), (seed, number, gateway.infusion("bed1"))
        booked, given = gateway.booked_enough("bed1", before)
        measured(
            f"cut {cut_after_s:4.1f} s after the confirmation was sent: the flow ended after {off_s:4.1f} s, "
            f"{given:.3f} mL given, {booked:.3f} booked; ready {ready_s:.0f} s after power"
        )
        nurse.sign_in()
        assert gateway.outside.given_ml("bed1") == gave, "nothing flowed before a person did something"
    gateway.free("bed1")
