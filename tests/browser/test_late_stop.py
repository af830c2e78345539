"""A stop that arrives late ends nothing that began after it, and no stop is dropped by mistake (STP-12)."""

import pytest
from playwright.sync_api import expect

from tests.browser.conditions import Here, finger, suspended
from tests.browser.gateway import WITHIN_S, network, wait_until
from tests.browser.software_nurse import SoftwareNurse

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

BED = "bed1"
LATER_S = 3.0  # an age is in doubt by a second


@pytest.fixture(scope="module")
def infusions(testbed):
    return SoftwareNurse(testbed)


@pytest.fixture
def tablet(browser, testbed):
    """Its page on a bed, and the network to it."""
    testbed.free(BED)
    with network(testbed) as wireless, Here(browser, testbed).paired(url=wireless.url) as page:
        yield page, wireless
    testbed.free(BED)


def button(page):
    return page.locator("button.stop", has_text=BED)


def next_infusion(testbed, infusions):
    testbed.free(BED)
    infusions.start([BED])


def kept_running(page, testbed, late_before):
    def too_late() -> bool:
        page.wait_for_timeout(50)  # requests of the page that the test passes on
        return len(testbed.entries("stop_too_late", BED)) > late_before

    wait_until(too_late, WITHIN_S, "the late stop")
    page.wait_for_timeout(2000)
    assert testbed.infusion_state(BED) == "running"


@pytest.mark.requirement("STP-12")
def test_a_stop_held_up_on_its_way_does_not_end_the_next_infusion(tablet, testbed, infusions):
    page, wireless = tablet
    infusions.start([BED])
    expect(page.get_by_role("region", name="Running infusion")).to_have_attribute("data-freshness", "fresh")
    late = len(testbed.entries("stop_too_late", BED))
    press = finger(button(page))
    wireless.lost()
    press()
    next_infusion(testbed, infusions)
    wireless.back()
    kept_running(page, testbed, late)
    expect(button(page)).to_have_attribute("data-shows", "late")
    button(page).click()
    testbed.until(BED, "stopped")


@pytest.mark.requirement("STP-12")
def test_a_repeat_of_a_suspended_page_does_not_end_an_order_that_came_after_the_press(tablet, testbed, infusions):
    """Nothing was under way on the screen: only the age of the repeat tells."""
    page, _ = tablet
    late = len(testbed.entries("stop_too_late", BED))
    lost = True
    page.route("**/api/stop?*", lambda route: route.abort() if lost else route.continue_())
    button(page).click()
    with suspended(page):
        page.wait_for_timeout(LATER_S * 1e3)
        next_infusion(testbed, infusions)
        lost = False
    kept_running(page, testbed, late)


@pytest.mark.requirement("STP-12", "STP-01")
def test_a_first_stop_from_a_screen_with_old_values_ends_what_runs_now(tablet, testbed, infusions):
    page, _ = tablet
    late = len(testbed.entries("stop_too_late", BED))
    infusions.start([BED])
    running = page.get_by_role("region", name="Running infusion")
    expect(running).to_have_attribute("data-freshness", "fresh")
    page.context.set_offline(True)
    expect(running).not_to_have_attribute("data-freshness", "fresh")  # a browser ends an open stream a little later
    next_infusion(testbed, infusions)
    expect(running).to_have_attribute("data-freshness", "old")
    press = finger(button(page))
    page.context.set_offline(False)
    press()
    testbed.until(BED, "stopped")
    assert len(testbed.entries("stop_too_late", BED)) == late


@pytest.mark.requirement("STP-12")
def test_one_press_is_one_stop(tablet, testbed, infusions):
    """A repeat that was not needed any more is not sent."""
    page, _ = tablet
    infusions.start([BED])
    asked = []
    page.context.on("request", lambda request: "/api/stop" in request.url and asked.append(request.url))
    button(page).click()
    testbed.until(BED, "stopped")
    page.wait_for_timeout(3000)
    assert len(asked) <= 2, "the repeat after 250 ms, if the answer took longer"
