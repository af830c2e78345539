"""PRG-21 in a real browser: order, pump and wristband of one patient, or nothing starts."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import DOCTOR

pytestmark = [pytest.mark.realtime, pytest.mark.browser]


@pytest.mark.requirement("PRG-21")
def test_another_patients_wristband_starts_nothing_and_the_right_one_does(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed4")
    nurse.order("bed4", patient="P-7")
    before = testbed.starts("bed4")
    nurse.scan("bed4", "P-8")
    expect(nurse.hold("start")).to_be_disabled()
    expect(nurse.hold("start")).to_contain_text("another patient's wristband")
    nurse.press_and_hold(nurse.hold("start"))
    page.wait_for_timeout(1000)
    assert testbed.infusion_state("bed4") == "ready"
    assert testbed.starts("bed4") == before
    assert "the wristband differs" in testbed.entries("confirmation_refused", "bed4")[-1].fields["reasons"][0]

    nurse.scan("bed4", "P-7")
    nurse.press_and_hold(nurse.hold("start"))
    testbed.until("bed4", "running")
    assert testbed.starts("bed4") == before + 1
    nurse.stop_button("bed4").click()
    testbed.until("bed4", "stopped")


@pytest.mark.requirement("PRG-21")
def test_a_nurse_associates_a_pump_with_a_patient_and_not_during_an_infusion(nurse, testbed):
    page = nurse.page
    testbed.free("bed4")
    nurse.signed_in("bed4", DOCTOR)
    expect(page.get_by_test_id("associated")).not_to_be_empty()  # the button appears with it
    if page.get_by_test_id("associated").inner_text() != "none":  # from another test
        nurse.button("End the association").click()
    expect(page.get_by_test_id("associated")).to_have_text("none")
    page.get_by_label("Associate with a patient").fill("Jane Doe")
    page.get_by_role("button", name="Associate", exact=True).click()  # enabled once the last change is answered
    nurse.see("This is no patient token")
    page.get_by_label("Associate with a patient").fill("P-9")
    page.get_by_role("button", name="Associate", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bed4: new infusion")  # the order opens by itself
    expect(page.get_by_role("form", name="Order")).to_contain_text("P-9")
    expect(page.get_by_role("banner")).to_contain_text("patient P-9")
    change = testbed.entries("association_changed", "bed4")[-1].fields
    assert (change["before"], change["patient"]) == (None, "P-9")
    assert change["by"].startswith("Dr A. Brandt")

    nurse.order("bed4", patient="P-9")
    assert not testbed.ask(op="dissociate", pump="bed4", by="the test")["ok"]
    nurse.stop_button("bed4").click()
    testbed.until("bed4", "stopped", "abandoned")
    nurse.button("End the association").click()
    expect(page.get_by_test_id("associated")).to_have_text("none")


@pytest.mark.requirement("PRG-21")
def test_on_a_pump_without_a_patient_the_first_scan_associates_it(nurse, testbed):
    """Ordered from elsewhere. At the bed the nurse scans for the pump, and again for the start."""
    page = nurse.page
    nurse.signed_in("bed4")
    testbed.free("bed4")
    testbed.ask(op="dissociate", pump="bed4", by="the test")
    ordered = testbed.ask(
        op="order", pump="bed4", entry="ketamine-1mg-ml", dose="0.5 mg/kg", weight="70 kg", weight_again="70 kg",
        weight_basis="actual", duration="40 min", container="50 mL", patient="P-10", ordered_by="2001",
    )  # fmt: skip
    assert ordered["ok"], ordered
    expect(nurse.hold("start")).to_be_disabled()
    expect(page.get_by_label("Associate with a patient")).to_be_focused()
    page.keyboard.type("P-10\n")
    nurse.scan("bed4", "P-10")
    nurse.press_and_hold(nurse.hold("start"))
    testbed.until("bed4", "running")
    nurse.stop_button("bed4").click()
    testbed.until("bed4", "stopped")
