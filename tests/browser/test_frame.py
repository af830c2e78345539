"""What is around every screen: the choice of a language, the help key, the legend, the link to the bench."""

import itertools

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import WITHIN_S, wait_until
from tools.page_words import Words
from tools.tablet_pictures import SCREENS, SIZES, Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

GERMAN, FRENCH = Words("de"), Words("fr")
IDLE = next(each for each in SCREENS if each.name == "idle")
BOXES = """() => [...document.querySelectorAll("#page :is(button, a, input, h1, h2)")]
  .filter(each => !each.closest(".guide, .languages"))
  .map(each => {
    const { x, y, width, height } = each.getBoundingClientRect();
    return [each.textContent, x, y, width, height];
  })"""
COVERED = """() => [...document.querySelectorAll("button.stop, .alarms, .dock button")].filter(each => {
  const { left, top, right, bottom } = each.getBoundingClientRect();
  if (bottom <= 0 || top >= innerHeight) return false;
  return [0.1, 0.5, 0.9].some(x => [0.1, 0.5, 0.9].some(y => {
    const down = Math.min(innerHeight - 1, Math.max(0, top + (bottom - top) * y));
    const at = document.elementFromPoint(left + (right - left) * x, down);
    return at !== null && at.closest(".guide, .languages-choice") !== null;
  }));
}).map(each => each.textContent)"""


def settled(page):
    """Where everything is, once it keeps its place."""
    found = []

    def still() -> bool:
        found.append(page.evaluate(BOXES))
        page.wait_for_timeout(400)  # the bell comes within 300 ms
        return found[-1] == page.evaluate(BOXES)

    wait_until(still, WITHIN_S, "the screen keeps its place")
    return found[-1]


def language_key(page):
    return page.locator(".languages > button")


def test_a_language_is_one_touch_to_open_and_one_to_choose_and_keeps_what_was_typed(stage):
    gateway, browser = stage
    with opened(browser, gateway, "phone", "day") as page:
        turn_to(page, gateway, next(each for each in SCREENS if each.name == "pair"))
        page.get_by_label("Pairing word").fill("JYXQ-7TKD")
        before = page.evaluate("performance.getEntriesByType('navigation').length")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        language_key(page).click()
        choice = page.get_by_role("group", name="Languages").get_by_role("button")
        expect(choice).to_have_text(["English", "Deutsch", "Español", "Français"])
        choice.nth(1).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(GERMAN("Pair this tablet"))
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page.get_by_label(GERMAN("Pairing word"))).to_have_value("JYXQ-7TKD")
        expect(page).to_have_title(f"{GERMAN('Pair this tablet')}, pumpd bedside")
        expect(choice).to_have_count(0)
        assert page.evaluate("performance.getEntriesByType('navigation').length") == before
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text(GERMAN("Pair this tablet"))


@pytest.mark.parametrize(("locale", "language", "heading"), [("de-CH", "de", None), ("ja-JP", "en", "Beds")])
def test_the_language_is_the_browser_s_if_the_page_has_it(stage, locale, language, heading):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day", locale=locale) as page:
        turn_to(page, gateway, next(each for each in SCREENS if each.name == "beds"))
        expect(page.get_by_role("heading", level=1)).to_have_text(heading or GERMAN("Beds"))
        expect(page.locator("html")).to_have_attribute("lang", language)


def test_a_language_that_does_not_come_leaves_the_page_in_english_and_stop_working(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day", locale="fr-FR") as page:
        page.route("**/assets/fr-*.js", lambda route: route.abort())
        turn_to(page, gateway, IDLE)
        expect(page.get_by_role("button", name="Stop bed1")).to_be_visible()
        page.unroute("**/assets/fr-*.js")
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        expect(page.get_by_role("link", name=FRENCH("All beds")).first).to_be_visible()


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("language", ["en", "de"])
def test_help_lies_over_every_screen_and_covers_no_stop_and_no_alarm(stage, size, language):
    gateway, browser = stage
    said = Words(language)
    scenes = [each for each in SCREENS if not each.silent_s and each.then is Screen("", "").then]
    assert len(scenes) > 15
    with opened(browser, gateway, size, "day", locale=language) as page:
        for screen in scenes:
            turn_to(page, gateway, screen)
            page.get_by_role("heading", level=1).click()  # the first touch turns sound on, and the bell is gone
            before = settled(page)
            page.get_by_role("button", name=said("Help"), exact=True).click()
            guide = page.get_by_role("dialog", name=said("Help"))
            expect(guide.get_by_role("heading", name=said("What this screen is for"))).to_be_visible()
            expect(guide).to_contain_text(said("If nothing happens"))
            assert page.evaluate(COVERED) == [], screen.name
            assert page.evaluate(BOXES) == before, screen.name
            page.keyboard.press("Escape")
            expect(guide).to_have_count(0)
            language_key(page).click()
            assert page.evaluate(COVERED) == [], screen.name
            page.keyboard.press("Escape")
            expect(page.locator(".languages-choice")).to_have_count(0)


def test_help_has_the_legend_and_a_touch_elsewhere_closes_it_and_does_what_it_does(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        turn_to(page, gateway, next(each for each in SCREENS if each.name == "running"))
        key = page.get_by_role("button", name="Help", exact=True)
        key.click()
        guide = page.get_by_role("dialog", name="Help")
        expect(guide).to_be_focused()
        for sign in ("Inner ring", "Outer ring", "Tick on the outer ring", "Red, flashing fast", "Grey value"):
            expect(guide.get_by_text(sign).first).to_be_visible()
        with page.expect_request("**/api/stop?*"):
            page.get_by_role("button", name="Stop bed1").click()
        expect(guide).to_have_count(0)
        key.click()
        guide.get_by_role("button", name="Close the help").click()
        expect(guide).to_have_count(0)
        expect(key).to_be_focused()


def test_the_bench_is_linked_where_a_pump_is_simulated(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        turn_to(page, gateway, IDLE)
        page.get_by_role("link", name="Bench of this simulated pump").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Bench: bed1")


def test_every_key_of_the_bar_is_large_enough_for_a_finger(stage):
    gateway, browser = stage
    for size, language in itertools.product(SIZES, ("en", "de", "fr")):
        with opened(browser, gateway, size, "day", locale=language) as page:
            turn_to(page, gateway, IDLE)
            for each in page.locator("header button, header a").all():
                box = each.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 48, each.inner_text()
