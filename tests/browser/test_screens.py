"""Alarms on the screen and their sound, and a page that partly fails: scenes of the mock in a real browser."""

import itertools
import re

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import WITHIN_S, wait_until
from tests.browser.tablet import stopped_pump
from tools.tablet_pictures import SCREENS, Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

STYLE = (
    """each => { const s = getComputedStyle(each); return [s.animationName, s.animationDuration, s.backgroundColor] }"""
)
HEARD = """
window.pulses = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  window.pulses.push(Math.round((when - this.context.currentTime) * 1000));
  return start.call(this, when);
};
"""
NONSENSE = """
const parse = JSON.parse;
JSON.parse = (text, ...rest) => {
  const value = parse(text, ...rest);
  for (const pump of value?.pumps ?? []) if (pump.infusion) pump.infusion.review = null;
  return value;
};
"""


@pytest.mark.requirement("ALM-08")
def test_every_active_alarm_is_listed_the_highest_first(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        turn_to(page, gateway, Screen("alarms", "", "alarms"))
        page.get_by_role("button", name="All 20 alarms").click()
        listed = page.get_by_role("list", name="All active alarms").locator("> li")
        expect(listed).to_have_count(20)
        words = [listed.nth(each).locator(".alarm-symbol small").inner_text() for each in range(20)]
        assert words == ["High", "Medium", *["Low"] * 18]
        listed.last.scroll_into_view_if_needed()
        expect(listed.last).to_be_in_viewport()


@pytest.mark.requirement("ALM-02")
@pytest.mark.parametrize(
    ("scene", "style"),
    [
        ("tripped", ["flash", "0.5s", "rgb(196, 0, 26)"]),  # red, 2 Hz
        ("medium", ["flash", "1.667s", "rgb(255, 210, 31)"]),  # yellow, 0.6 Hz
        ("low", ["none", "1.667s", "rgb(63, 214, 232)"]),  # cyan, steady
    ],
)
def test_priority_shows_by_colour_and_flash(stage, scene, style):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "night") as page:
        turn_to(page, gateway, Screen(scene, "", scene))
        banner = page.get_by_role("region", name="Alarms")
        name, seconds, _ = banner.locator(".alarm-symbol").first.evaluate(STYLE)
        colour = banner.evaluate(STYLE)[2]
        assert [name, colour] == [style[0], style[2]]
        assert name == "none" or seconds == style[1]


@pytest.mark.requirement("ALM-03")
def test_a_high_alarm_is_ten_pulses_once_a_touch_has_enabled_sound(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        page.add_init_script(HEARD)
        turn_to(page, gateway, Screen("tripped", "", "tripped"))
        page.reload()
        expect(page.get_by_role("button", name=re.compile("^Sound off"))).to_be_visible()
        assert page.evaluate("window.pulses") == []
        page.get_by_role("heading", name="Stopped by an alarm").click()
        expect(page.get_by_role("button", name=re.compile("^Sound off"))).to_have_count(0)
        # Not `wait_for_function`: to wait, it needs `eval`, which the page's policy forbids.
        wait_until(lambda: page.evaluate("window.pulses.length") >= 10, WITHIN_S, "ten pulses")
        pulses = page.evaluate("window.pulses.slice(0, 10)")
        gaps = [after - before for before, after in itertools.pairwise(pulses)]
        assert gaps[:4] == pytest.approx(gaps[5:], abs=25)  # two sets of five
        assert gaps[4] > 2 * gaps[0]


def test_stop_works_on_a_screen_that_fails(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        page.add_init_script(NONSENSE)
        turn_to(page, gateway, Screen("ready", "", "ready"))
        page.reload()
        expect(page.get_by_role("heading", name="This screen cannot be shown")).to_be_visible()
        with page.expect_request("**/api/stop?*") as asked:
            page.get_by_role("button", name="Stop bed1").click()
        assert stopped_pump(asked.value.url) == "bed1"


def test_a_refusal_of_one_program_is_not_shown_for_the_next(stage):
    """Another infusion replaces the one on the screen."""
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        turn_to(page, gateway, next(each for each in SCREENS if each.name == "review-wristband"))
        refusal = page.get_by_test_id("verdict")
        expect(refusal).to_contain_text("is not the wristband")
        gateway.show(Screen("two nurses", "", "gentle"))
        expect(page.get_by_role("heading", name="Independent double check")).to_be_visible()
        expect(refusal).to_have_count(0)
