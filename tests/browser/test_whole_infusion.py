"""From an unknown tablet to the summary: one nurse, one pump, forty minutes in ten seconds."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import WITHIN_S, wait_until
from tests.browser.tablet import tablet

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

NINE = ("ketamine", "1 mg/mL", "0.5 mg/kg", "70 kg", "actual weight", "35 mg", "35 mL", "52.5 mL/h", "40:00 min")


@pytest.mark.requirement("STA-16", "WIN-10", "SEC-01")
def test_pair_order_check_hold_run_finish_observe(browser, quick_testbed):
    with tablet(browser, quick_testbed, "quick tablet") as nurse:
        nurse.pair()
        nurse.sign_in("bed1")
        nurse.order("bed1", patient="P-7")

        main = nurse.page.locator("main")  # ten facts on one screen, without scrolling
        for place in (main.locator("dd", has_text="P-7"), *(main.get_by_text(fact, exact=True) for fact in NINE)):
            expect(place.first).to_be_in_viewport(ratio=1)
        nurse.see("35 mg of ketamine in 35 mL over 40 minutes")
        held = quick_testbed.truth("bed1")["display"]
        assert float(held["rate"].split("MH")[0]) == 52.5, held
        assert float(held["volume"].split("ML")[0]) == 35, held

        nurse.press_and_hold(nurse.hold("start"))
        quick_testbed.until("bed1", "completed")
        assert quick_testbed.truth("bed1")["delivered_ml"] == pytest.approx(35, rel=0.03)
        nurse.see("Complete: the whole volume was given")
        expect(nurse.page.get_by_test_id("summary-given")).to_contain_text("35 mg")

        # Two hours of observation take half a minute here.
        watched = nurse.region("Observation")
        expect(watched.get_by_test_id("observation-left")).to_contain_text("1:")
        for label, value in (("Systolic", "138"), ("Diastolic", "84"), ("Heart rate", "82"), ("SpO₂", "97")):
            watched.get_by_label(label).fill(value)
        watched.get_by_role("button", name="Record", exact=True).click()
        expect(watched.get_by_role("row").filter(has_text="138/84")).to_contain_text("97")
        nurse.button("End it early").click()
        watched.get_by_label("Why does the observation end early?").fill("taken over by ward 8")
        nurse.button("End the observation").click()
        expect(watched).to_have_count(0)
        wait_until(lambda: len(quick_testbed.entries("observation_ended")) == 1, WITHIN_S, "the completion record")
        (vitals,) = quick_testbed.entries("vitals_recorded")
        assert vitals.fields["systolic_mmhg"] == 138
        assert "Dr A. Brandt" in vitals.fields["by"]
        assert quick_testbed.starts("bed1") == 1
