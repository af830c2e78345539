"""No English word is left on a German screen: every scene of the mock, with its help and its legend."""

import pytest
from playwright.sync_api import expect

from tests.browser.marked import marking, unmarked
from tools.page_words import Words
from tools.tablet_pictures import SCREENS, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

TYPED = ("no response at 0.5 mg/kg, asked by Dr A", "written on the sheet of that day", "ward 7, bed 1", "JYXQ-7TKD")
BENCH = ("state", "pressure", "door open", "lose replies", "rate times ten")  # names of the mock's simulator
SAID = Words("de", marked=True)


def test_no_english_word_is_left_on_a_german_screen(stage):
    gateway, browser = stage
    wrong = {}
    for silent in (False, True):
        with opened(browser, gateway, "tablet", "day", clock=silent, locale="de") as page:
            marking(page, "de")
            for screen in [each for each in SCREENS if (each.silent_s > 0) is silent]:
                turn_to(page, gateway, screen, SAID)
                expect(page.locator("html")).to_have_attribute("lang", "de")
                if found := unmarked(page, "DE", *TYPED, *BENCH):
                    wrong[screen.name] = found
                if screen.silent_s or not screen.paired:
                    continue
                page.locator(".guide-root > button").click()
                if found := unmarked(page, "DE", *TYPED, *BENCH):
                    wrong[f"{screen.name}, help"] = found
                page.keyboard.press("Escape")
    assert wrong == {}


def test_this_test_sees_a_text_that_is_no_message(stage):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day", locale="de") as page:
        marking(page, "de")
        turn_to(page, gateway, next(each for each in SCREENS if each.name == "running"), SAID)
        assert unmarked(page, "DE") == []
        page.evaluate("document.querySelector('h1').append('Saved it')")
        page.evaluate("document.querySelector('button.stop').setAttribute('aria-label', 'End this')")
        assert unmarked(page, "DE") == ["Saved it", "End this"]
