"""One tab of a browser follows the gateway, and passes what it hears on to the others."""

import pytest
from playwright.sync_api import expect

from tests.browser.conditions import BED, Here

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

NOTICED_MS = 9000  # a tab without news for 7 s says so


@pytest.fixture
def tabs(browser, testbed):
    """Four tabs on one bed, and the streams that are open."""
    with Here(browser, testbed).paired() as first:
        context, streams = first.context, []
        context.on("request", lambda each: "/api/live" in each.url and streams.append(each))
        for ended in ("requestfinished", "requestfailed"):
            context.on(ended, lambda each: each in streams and streams.remove(each))
        pages = [first]
        for _ in range(3):
            pages.append(context.new_page())
            pages[-1].goto(first.url)
            expect(pages[-1].locator("button.stop", has_text=BED)).to_be_visible()
        yield pages, streams


def all_have_news(pages) -> None:
    pages[0].wait_for_timeout(NOTICED_MS)
    for page in pages:
        expect(page.locator(".lost")).to_have_count(0)


def test_one_stream_serves_all_tabs_and_when_its_tab_is_closed_another_one_opens_it(tabs):
    pages, streams = tabs
    all_have_news(pages)
    assert [each.frame.page for each in streams] == [pages[-1]], "the one that was looked at last"
    for _ in range(2):
        pages.pop().close()
        all_have_news(pages)
        (follows,) = (each.frame.page for each in streams if not each.frame.page.is_closed())
        assert follows in pages


@pytest.mark.requirement("COM-07")
def test_a_tab_whose_leader_is_silent_takes_its_place(tabs):
    """The tab that follows is stuck, with its stream open."""
    pages, streams = tabs
    stuck = pages[-1]
    stuck.evaluate("() => { setTimeout(() => { for (const end = Date.now() + 25e3; Date.now() < end;); }); }")
    all_have_news(pages[:-1])
    assert any(each.frame.page in pages[:-1] for each in streams)


def test_a_tab_that_does_not_follow_signs_requests_and_stops(tabs, testbed):
    pages, _ = tabs
    first = pages[0]
    first.evaluate("hash => { location.hash = hash; }", f"#/bed/{BED}/sign-in")
    first.get_by_role("textbox", name="Badge number").fill("1001")
    first.get_by_label("PIN", exact=True).fill("471133")
    first.locator("main").get_by_role("button", name="Sign in", exact=True).click()
    for page in pages:
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
