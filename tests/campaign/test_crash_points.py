"""Some of the crash points, for every pump. All of them: `make campaign ARGS=--crash-points`."""

import pytest

from tests.campaign.crash_points import FIRST, interrupted, points, short, strike
from tests.campaign.draw import PUMPS

EACH, OF_REST = 12, 5  # points per pump


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


@pytest.mark.requirement("PWR-06", "PRG-25")
@pytest.mark.parametrize(("family", "model"), FIRST)
def test_a_death_while_the_rest_is_prepared_or_given_gives_no_more_than_prescribed(family, model, quiet):
    story = interrupted(family, model)
    found = points(story)
    assert len(found) > 100
    step = len(found) // OF_REST
    offset = FIRST.index((family, model)) * step // len(FIRST)
    for point in found[offset::step]:
        died = strike(story, point.number)
        assert died.facts["processes"] == 2, point
        assert not died.violations, f"{point}: {died.violations}"
