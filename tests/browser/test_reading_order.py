"""What a screen reader reads on the review and while an infusion runs, in this order: the accessibility tree."""

import itertools
import re

import pytest

from tests.browser.chromium import chromium
from tools.page_words import Words
from tools.tablet_pictures import SCREENS, mock, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

REVIEW = (
    "Not a cleared medical device", "bed1", "Help", "35 mg of ketamine in 35 mL over 40 minutes",
    "Read back from the pump", "Patient", "Drug", "Concentration", "Dose", "Rate", "Wristband of the patient",
    "Hold to start", "Stop",
)  # fmt: skip
RUNNING = ("Not a cleared medical device", "bed1", "Help", "Running", "ketamine", "Given", "Rate", "Pause", "Stop")


@pytest.mark.parametrize(("name", "order"), [("review", REVIEW), ("running", RUNNING)])
def test_a_screen_reader_reads_in_the_order_of_the_work_and_ends_with_stop(name, order):
    with mock() as gateway, chromium() as browser, opened(browser, gateway, "tablet", "day") as page:
        turn_to(page, gateway, next(each for each in SCREENS if each.name == name), Words())
        read = page.locator("#page").aria_snapshot()
        at = 0
        for words in order:
            found = re.compile(rf"\b{re.escape(words)}\b").search(read, at)
            assert found, f"{words!r} is not read after what is before it:\n{read}"
            at = found.end()
        last = [each for each in read.splitlines() if "button" in each][-1]
        assert re.search(r'button "Stop\b', last), last
        assert "img" not in re.sub(r'img "[^"]+"', "", read), "a picture without a name"
        levels = [int(level) for level in re.findall(r"heading .*\[level=(\d)\]", read)]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
