"""The trumpet code against the golden vectors of the safety reference 2.3, against a second way and the plants."""

import asyncio
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.plant import Plant, PlantSettings
from pumpd_simulators.trumpet import SAMPLE_MIN, WINDOWS_MIN, trumpet

N = 120  # samples: one hour
RATE = 50.0


def cumulated(errors, rate=RATE):
    """Volumes for errors in percent of each sample."""
    flows = [rate * (1 + error / 100) for error in errors]
    return [0.0, *itertools.accumulate(flow * SAMPLE_MIN / 60 for flow in flows)]


def sine(offset, amplitude, period_min):
    """The exact mean over each sample of `offset + amplitude * sin(2 pi t / period)`."""
    w = 2 * math.pi / period_min
    times = [i * SAMPLE_MIN for i in range(N + 1)]
    return [
        offset + amplitude * (math.cos(w * a) - math.cos(w * b)) / (w * SAMPLE_MIN)
        for a, b in itertools.pairwise(times)
    ]


GOLDEN = [  # input, (most, least) for windows of 1, 2, 5, 11, 19, 31 min, overall error A
    ([2.0] * N, [(2, 2)] * 6, 2),
    (
        sine(0, 5, 5),
        [(4.4485, -4.4485), (3.5989, -3.5989), (0, 0), (0.4044, -0.4044), (0.2341, -0.2341), (0.1435, -0.1435)],
        0,
    ),
    (
        sine(1, 5, 7),
        [(5.7126, -3.7126), (5.2459, -3.2459), (2.6984, -0.6984), (1.9627, 0.0373), (1.4469, 0.5531), (1.3416, 0.6584)],
        1.1765,
    ),
    (
        sine(-1, 10, 2),
        [(5.3662, -7.3662), (-1, -1), (0.2732, -2.2732), (-0.4213, -1.5787), (-0.6649, -1.3351), (-0.7946, -1.2054)],
        -1,
    ),
    (
        [-100.0 if i == 40 else 0.0 for i in range(N)],
        [(0, -50), (0, -25), (0, -10), (0, -4.5455), (0, -2.6316), (0, -1.6129)],
        -0.8333,
    ),
]


@pytest.mark.requirement("RUN-14")
@pytest.mark.parametrize(("errors", "bands", "overall"), GOLDEN, ids=["constant", "sine 5", "sine 7", "sine 2", "gap"])
def test_the_golden_vectors_are_reproduced(errors, bands, overall):
    found = trumpet(cumulated(errors), RATE)
    assert found.overall_percent == pytest.approx(overall, abs=5e-5)
    for minutes, (most, least) in zip(WINDOWS_MIN, bands, strict=True):
        band = found.bands[minutes]
        assert (band.most_percent, band.least_percent) == (
            pytest.approx(most, abs=5e-5),
            pytest.approx(least, abs=5e-5),
        )
    assert [found.bands[minutes].windows for minutes in WINDOWS_MIN] == [119, 117, 111, 99, 83, 59]


def by_difference(volumes, rate):
    """The second way (2.2, telescoping): a window's flow is the difference of cumulated volume at its two ends."""
    found = {}
    for minutes in WINDOWS_MIN:
        n = int(minutes * 2)
        errors = [100 * (60 * (b - a) / minutes - rate) / rate for a, b in zip(volumes, volumes[n:], strict=False)]
        found[minutes] = (min(errors), max(errors))
    return found


@pytest.mark.requirement("RUN-14")
@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=62, max_size=150), st.floats(0.1, 1000))
def test_two_ways_of_computing_agree(errors, rate):
    volumes = cumulated(errors, rate)
    one, other = trumpet(volumes, rate), by_difference(volumes, rate)
    for minutes, (least, most) in other.items():
        assert one.bands[minutes].least_percent == pytest.approx(least, abs=1e-9, rel=1e-9)
        assert one.bands[minutes].most_percent == pytest.approx(most, abs=1e-9, rel=1e-9)


def test_too_short_a_period_is_refused():
    with pytest.raises(ValueError, match="61 samples"):
        trumpet(cumulated([0.0] * 61), RATE)


async def curve(physics, rate_ml_h):
    """The second hour of a run, as in the reference, section 2.1."""
    plant = Plant(LoopClock(), physics)
    plant.run(rate_ml_h)
    await asyncio.sleep(3600)
    volumes = [plant.truth().delivered_ml]
    for _ in range(N):
        await asyncio.sleep(SAMPLE_MIN * 60)
        volumes.append(plant.truth().delivered_ml)
    plant.shut()
    return trumpet(volumes, rate_ml_h)


@pytest.mark.requirement("RUN-13")
@pytest.mark.parametrize(
    ("physics", "rate_ml_h", "bound"), [(PlantSettings.syringe, 5, 2), (PlantSettings.peristaltic, 25, 5)]
)
async def test_plants_match_their_stated_trumpet_curve(physics, rate_ml_h, bound):
    for seed in range(10):
        band = (await curve(physics(seed), rate_ml_h)).bands[31]
        assert max(-band.least_percent, band.most_percent) <= bound
    assert band.most_percent - band.least_percent > 0  # there is a ripple to measure
