"""To which branch of a journal a batch belongs. Pure.

A copied card sends as the same gateway, from the same journal, with other entries. Its numbers are there already, but
they are of another run of control: a batch with them is no repetition, and its alarms must not be taken for those of
the other machine.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pumpd_ward.messages import Batch

# Control's own runs have a random name. What a command wrote while control was away has a fixed one, such as "prune".
_RUN = re.compile(r"[0-9a-f]{16}")


@dataclass
class Branch:
    """`runs`: of each run of control its first and last number, as far as they have arrived."""

    rank: int
    number: int
    newest: int
    runs: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        for name, (first, last) in runs(batch).items():
            known = self.runs.get(name, (first, last))
            self.runs[name] = min(first, known[0]), max(last, known[1])
        self.newest = max(self.newest, batch.last)


def runs(batch: Batch) -> dict[str, tuple[int, int]]:
    """Of each run of control in a batch, its first and last number."""
    found: dict[str, tuple[int, int]] = {}
    for each in batch.entries:
        if _RUN.fullmatch(each.boot):
            found[each.boot] = found.get(each.boot, (each.seq, 0))[0], each.seq
    return found


def belongs(batch: Batch, branches: Iterable[Branch]) -> Branch | None:
    """The branch of this batch; None when it begins a new one. Runs of one machine never share a number."""
    mine = runs(batch)
    fitting = [each for each in branches if not _others(mine, each.runs)]
    return max(
        fitting,
        key=lambda each: (bool(mine.keys() & each.runs.keys()), each.newest == batch.after, each.rank),
        default=None,
    )


def origin(batch: Batch, branches: Iterable[Branch]) -> tuple[int | None, int]:
    """For a batch that begins a branch: the rank of the one that it comes from, and the first number that differs."""
    mine = runs(batch)
    parted = [(min((since for since, _ in _others(mine, each.runs)), default=1), each.rank) for each in branches]
    number, rank = max(parted, default=(1, None))
    return rank, number


def _others(mine: Mapping[str, tuple[int, int]], known: Mapping[str, tuple[int, int]]) -> list[tuple[int, int]]:
    """The known runs that have numbers of another one of these."""
    return [
        (since, to)
        for other, (since, to) in known.items()
        if any(name != other and first <= to and since <= last for name, (first, last) in mine.items())
    ]
