"""Two tablets, one infusion: each sees what the other does, and losing one does not affect the infusion."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import NURSE, network
from tests.browser.tablet import tablet

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

WRONG_CLOCK = """
const Real = Date, wrong = 3600e3;
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + wrong); }
  static now() { return Real.now() + wrong; }
};
"""
FRESH, GREYED_S, STRUCK_S = "data-freshness", 7, 15


@pytest.fixture(scope="module")
def wireless(testbed):
    with network(testbed) as made:
        yield made


@pytest.fixture(scope="module")
def other(browser, testbed, wireless):
    """A phone in another time zone, with a clock that is an hour wrong."""
    with tablet(browser, testbed, "phone", "phone", wireless.url, timezone_id="Asia/Kolkata") as made:
        made.page.add_init_script(WRONG_CLOCK)
        made.pair()
        yield made


@pytest.mark.requirement("STA-02")
def test_two_tablets_that_start_at_once_start_once(nurse, other, testbed):
    nurse.signed_in("bed1")
    nurse.order("bed1")
    other.signed_in("bed1", "1001")
    other.scan("bed1")
    expect(other.hold("start")).to_be_enabled()
    before = testbed.starts("bed1")
    shown = [each.page.locator(".badge-clock").inner_text() for each in (nurse, other)]
    assert shown[0] == shown[1], "the gateway's clock, on every tablet"
    for each in (nurse, other):
        each.hold("start").focus()
        each.page.keyboard.down("Space")
    nurse.page.wait_for_timeout(1800)
    for each in (nurse, other):
        each.page.keyboard.up("Space")
    testbed.until("bed1", "running")
    for each in (nurse, other):
        expect(each.region("Running infusion")).to_have_attribute(FRESH, "fresh")
    assert testbed.starts("bed1") == before + 1


@pytest.mark.requirement("COM-07", "COM-11")
def test_a_lost_tablet_greys_then_strikes_through_and_the_infusion_continues(nurse, other, wireless, testbed):
    nurse.signed_in("bed1")
    if testbed.infusion_state("bed1") != "running":
        nurse.start("bed1")
    nurse.signed_in("bed2")
    nurse.start("bed2")
    testbed.fault("bed2", "stall")
    testbed.until("bed2", "tripped")
    other.signed_in("bed1", NURSE)
    other.button("Acknowledge, sound off 2 min").click()
    silenced = nurse.page.get_by_role("timer", name="Alarm sound paused")
    expect(silenced).to_be_visible()
    running = other.region("Running infusion")
    expect(running).to_have_attribute(FRESH, "fresh")
    given = testbed.truth("bed1")["delivered_ml"]
    wireless.lost()
    expect(running).to_have_attribute(FRESH, "old")
    notice = other.page.get_by_role("alert", name="Link lost")
    expect(notice).to_contain_text("Go to the pump")
    expect(notice).to_contain_text("Last report: running at 52.5 mL/h")
    expect(silenced).to_have_count(0)  # the gateway sounds again by itself
    assert testbed.entries("alarm_audio_resumed")[-1].fields["why"] == "tablet_lost"
    expect(running).to_have_attribute(FRESH, "dead")
    struck = (
        running.get_by_test_id("rate").locator(".value").evaluate("each => getComputedStyle(each).textDecorationLine")
    )
    assert struck == "line-through"
    assert testbed.infusion_state("bed1") == "running"
    assert testbed.truth("bed1")["delivered_ml"] > given
    wireless.back()
    expect(running).to_have_attribute(FRESH, "fresh")
    expect(notice).to_have_count(0)
    assert other.id in [entry.fields["tablet"] for entry in testbed.entries("tablet_lost")]
    testbed.fault("bed2", "stall", clear=True)
    testbed.free("bed2")


def test_each_tablet_shows_what_the_other_did(nurse, other, testbed):
    nurse.signed_in("bed1")
    if testbed.infusion_state("bed1") != "running":
        nurse.start("bed1")
    other.bed("bed1")
    nurse.page.get_by_role("button", name="Pause", exact=True).click()
    nurse.button("Check the line").click()
    other.see("Paused. Nothing flows.")
    other.page.reload()  # nothing is lost
    other.see("Paused. Nothing flows.")
    other.see("Check the line")
    nurse.stop_button("bed1").click()
    other.see("Stopped before the whole volume was given")


HELD_UP = "() => { const end = performance.now() + 2500; while (performance.now() < end); }"


def test_a_hold_during_which_the_page_was_busy_starts_nothing(nurse, testbed):
    """The tablet sleeps or is busy for longer than a hold: it cannot know whether the finger stayed."""
    nurse.signed_in("bed2")
    nurse.order("bed2")
    before = testbed.starts("bed2")
    hold = nurse.hold("start")
    hold.hover()
    nurse.page.mouse.down()
    nurse.page.evaluate(HELD_UP)
    nurse.page.wait_for_timeout(500)
    nurse.page.mouse.up()
    nurse.page.wait_for_timeout(1500)
    assert testbed.infusion_state("bed2") == "ready"
    assert testbed.starts("bed2") == before
    nurse.stop_button("bed2").click()


@pytest.mark.requirement("COM-07")
def test_a_lost_network_and_a_reload_at_each_step_lead_back_to_that_step(other, wireless, testbed):
    def interrupted(*, lost_s=0.5):
        wireless.lost()
        other.page.wait_for_timeout(lost_s * 1000)
        wireless.back()
        other.page.reload()

    main = other.page.locator("main")
    other.signed_in("bed3")
    other.fill_order("bed3")
    interrupted()
    expect(other.page.get_by_role("form", name="Order")).to_be_visible()
    expect(other.page.get_by_label("Weight, typed again")).to_have_value("70")  # a reload keeps the form
    other.order("bed3")
    before = testbed.starts("bed3")
    interrupted()
    other.scan("bed3")
    expect(other.hold("start")).to_be_enabled()
    box = other.hold("start").bounding_box()
    other.page.mouse.move(box["x"] + 40, box["y"] + 40)
    other.page.mouse.down()
    other.page.wait_for_timeout(300)
    interrupted()  # during the hold: releasing afterwards starts nothing
    other.page.mouse.up()
    other.scan("bed3")
    expect(other.hold("start")).to_be_enabled()
    assert testbed.starts("bed3") == before
    other.press_and_hold(other.hold("start"))
    testbed.until("bed3", "running")
    interrupted()
    expect(other.region("Running infusion")).to_have_attribute(FRESH, "fresh")
    other.page.get_by_role("button", name="Pause", exact=True).click()
    other.button("Vital signs").click()
    testbed.until("bed3", "paused")
    interrupted()
    expect(main).to_contain_text("Paused. Nothing flows.")
    wireless.lost()
    other.stop_button("bed3").click()  # goes out by itself once the network is back
    expect(other.stop_button("bed3")).to_have_attribute("data-shows", "unconfirmed")
    wireless.back()
    testbed.until("bed3", "stopped")
    interrupted()
    expect(main).to_contain_text("Stopped before the whole volume was given")
    assert testbed.starts("bed3") == before + 1
