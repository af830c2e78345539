"""Every screen under axe-core's rules for WCAG 2.2 A and AA: 10 inches, upright and phone, day and night, with help.

A smaller screen must also not be wider than it is.
"""

import pytest

from tests.browser.chromium import chromium
from tools.page_words import Words
from tools.tablet_pictures import PAGE, SCREENS, mock, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

AXE = PAGE / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async () => {
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found = await axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
  return found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.target.join(" ")).join("; ")}`);
}
"""


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(("size", "language"), [("tablet", "en"), ("upright", "de"), ("phone", "de")])
def test_axe_finds_nothing_on_any_screen(size, language, silent):
    said, wrong = Words(language), {}
    with (
        mock() as gateway,
        chromium() as browser,
        opened(browser, gateway, size, "day", clock=silent, locale=language) as page,
    ):
        for screen in [each for each in SCREENS if (each.silent_s > 0) is silent]:
            turn_to(page, gateway, screen, said)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong[screen.name] = "wider than the screen"
            for theme, scheme in (("day", "light"), ("night", "dark")):
                page.emulate_media(color_scheme=scheme)
                if found := broken_rules(page):
                    wrong[f"{screen.name}, {theme}"] = found
            if screen.name in ("beds", "running") and not silent:
                page.get_by_role("button", name=said("Help"), exact=True).click()
                if found := broken_rules(page):
                    wrong[f"{screen.name}, help"] = found
                page.keyboard.press("Escape")
    assert wrong == {}


def broken_rules(page):
    """The rules that the page breaks. axe is injected by the debugger: the page's policy permits no other script."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # What the bar covers can be scrolled from under it; axe would take it for a smaller target.
    page.evaluate("() => { const bar = document.querySelector('.bottom'); if (bar) bar.style.position = 'static'; }")
    return page.evaluate(RUN)
