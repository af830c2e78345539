"""From a woken tablet to a started infusion: how many touches that takes. These numbers may fall and never grow."""

import pytest
from playwright.sync_api import expect

from tests.browser.hand import Hand
from tools.tablet_pictures import Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

KNOWN, NEW = "P-1042", "P-2001"  # of the mock: in a course with a weight on record; without any record
PIN = "000000"  # a PIN has at least six digits


@pytest.fixture(params=["tablet", "phone"])
def woken(stage, request):
    """A tablet on which this nurse alone has signed in lately, and a token was typed, with nobody signed in and a bed
    without an infusion. Where several people signed in, the touch of a name is one more.
    """
    gateway, browser = stage
    with opened(browser, gateway, request.param, "day") as page:
        turn_to(page, gateway, Screen("signed out", "", "idle", "/bed/bed1/sign-in", person=""))
        page.get_by_label("Badge number").fill("20417")
        page.get_by_label("PIN", exact=True).fill(PIN)
        page.locator("main").get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Associate with a patient").fill("P-1999")
        page.get_by_role("button", name="Associate", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("bed1: new infusion")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        turn_to(page, gateway, Screen("woken", "", "idle", "/", person=""))
        yield Hand(page)


def sign_in(hand):
    """With the PIN, on the bed, which a touch or a scan has opened."""
    page = hand.page
    expect(page.get_by_role("button", name="R. Weiss")).to_have_attribute("aria-pressed", "true")
    hand.keys("Keypad", PIN)  # the last digit signs in


def scanned(hand, patient, end="Enter"):
    """On the overview: the wristband opens the only free bed, and the PIN associates it."""
    hand.scan(patient, end)
    expect(hand.page.get_by_text(f"{patient} was scanned")).to_contain_text("bed1 is associated with this patient")
    sign_in(hand)


def typed(hand, patient):
    hand.tap(hand.page.get_by_role("link", name="Open bed1"))
    sign_in(hand)
    expect(hand.page.get_by_label("Associate with a patient")).to_be_visible()
    token(hand, patient)
    hand.tap(hand.page.get_by_role("button", name="Associate", exact=True))


def load(hand):
    """Two containers hold it: which one is in the pump is the last question, and its answer loads the pump."""
    hand.tap(hand.page.get_by_role("button", name="50 mL Load this container"))


def order_everyday(hand):
    """The drug is the course's, dose and time are the usual ones, the weight is still the one on record."""
    page = hand.page
    expect(page.get_by_role("heading", level=1)).to_have_text("bed1: new infusion")
    hand.tap(page.get_by_role("button", name="I have checked it: still 70 kg"))
    load(hand)


def order_first_time(hand):
    page = hand.page
    expect(page.get_by_role("heading", level=1)).to_have_text("bed1: new infusion")
    hand.tap(page.get_by_role("group", name="Drug").get_by_text("Ketamine 1 mg/mL, constant rate", exact=True))
    hand.types_on(page.get_by_label("Weight", exact=True), "70")
    hand.tap(page.get_by_role("group", name="Which weight?").get_by_text("Actual", exact=True))
    hand.types_on(page.get_by_label("Weight, typed again"), "70")
    load(hand)


def token(hand, text):
    """On the keys, with one key for the beginning that tokens have here."""
    pad = hand.page.get_by_role("group", name="Keys", exact=True)
    hand.tap(pad.get_by_role("button", name="P-", exact=True))
    hand.keys("Keys", text.removeprefix("P-"))


def start(hand):
    page = hand.page
    hand.hold(page.get_by_test_id("hold"), page.get_by_role("region", name="Running infusion"))


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_with_a_scanner_an_infusion_of_a_course_takes_eleven_touches(woken, end):
    scanned(woken, KNOWN, end)
    order_everyday(woken)
    expect(woken.page.get_by_label("Wristband of the patient")).to_be_visible()
    woken.scan(KNOWN, end)
    expect(woken.page.get_by_test_id("verdict")).to_contain_text(f"This is the wristband of {KNOWN}")
    start(woken)
    assert woken.touches <= 11


@pytest.mark.requirement("PRG-21")
def test_without_a_scanner_an_infusion_of_a_course_takes_twenty_touches(woken):
    typed(woken, KNOWN)
    order_everyday(woken)
    expect(woken.page.get_by_role("button", name="Hold to start")).to_contain_text("Scan or type the wristband first")
    woken.keys("Keys", KNOWN[-4:])
    expect(woken.page.get_by_test_id("verdict")).to_contain_text(f"This is the wristband of {KNOWN}")
    start(woken)
    assert woken.touches <= 20


@pytest.mark.requirement("PRG-07", "PRG-08")
def test_the_first_infusion_of_a_patient_takes_the_weight_twice_and_the_drug_more(woken):
    scanned(woken, NEW)
    order_first_time(woken)
    expect(woken.page.get_by_label("Wristband of the patient")).to_be_visible()
    woken.scan(NEW)
    start(woken)
    assert woken.touches <= 16


def test_the_first_infusion_of_a_patient_without_a_scanner(woken):
    typed(woken, NEW)
    order_first_time(woken)
    expect(woken.page.get_by_role("button", name="Hold to start")).to_contain_text("Scan or type the wristband first")
    woken.keys("Keys", NEW[-4:])
    start(woken)
    assert woken.touches <= 25
