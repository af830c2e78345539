"""Every two kinds of happenings that no slice joins, each two as a small search of its own, to its end.

The slices with all kinds are too large to close. They add only what needs kinds together that no other slice joins. The
pairs show, however long the order of events, that no two of those kinds break a rule together.
"""

from itertools import combinations

from tests.exploration.slices import ALL, SLICES, Slice

NEEDS = {"resume": "pause"}  # without a pause there is nothing to resume


def apart(each: Slice, closed: list[Slice]) -> list[str]:
    """The pairs of kinds of this slice that are together in none of the closed ones."""
    joined = {two for other in closed for two in _twos(other)}
    return [" + ".join(two) for two in _twos(each) if two not in joined]


def _twos(each: Slice) -> list[tuple[str, ...]]:
    return list(combinations(sorted(each.known - {"base"}), 2))


def _pair(name: str) -> Slice:
    two = name.split(" + ")
    return Slice(name, " and ".join(two), " ".join((*two, *(NEEDS[kind] for kind in two if kind in NEEDS))))


PAIRS = tuple(map(_pair, apart(Slice("all", "", ALL), [each for each in SLICES if not each.bound])))
