"""Many viewers, one infusion: what one tablet does the other sees; what one loses the infusion does not feel."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import network
from tests.browser.tablet import tablet

pytestmark = pytest.mark.realtime

WRONG_CLOCK = """
const Real = Date, wrong = 3600e3;
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + wrong); }
  static now() { return Real.now() + wrong; }
};
"""
FRESH, GREYED_S, STRUCK_S = "data-freshness", 7, 15


@pytest.fixture(scope="module")
def wireless(ward):
    with network(ward) as made:
        yield made


@pytest.fixture(scope="module")
def other(browser, ward, wireless):
    """A phone in another time zone, whose clock is wrong by an hour besides."""
    with tablet(browser, ward, "phone", "phone", wireless.url, timezone_id="Asia/Kolkata") as made:
        made.page.add_init_script(WRONG_CLOCK)
        made.pair()
        yield made


@pytest.mark.requirement("STA-02")
def test_two_tablets_that_start_at_once_start_once(nurse, other, ward):
    nurse.signed_in("bed1")
    nurse.order("bed1")
    other.signed_in("bed1", "1001")
    expect(other.hold("start")).to_be_enabled()
    before = ward.starts("bed1")
    shown = [each.page.locator(".badge-clock").inner_text() for each in (nurse, other)]
    assert shown[0] == shown[1], "the gateway's clock, on every tablet"
    for each in (nurse, other):
        each.hold("start").focus()
        each.page.keyboard.down("Space")
    nurse.page.wait_for_timeout(1800)
    for each in (nurse, other):
        each.page.keyboard.up("Space")
    ward.until("bed1", "running")
    for each in (nurse, other):
        expect(each.region("Running infusion")).to_have_attribute(FRESH, "fresh")
    assert ward.starts("bed1") == before + 1


@pytest.mark.requirement("COM-07")
def test_a_lost_tablet_greys_then_strikes_through_and_the_infusion_goes_on(nurse, other, wireless, ward):
    nurse.signed_in("bed1")
    if ward.infusion_state("bed1") != "running":
        nurse.start("bed1")
    other.bed("bed1")
    running = other.region("Running infusion")
    expect(running).to_have_attribute(FRESH, "fresh")
    given = ward.truth("bed1")["delivered_ml"]
    wireless.lost()
    expect(running).to_have_attribute(FRESH, "old")
    notice = other.page.get_by_role("alert", name="Link lost")
    expect(notice).to_contain_text("Go to the pump")
    expect(notice).to_contain_text("Last seen running at 52.5 mL/h")
    expect(running).to_have_attribute(FRESH, "dead")
    struck = (
        running.get_by_test_id("rate").locator(".value").evaluate("each => getComputedStyle(each).textDecorationLine")
    )
    assert struck == "line-through"
    assert ward.infusion_state("bed1") == "running"
    assert ward.truth("bed1")["delivered_ml"] > given
    wireless.back()
    expect(running).to_have_attribute(FRESH, "fresh")
    expect(notice).to_have_count(0)
    lost = [row.fields["tablet"] for row in ward.rows("tablet_lost")]
    assert other.id in lost


def test_what_one_tablet_does_the_other_sees(nurse, other, ward):
    nurse.signed_in("bed1")
    if ward.infusion_state("bed1") != "running":
        nurse.start("bed1")
    other.bed("bed1")
    nurse.button("Pause").click()
    nurse.button("Check the line").click()
    other.see("Paused. Nothing flows.")
    other.page.reload()  # nothing is lost by it
    other.see("Paused. Nothing flows.")
    other.see("Check the line")
    nurse.stop_button("bed1").click()
    other.see("Stopped before the whole volume was given")
