"""Every screen under axe-core's rules for WCAG 2.2 A and AA, day and night, with the scenes of the mock.

The screens of treatments, courses and vital signs, which change their shape most, also on a phone and upright.
"""

import pytest

from tests.browser.chromium import chromium
from tools.tablet_pictures import PAGE, SCREENS, SIZES, mock, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

FIRST, LAST = "interrupted", "wrong-date"
NAMES = [each.name for each in SCREENS]
OF_TREATMENTS = SCREENS[NAMES.index(FIRST) : NAMES.index(LAST) + 1]
AXE = PAGE / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async () => {
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found = await axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
  return found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.target.join(" ")).join("; ")}`);
}
"""


def test_axe_finds_nothing_on_any_screen():
    wrong = {}
    with mock() as gateway, chromium() as browser:
        for silent in (False, True):
            with opened(browser, gateway, "tablet", "day", clock=silent) as page:
                for screen in [each for each in SCREENS if (each.silent_s > 0) is silent]:
                    turn_to(page, gateway, screen)
                    for theme, scheme in (("day", "light"), ("night", "dark")):
                        page.emulate_media(color_scheme=scheme)
                        if found := broken_rules(page):
                            wrong[f"{screen.name}, {theme}"] = found
    assert wrong == {}


@pytest.mark.parametrize("size", ["phone", "upright"])
def test_axe_finds_nothing_on_small_screens_and_nothing_is_wider_than_they_are(size, monkeypatch):
    monkeypatch.setitem(SIZES, "upright", (800, 1280))
    wrong = {}
    with mock() as gateway, chromium() as browser, opened(browser, gateway, size, "day") as page:
        for screen in OF_TREATMENTS:
            turn_to(page, gateway, screen)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong[screen.name] = "wider than the screen"
            for theme, scheme in (("day", "light"), ("night", "dark")):
                page.emulate_media(color_scheme=scheme)
                if found := broken_rules(page):
                    wrong[f"{screen.name}, {theme}"] = found
    assert wrong == {}


def broken_rules(page):
    """The rules that the page breaks. axe is injected by the debugger: the page's policy permits no other script."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(RUN)
