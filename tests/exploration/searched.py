"""What a search found, without its graph: small enough to come from another process, and to be kept in a file."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pumpd.infusion import State
from tests.exploration.pairs import PAIRS
from tests.exploration.search import Explorer
from tests.exploration.slices import SLICES, Slice
from tests.workers import pool

ALL = {each.name: each for each in (*SLICES, *PAIRS)}
COMPARE = 11  # of the merged nodes, one in so many is a candidate for a comparison


@dataclass(frozen=True)
class Searched:
    """`wrong`: broken rules with their paths, and merged nodes that are not alike. `memory_mb`: of its process."""

    name: str
    bound: int | None
    nodes: int
    steps: int
    depth: int
    closed: bool
    compared: int
    seconds: float
    memory_mb: int
    ways: tuple[tuple[str, str], ...]
    wrong: tuple[str, ...]

    @property
    def slice(self) -> Slice:
        return ALL[self.name]

    @property
    def transitions(self) -> set[tuple[State, State]]:
        return {(State(before), State(after)) for before, after in self.ways}

    @classmethod
    def read(cls, line: dict[str, Any]) -> "Searched":
        """From a line of JSON."""
        return cls(**line | {"ways": tuple(map(tuple, line["ways"])), "wrong": tuple(line["wrong"])})


def search(name: str, bound: int | None) -> Searched:
    """Search one slice or pair, to its end or to so many nodes."""
    explorer = Explorer(replace(ALL[name], nodes=bound), every=True, compare=COMPARE).run()
    return Searched(
        name=name,
        bound=bound,
        nodes=explorer.nodes,
        steps=explorer.steps,
        depth=explorer.depth,
        closed=explorer.closed,
        compared=len(explorer.pairs),
        seconds=round(explorer.seconds, 1),
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        ways=tuple(sorted((before.value, after.value) for before, after in explorer.ways)),
        wrong=(
            *map(str, explorer.found.values()),
            *(f"merged too much [{name}]: {text}" for text in explorer.unlike),
        ),
    )


def search_all(wanted: list[tuple[str, int | None]], workers: int) -> Iterator[Searched]:
    """Each as soon as it is done, each in a process of its own, which tells its own memory."""
    with pool(workers, tasks=1) as working:
        yield from working.imap_unordered(_search, wanted)


def _search(wanted: tuple[str, int | None]) -> Searched:
    return search(*wanted)
