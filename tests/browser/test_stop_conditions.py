"""Stop reaches the pump within a second, whatever state the browser is in."""

import contextlib

import pytest

from tests.browser.conditions import CONDITIONS, Here, measured
from tests.browser.stop_frames import StopFrames

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

WITHIN_S = 1.0


@pytest.fixture(scope="module")
def frames(testbed):
    with contextlib.closing(StopFrames(testbed)) as made:
        yield made


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize("name", CONDITIONS)
def test_a_stop_frame_is_on_the_line_within_a_second(browser, testbed, frames, name):
    """The middle of three: a busy machine delays one press, a condition delays all of them. Two in time decide it."""
    here = Here(browser, testbed)
    taken: list[float] = []
    while len(taken) < 2 or (len(taken) == 2 and max(taken) > WITHIN_S):
        taken.append(measured(here, frames, name))
    print(f"{name}: {', '.join(f'{each * 1e3:.0f}' for each in taken)} ms to the stop frame")
    assert sorted(taken)[1] <= WITHIN_S
