"""A tablet is paired by a real browser: its WebCrypto and the gateway agree, and both say why a window is closed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.tablet import ROLES, tablet

pytestmark = [pytest.mark.realtime, pytest.mark.browser]


def answer(one, token):
    one.open(f"#pair={token}")
    one.page.get_by_label("Name of this tablet").fill(one.name)
    one.button("Pair").click()


@pytest.mark.requirement("SEC-01", "SEC-22")
def test_a_second_tablet_closes_the_window_and_both_say_so_and_the_token_is_never_sent(browser, testbed):
    with tablet(browser, testbed, "first") as first, tablet(browser, testbed, "second") as second:
        sent = []
        first.page.on("request", lambda each: sent.append(f"{each.url} {each.post_data}"))
        opened = testbed.ask(op="pair_open", roles=ROLES)["result"]
        answer(first, opened["token"])
        code = first.page.get_by_label("Short code").inner_text()
        answer(second, opened["token"])
        for each in (first, second):
            expect(each.page.locator("main").get_by_role("alert")).to_contain_text(
                re.compile("a second tablet answered", re.IGNORECASE)
            )
        refused = testbed.ask(op="pair_accept", code=code)
        assert "a second tablet answered" in refused["reasons"][0]

        first.pair()  # a new window
        assert any("/api/pair/reveal" in each for each in sent)
        assert not any(opened["token"] in each for each in sent)
        expect(first.page.get_by_role("heading", level=1)).to_have_text("Beds")


@pytest.mark.requirement("SEC-22")
def test_after_a_wrong_code_the_tablet_says_that_nothing_was_paired(browser, testbed):
    with tablet(browser, testbed, "third") as third:
        answer(third, testbed.ask(op="pair_open", roles=ROLES)["result"]["token"])
        code = int(third.page.get_by_label("Short code").inner_text().replace("-", ""))
        assert not testbed.ask(op="pair_accept", code=f"{(code + 1) % 10**6:06d}")["ok"]
        expect(third.page.locator("main").get_by_role("alert")).to_contain_text(
            "the code that was typed is not the tablet's"
        )
        expect(third.page.get_by_label("Pairing word")).to_have_value("")
