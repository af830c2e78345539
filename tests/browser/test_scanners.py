"""Scanners at any moment: on the overview, after half a token, twice in one go, with no Enter at the end.
Scenes of the mock.
"""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.hand import AT_ONCE, Hand
from tools.tablet_pictures import Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser, pytest.mark.requirement("PRG-21")]

READY = Screen("ready", "", "ready")
BEDS = Screen("beds", "", "ward", "/", person="")


@pytest.fixture
def gateway(stage):
    stage[0].ask("roles=view,confirm,prescribe&library=1")
    return stage[0]


@pytest.fixture
def page(stage, gateway):
    with opened(stage[1], gateway, "tablet", "day") as made:
        yield made


@pytest.fixture
def sent(page):
    """What the page asked for."""
    found = []
    page.on(
        "request",
        lambda each: (
            found.append(json.loads(json.loads(each.post_data)["request"])) if "/api/request" in each.url else None
        ),
    )
    return found


def associations(sent):
    return [each["patient"] for each in sent if each["op"] == "associate"]


def sign_in(page):
    page.get_by_label("Badge number").fill("20417")
    page.get_by_label("PIN", exact=True).fill("000000")
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()


def test_after_half_a_token_a_scan_counts_alone(page, gateway, sent):
    turn_to(page, gateway, Screen("idle", "", "idle"))
    page.get_by_label("Associate with a patient").press_sequentially("P-10", delay=120)
    page.wait_for_timeout(1100)
    Hand(page).scan("P-2001")
    expect(page.get_by_role("heading", level=1)).to_have_text("bed1: new infusion")
    assert associations(sent) == ["P-2001"]


def test_of_two_scans_in_one_go_the_first_counts(page, gateway, sent):
    turn_to(page, gateway, Screen("idle", "", "idle"))
    expect(page.get_by_label("Associate with a patient")).to_be_focused()
    hand = Hand(page)
    hand.scan("P-2001")
    hand.scan("P-2077")
    expect(page.get_by_role("form", name="Order")).to_contain_text("P-2001")
    assert associations(sent) == ["P-2001"]
    for field in page.locator("main input:not([type=radio])").all():
        assert "P-2077" not in field.input_value()


def test_without_an_enter_at_its_end_a_wrong_wristband_is_red_and_on_record(page, gateway, sent):
    turn_to(page, gateway, READY)
    page.evaluate(AT_ONCE, "P-2077")
    expect(page.get_by_test_id("verdict")).to_contain_text("P-2077 is not the wristband of P-1042")
    page.wait_for_timeout(1100)  # a hand aims the scanner again
    page.evaluate(AT_ONCE, "P-1042")
    expect(page.get_by_test_id("verdict")).to_contain_text("This is the wristband of P-1042")
    expect(page.get_by_test_id("hold")).to_be_enabled()
    assert [each["read"] for each in sent if each["op"] == "wristband"] == ["P-2077"]


def test_on_the_overview_a_wristband_opens_the_bed_of_its_patient_and_presses_nothing(page, gateway, sent):
    stops = []
    page.on("request", lambda each: stops.append(each.url) if "/api/stop" in each.url else None)
    turn_to(page, gateway, Screen("beds", "", "restReady", "/"))
    page.locator("button.stop").first.focus()
    Hand(page).scan("P-1042")
    expect(page.get_by_role("heading", level=1)).to_have_text("bed1")
    assert stops == []
    assert associations(sent) == []


def test_on_the_overview_nothing_opens_where_a_person_chooses(page, gateway, sent):
    turn_to(page, gateway, BEDS)
    Hand(page).scan("P-1042")  # two pumps have this patient
    expect(page.get_by_text("P-1042 was scanned")).to_contain_text("Open the bed, then scan")
    gateway.ask("person=20417")  # who is signed in scans at the bed
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    Hand(page).scan("P-3003", "Tab")
    expect(page.get_by_text("P-3003 was scanned")).to_contain_text("Open the bed, then scan")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beds")
    assert associations(sent) == []


def test_a_person_who_types_on_the_overview_opens_nothing(page, gateway):
    turn_to(page, gateway, BEDS)
    page.keyboard.type("P-3003", delay=120)
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", level=1)).to_have_text("Beds")


def test_a_wristband_that_opened_a_bed_is_forgotten_on_the_way_back(page, gateway, sent):
    turn_to(page, gateway, BEDS)
    Hand(page).scan("P-3003")
    expect(page.get_by_text("P-3003 was scanned")).to_contain_text("bed3 is associated with this patient")
    page.get_by_role("link", name="All beds").click()
    page.get_by_role("link", name="Open bed3").click()
    expect(page.get_by_text("P-3003 was scanned")).to_have_count(0)
    sign_in(page)
    expect(page.get_by_label("Associate with a patient")).to_be_visible()
    assert associations(sent) == []


def test_a_badge_that_is_scanned_on_the_overview_becomes_no_patient(page, gateway, sent):
    turn_to(page, gateway, BEDS)
    Hand(page).scan("20417")
    expect(page.get_by_role("heading", level=1)).to_have_text("bed3")
    sign_in(page)  # with the same badge
    expect(page.get_by_label("Associate with a patient")).to_be_visible()
    assert associations(sent) == []
