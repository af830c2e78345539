"""One whole infusion as most wards here would run it: in German, with a decimal comma and a scanner that ends with Tab.

Every message is marked, so that on the way no screen shows an English word of the page or of the gateway.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import DOCTOR, PINS, WITHIN_S, wait_until
from tests.browser.marked import marking, unmarked
from tests.browser.tablet import ROLES, tablet
from tools.page_words import Words

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

PATIENT = "P-7"
NAME = "Station 7, Bett 1"
WHY = "Übernahme durch Station 8"
SAID = Words("de", marked=True)


class Nurse:
    """What she does on the tablet, by its German names."""

    def __init__(self, one):
        self.one, self.page = one, one.page

    def press(self, name):
        self.page.get_by_role("button", name=SAID(name), exact=True).click()

    def fill(self, label, value):
        self.page.get_by_label(SAID(label), exact=True).fill(value)

    def choose(self, group, text):
        self.page.get_by_role("group", name=SAID(group)).get_by_text(text, exact=True).click()

    def scan(self, label):
        expect(self.page.get_by_label(SAID(label))).to_be_focused()
        self.page.keyboard.type(PATIENT)
        self.page.keyboard.press("Tab")

    def reads(self):
        """Nothing but German."""
        assert unmarked(self.page, "DE", PATIENT, NAME, WHY) == []


@pytest.mark.requirement("PRG-29", "SEC-01", "STA-16")
def test_pair_sign_in_order_scan_start_run_and_observe_in_german(browser, quick_testbed):
    with tablet(browser, quick_testbed, NAME, locale="de-DE", service_workers="block") as one:
        nurse, page = Nurse(one), one.page
        heading = page.get_by_role("heading", level=1)
        marking(page, "de")

        opened = quick_testbed.ask(op="pair_open", roles=ROLES)["result"]
        one.open(f"#pair={opened['token']}")
        nurse.fill("Name of this tablet", NAME)
        nurse.reads()
        nurse.press("Pair")
        code = page.get_by_label(SAID("Short code")).inner_text()
        nurse.reads()
        paired = quick_testbed.ask(op="pair_accept", code=code)["result"]
        assert paired["name"] == NAME
        expect(heading).to_have_text(SAID("Beds"))
        expect(page.locator("header")).to_contain_text(NAME)
        nurse.reads()

        one.bed("bed1", "sign-in")
        nurse.fill("Badge number", DOCTOR)
        nurse.fill("PIN", PINS[DOCTOR])
        nurse.reads()
        page.locator("main").get_by_role("button", name=SAID("Sign in"), exact=True).click()
        expect(page.get_by_role("button", name=SAID("Sign out"))).to_be_visible()

        quick_testbed.free("bed1")
        one.bed("bed1")
        nurse.reads()
        nurse.scan("Associate with a patient")
        expect(heading).to_have_text(SAID("{pump}: new infusion", pump="bed1"))
        nurse.choose("Drug", "Ketamine 1 mg/mL, constant rate")
        expect(page.get_by_label(SAID("Dose"), exact=True)).to_have_value("0,5")
        nurse.fill("Weight", "70,5")
        nurse.fill("Weight, typed again", "70,5")
        nurse.choose("Which weight?", SAID("Actual"))
        nurse.fill("Dose", "0,4")
        nurse.fill("Duration", "40")
        nurse.choose("Container", "50 mL")
        nurse.reads()
        nurse.press("Load the pump")

        nurse.scan("Wristband of the patient")
        expect(page.get_by_test_id("verdict")).to_contain_text(
            SAID("This is the wristband of {patient}.", patient=PATIENT)
        )
        expect(page.get_by_test_id("sentence")).to_contain_text("28,2 mg")
        for fact in ("70,5", "0,4", "28,2", "42,3 mL/h"):
            expect(page.locator("main").get_by_text(fact, exact=True).first).to_be_visible()
        assert float(quick_testbed.truth("bed1")["display"]["rate"].split("MH")[0]) == 42.3
        nurse.reads()
        hold = page.get_by_role("button", name=re.compile(SAID("Hold to start")))
        expect(hold).to_be_enabled()
        one.press_and_hold(hold)
        quick_testbed.until("bed1", "running")
        expect(page.get_by_test_id("remaining")).to_be_visible()
        nurse.reads()

        quick_testbed.until("bed1", "completed")
        expect(page.get_by_text(SAID("Complete: the whole volume was given"))).to_be_visible()
        expect(page.get_by_test_id("summary-given")).to_contain_text("28,2 mg")
        watched = page.get_by_role("region", name=SAID("Observation"), exact=True)
        for label, value in (("Systolic", "138"), ("Diastolic", "84"), ("Heart rate", "82"), ("SpO₂", "97")):
            watched.get_by_label(SAID(label)).fill(value)
        nurse.press("Record")
        expect(watched.get_by_role("row").filter(has_text="138/84")).to_contain_text("97")
        nurse.reads()
        nurse.press("End it early")
        nurse.fill("Why does the observation end early?", WHY)
        nurse.press("End the observation")
        expect(watched).to_have_count(0)
        nurse.reads()
        wait_until(lambda: len(quick_testbed.entries("observation_ended")) == 1, WITHIN_S, "the completion record")
        assert quick_testbed.starts("bed1") == 1
