"""When two names of a drug are so alike that one may be the other: a typing error, a case, a salt (PRG-27).

A library with two such names is refused. A dose that was recorded by name only, as pumpd 0.1 did, counts for every
substance whose name is near-equal.
"""

import re

_WORD = re.compile(r"[a-z0-9]+")
_LEAST_STEM = 5  # letters; shorter words begin many others


def near_equal(one: str, other: str) -> bool:
    """Whether one name is the other in another spelling, with at most one letter wrong, or with more words or a longer
    end: "ketamine", "ketamin", "Ketamine hydrochloride" and "Ketaminhydrochlorid" are near-equal, "ketamine" and
    "esketamine" are not.
    """
    first, second = _words(one), _words(other)
    if _alike("".join(first), "".join(second)):
        return True
    shorter, longer = sorted((first, second), key=len)
    return all(any(_alike(word, each) for each in longer) for word in shorter)


def _words(name: str) -> list[str]:
    return _WORD.findall(name.casefold())


def _alike(one: str, other: str) -> bool:
    """Whether they differ by at most one typing error, or the longer one begins so."""
    shorter, longer = sorted((one, other), key=len)
    length = len(shorter)
    begins = range(length - 1, length + 2) if length >= _LEAST_STEM else ()
    return _one_typing_error(one, other) or any(_one_typing_error(shorter, longer[:end]) for end in begins)


def _one_typing_error(one: str, other: str) -> bool:
    """Whether they are equal, or differ by one letter added, left out, changed, or by two neighbours swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    mine, theirs = one[start:], other[start:]
    swapped = mine[:2] == theirs[1::-1] and mine[2:] == theirs[2:]
    return mine[1:] == theirs or mine == theirs[1:] or mine[1:] == theirs[1:] or swapped
