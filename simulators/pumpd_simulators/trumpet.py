"""The trumpet curve: how much the flow over windows of several lengths differs from the set rate.

Source: the safety reference, section 2 (the method of IEC 60601-2-24): samples of 0.5 min in an analysis period of at
least an hour, observation windows of 2, 5, 11, 19 and 31 min (and 1 min, in the first edition). Pure.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

SAMPLE_MIN = 0.5
WINDOWS_MIN = (1, 2, 5, 11, 19, 31)


@dataclass(frozen=True, slots=True)
class Band:
    """Lowest and highest mean error of all `windows` windows of one length, in percent of the set rate."""

    least_percent: float
    most_percent: float
    windows: int


@dataclass(frozen=True, slots=True)
class Trumpet:
    overall_percent: float
    bands: dict[int, Band]  # by window length in minutes


def trumpet(volumes_ml: Sequence[float], rate_ml_h: float) -> Trumpet:
    """Analyse cumulative volumes taken every 0.5 min, the first at the beginning of the period.

    Raises ValueError for a period shorter than the longest window.
    """
    flows = [(after - before) * 60 / SAMPLE_MIN for before, after in itertools.pairwise(volumes_ml)]
    if len(flows) < WINDOWS_MIN[-1] / SAMPLE_MIN:
        raise ValueError(f"{len(flows)} samples of {SAMPLE_MIN} min do not fill a window of {WINDOWS_MIN[-1]} min")
    errors = [100 * (flow - rate_ml_h) / rate_ml_h for flow in flows]
    bands = {}
    for minutes in WINDOWS_MIN:
        n = round(minutes / SAMPLE_MIN)
        means = [sum(errors[start : start + n]) / n for start in range(len(errors) - n + 1)]
        bands[minutes] = Band(min(means), max(means), len(means))
    return Trumpet(sum(errors) / len(errors), bands)
