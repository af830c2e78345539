"""COM-15 in a real browser: a pump that cannot show which one it is, and the nurse who identifies it."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import UNSET, wait_until

pytestmark = [pytest.mark.realtime, pytest.mark.browser]


@pytest.mark.requirement("COM-15")
def test_a_nurse_identifies_a_pump_by_its_cable_and_only_then_can_order(nurse, testbed):
    page = nurse.page
    nurse.signed_in(UNSET)
    opens = page.get_by_text("Then the order for this patient opens")
    expect(opens).to_have_count(0)
    form = page.get_by_role("form", name="Identify the pump")
    expect(form).to_contain_text("It is not known which pump answers here")
    nurse.button("I am at the pump: identify it").click()
    expect(form.get_by_role("status")).to_contain_text("At the pump, pull its data cable")
    testbed.fault(UNSET, "silence", duration="5s")  # to the gateway, the same as a cable that was pulled
    wait_until(lambda: bool(testbed.pumps()[UNSET]["proved_by"]), 60, "the pump to be identified")
    assert testbed.pumps()[UNSET]["proved_by"].startswith("Dr A. Brandt")
    expect(form).to_have_count(0)
    expect(opens).to_be_visible()
