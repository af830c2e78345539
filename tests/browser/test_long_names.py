"""The longest names that pumpd takes, of a person, a patient and a drug, also at 200 %: nothing is cut or out
of reach, and nothing scrolls to the side. Scenes of the mock.
"""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import chromium
from tests.browser.test_large_text import CUT, OUT_OF_REACH
from tools.tablet_pictures import SIZES, Screen, mock, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

PATIENT = "P-" + "1234567890" * 6 + "1"  # 63 characters
PERSON = "Prof. Dr. Maximiliane von Hohenzollern-Sigmaringen"
DRUG = "Ketaminhydrochloridinfusionslösung 1 mg/mL, langsam ansteigende Rate für Erwachsene"


@pytest.fixture(scope="module")
def gateway():
    with mock() as made:
        yield made


def found_on(page):
    page.evaluate("scrollTo(0, 0)")
    wide = ["wider than the screen"] if page.evaluate("document.documentElement.scrollWidth > innerWidth") else []
    return wide + page.evaluate(CUT) + page.evaluate(OUT_OF_REACH)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (320, 568)], ids=["tablet", "phone", "phone200"])
def test_the_longest_names_fit(gateway, size, monkeypatch):
    monkeypatch.setitem(SIZES, "named", size)
    wrong = {}

    def look(where):
        page.wait_for_timeout(300)
        if found := found_on(page):
            wrong[where] = found

    def longer(route):
        body = route.fetch().json()
        for entry in body["result"]["entries"]:
            entry["name"] = DRUG.replace("1 mg/mL", f"{entry['concentration_mg_ml']} mg/mL")
        route.fulfill(body=json.dumps(body), content_type="application/json")

    with chromium() as browser, opened(browser, gateway, "named", "day", locale="de") as page:
        page.route("**/api/library", longer)
        turn_to(page, gateway, Screen("idle", "", "ordering"))
        gateway.ask(f"person=20417&name={PERSON.replace(' ', '%20')}&patient={PATIENT}")
        expect(page.locator("main")).to_contain_text(PATIENT)
        look("idle")
        page.evaluate("location.hash = '#/bed/bed1/order'")
        expect(page.locator("main")).to_contain_text(DRUG)  # of the course
        for name in ("weight", "weight_again"):
            page.locator(f"input[name={name}]").fill("70")
        page.get_by_text("Tatsächliches", exact=True).click()
        act = page.get_by_role("button", name="60 mL Diesen Behälter laden")
        expect(act).to_be_enabled()
        page.wait_for_timeout(800)  # until it takes a touch
        look("order")
        act.click()
        expect(page.get_by_test_id("hold")).to_be_visible()
        look("review")
        page.evaluate("location.hash = '#/bed/bed1/course'")
        expect(page.locator("main")).to_contain_text(PATIENT)
        look("course")
    assert wrong == {}
