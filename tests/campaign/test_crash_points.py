"""Some of the crash points, for every pump. All of them: `make campaign ARGS=--crash-points`."""

import pytest

from tests.campaign.crash_points import points, short, strike
from tests.campaign.draw import PUMPS

EACH = 12  # points per pump


@pytest.mark.requirement("PWR-06")
@pytest.mark.parametrize(("family", "model"), PUMPS)
def test_a_death_between_any_two_writes_or_frames_starts_nothing_twice_and_books_all(family, model, quiet):
    story = short(family, model)
    found = points(story)
    assert len(found) > 300
    step = len(found) // EACH
    offset = PUMPS.index((family, model)) * step // len(PUMPS)
    for point in found[offset::step]:
        died = strike(story, point.number)
        assert died.facts["processes"] == 2, point
        assert not died.violations, f"{point}: {died.violations}"
