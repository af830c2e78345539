"""Every screen at 200 %, in German: nothing is lost or cut, and nothing scrolls to the side (WCAG 1.4.4)."""

import pytest

from tests.browser.chromium import chromium
from tools.page_words import Words
from tools.tablet_pictures import SCREENS, SIZES, mock, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

ZOOMED = {"landscape": (640, 400), "portrait": (400, 640), "phone": (320, 568)}  # half of 1280 x 800; WCAG 1.4.10
CUT = """() => [...document.querySelectorAll("#page *")].filter(each => {
  const apart = ".unseen, .narrow-unseen, svg, .wide-table, .chart, .trace";
  if (!each.checkVisibility({ visibilityProperty: true }) || each.closest(apart)) return false;
  const style = getComputedStyle(each);
  const hides = style.overflowX !== "visible" && style.overflowX !== "auto" && style.overflowX !== "scroll";
  if (each.tagName === "INPUT") return false; // its text scrolls
  const words = [...each.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const { left, right, width } = each.getBoundingClientRect();
  if (width <= 1) return false; // for a screen reader only
  return (hides && each.scrollWidth > each.clientWidth + 1) || (words && (left < -1 || right > innerWidth + 1));
}).map(each => `${each.className || each.tagName}: ${each.textContent.slice(0, 60)}`)"""
OUT_OF_REACH = """() => [...document.querySelectorAll("#page :is(button, a, input)")].filter(each => {
  if (!each.checkVisibility({ visibilityProperty: true })) return false;
  each.scrollIntoView({ block: "center" });
  const { left, top, right, bottom } = each.getBoundingClientRect();
  const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return at === null || !(each.contains(at) || at.contains(each) || at.closest("label")?.contains(each));
}).map(each => each.getAttribute("aria-label") ?? each.textContent)"""


@pytest.mark.parametrize("size", list(ZOOMED))
def test_at_200_percent_nothing_is_lost(size, monkeypatch):
    monkeypatch.setitem(SIZES, size, ZOOMED[size])
    said, wrong = Words("de"), {}
    with mock() as gateway, chromium() as browser, opened(browser, gateway, size, "day", locale="de") as page:
        for screen in [each for each in SCREENS if not each.silent_s]:
            page.goto("about:blank")  # a list that was opened on the screen before is closed
            turn_to(page, gateway, screen, said)
            page.evaluate("scrollTo(0, 0)")
            found = page.evaluate(CUT)
            if screen.name != "alarm-all":  # the open list is over the rest of the screen
                found += page.evaluate(OUT_OF_REACH)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append("wider than the screen")
            if found:
                wrong[screen.name] = found
    assert wrong == {}
