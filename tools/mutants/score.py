"""A sample that is drawn from each target by itself, and what it says about all mutants."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Each = TypeVar("Each")
Z95 = 1.96  # of the normal distribution: 95 %
LEAST_OF_A_TARGET = 10


@dataclass
class Stratum:
    """One target: how many mutants there are, how many were tried and how many of those noticed."""

    pool: int
    tried: int = 0
    noticed: int = 0

    def count(self, *, noticed: bool) -> None:
        self.tried += 1
        self.noticed += noticed


def drawn(pools: Mapping[str, Sequence[Each]], n: int | None, seed: int, name: Callable[[Each], str]) -> list[Each]:
    """`n` in random order, from each target in proportion, but at least a few. None: every one.

    The order is that of a hash of the seed and the name of each. So the sample is the same for the same seed, stays
    nearly the same when others are added or left out, and what a stop leaves of it is a random sample too.
    """

    def by_chance(each: Each) -> bytes:
        return hashlib.sha256(f"{seed} {name(each)}".encode()).digest()

    whole = sum(len(pool) for pool in pools.values())
    chosen: list[Each] = []
    for pool in pools.values():
        share = len(pool) if n is None else max(LEAST_OF_A_TARGET, round(n * len(pool) / whole))
        chosen += sorted(pool, key=by_chance)[:share]
    few = n is not None and n < LEAST_OF_A_TARGET * len(pools)
    return sorted(chosen, key=by_chance)[: n if few else None]


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """The interval of a share that was found in `n`, after E. B. Wilson (1927). It holds near 1 too."""
    middle = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def overall(strata: Sequence[Stratum]) -> tuple[float, float, float]:
    """The share that is noticed of all mutants of these targets, and its interval of 95 %.

    Each target weighs as many as it has mutants. The interval takes the sample as one of Kish's effective size. Where
    everything was tried, there is no doubt: the interval is the share itself.
    """
    tried = [each for each in strata if each.tried]
    whole = sum(each.pool for each in tried)
    weights = [each.pool / whole for each in tried]
    share = sum(weight * each.noticed / each.tried for weight, each in zip(weights, tried, strict=True))
    if all(each.tried == each.pool for each in tried):
        return share, share, share
    size = 1 / sum(weight * weight / each.tried for weight, each in zip(weights, tried, strict=True))
    return (share, *wilson(share, size))
