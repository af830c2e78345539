"""The search: breadth first from a new order, each happening at each node, until nothing new is found or to a bound."""

import time
from array import array
from collections import deque
from dataclasses import dataclass, field

from pumpd.infusion import Infusion, State, begin
from pumpd.infusion import events as ev
from pumpd.infusion.turn import ImpossibleTransitionError
from tests.exploration.alike import Pair, differ_in, unlike
from tests.exploration.happenings import HAPPENINGS
from tests.exploration.happenings.cable import BACK, IDENTIFIED
from tests.exploration.key import key
from tests.exploration.rules import broken
from tests.exploration.slices import BEGAN, Slice
from tests.exploration.step import Step, take
from tests.exploration.treatment import RestOrdered
from tests.exploration.world import World


@dataclass
class Found:
    """A broken rule, and the shortest path to it."""

    rule: str
    slice: str
    path: tuple[str, ...]
    depth: int = 0  # happenings since the slice begins

    def __str__(self) -> str:
        return f"{self.rule} [{self.slice}]: " + " > ".join(self.path)


@dataclass
class Explorer:
    slice: Slice
    every: bool = False  # continue after a broken rule, and note the first path for each
    compare: int = 0  # of the merged nodes, one in so many is a candidate to be compared with what it was merged into
    found: dict[str, Found] = field(default_factory=dict)
    nodes: int = 0
    steps: int = 0
    closed: bool = False
    seconds: float = 0.0
    ways: set[tuple[State, State]] = field(default_factory=set)
    depth: int = 0  # every order of so many happenings was tried
    pairs: dict[tuple[State, frozenset[str]], Pair] = field(default_factory=dict)  # one for each set of fields
    unlike: list[str] = field(default_factory=list)  # how the futures of merged nodes differ

    def __post_init__(self) -> None:
        wanted = self.slice.known
        assert wanted <= {group for group, _ in HAPPENINGS.values()}, wanted
        self.alphabet = [(name, make) for name, (group, make) in HAPPENINGS.items() if group in wanted]
        self._number = {name: n for n, (name, _) in enumerate(self.alphabet)}
        self._came: list[tuple[int, int]] = []  # parent and happening of each node
        self._edges: list[array[int]] = []  # target of each happening, -1 where it cannot happen
        self._calm: list[bool] = []  # no flow, and none may be assumed
        self._ended: list[bool] = []

    def run(self, nodes: int | None = None) -> "Explorer":
        began = time.perf_counter()
        self._search(self.slice.nodes if nodes is None else nodes)
        if not self.found or self.every:
            self._check_paths()
        found = (unlike(self.slice, self.alphabet, pair) for pair in self.pairs.values())
        self.unlike = [text for text in found if text is not None]
        self.seconds = time.perf_counter() - began
        return self

    def _search(self, most: int | None) -> None:
        sl = self.slice
        if (beginning := self._beginning()) is None:
            return
        start, world = beginning
        known = {key(sl, start, world): 0}
        queue = deque([(start, world)])
        concrete = {0: (start, world)} if self.compare else {}
        self._add(start, world, (-1, -1))
        here = -1
        while queue:
            if most is not None and len(known) >= most:
                break
            i, w = queue.popleft()
            here += 1
            edges = array("i", [-1]) * len(self.alphabet)
            self._edges.append(edges)
            for n, (_, make) in enumerate(self.alphabet):
                outcome = make(i, w)
                if outcome is None:
                    continue
                self.steps += 1
                nxt = self._step(here, n, i, w, *outcome)
                if nxt is None:
                    if self.every:
                        edges[n] = -2
                        continue
                    return
                mark = key(sl, *nxt)
                there = known.get(mark)
                if there is None:
                    there = known[mark] = len(known)
                    queue.append(nxt)
                    self._add(*nxt, (here, n))
                    if self.compare:
                        concrete[there] = nxt
                elif self.compare and self.steps % self.compare == 0:
                    pair = Pair(concrete[there], nxt)
                    self.pairs.setdefault((nxt[0].state, differ_in(pair)), pair)
                edges[n] = there
        self.nodes, self.closed = len(known), not queue
        self.depth = self._depth(len(known) - 1) if self.closed else self._depth(here + 1)

    def _depth(self, node: int) -> int:
        steps = 0
        while node > 0:
            node, steps = self._came[node][0], steps + 1
        return steps

    def _beginning(self) -> tuple[Infusion, World] | None:
        """Where the slice begins; None when a rule breaks on the way there."""
        infusion, _ = begin(self.slice.order())
        sl, whole = self.slice, self.slice.units
        world = World(now=BEGAN, loading=BEGAN, vtbi=whole, ordered=whole, window=sl.dose)
        world = world._replace(rests=sl.rests, closes=sl.closes, turn=sl.turn, step=sl.counter_step)
        for number, name in enumerate(self.slice.after, 1):
            outcome = HAPPENINGS[name][1](infusion, world)
            assert outcome is not None, name
            step = take(self.slice, infusion, outcome[1], outcome[0])
            if rule := broken(step):
                self.found[rule] = Found(rule, self.slice.name, self.slice.after[:number])
                return None
            self._note_transitions(step)
            infusion, world = step.after, step.world
        return infusion, world

    def _add(self, i: Infusion, w: World, came: tuple[int, int]) -> None:
        self._came.append(came)
        self._calm.append(not (w.flowing or w.start_left or i.state.may_flow))
        self._ended.append(i.state.ended)

    def _step(
        self, here: int, n: int, i: Infusion, was: World, event: ev.Event | RestOrdered | None, w: World
    ) -> tuple[Infusion, World] | None:
        try:
            step = take(self.slice, i, w, event)
        except ImpossibleTransitionError:
            self._note("table_is_kept", here, n)
            return None
        name = broken(step)
        if name is not None:
            self._note(name, here, n)
            return None
        if step.after.state is not i.state:
            self._note_transitions(step)
        return step.after, step.world

    def _note_transitions(self, step: Step) -> None:
        for action in step.actions:
            if isinstance(action, ev.Record) and action.kind == "state_changed":
                self.ways.add((State(action.body["from"]), State(action.body["to"])))

    def _note(self, name: str, here: int, n: int | None = None) -> None:
        if name in self.found:
            return
        path = [] if n is None else [self.alphabet[n][0]]
        while here > 0:
            here, n = self._came[here]
            path.append(self.alphabet[n][0])
        self.found[name] = Found(name, self.slice.name, (*self.slice.after, *reversed(path)), len(path))

    def _check_paths(self) -> None:
        for node in range(len(self._edges)):
            if not self._stops(node):
                self._note("stop_reaches_no_flow", node)
                break
        if self.closed:
            self._check_ends()

    def _stops(self, node: int) -> bool:
        """A stop that the pump carries out, once its cable leads to it, then readings a tick apart."""
        for name in (BACK, IDENTIFIED, "stop", "pump carries out the stop", *("reading", "time passes") * 4):
            if node >= len(self._edges):
                return True  # not explored: the bound of the slice is nearer than these steps
            there = self._edges[node][self._number[name]] if name in self._number else -1
            if there == -2:
                return True  # a rule is broken on this path, which is reported already
            node = node if there < 0 else there
        return self._calm[node]

    def _check_ends(self) -> None:
        back: list[list[int]] = [[] for _ in self._came]
        for node, edges in enumerate(self._edges):
            for there in edges:
                if there >= 0:
                    back[there].append(node)
        reached = list(self._ended)
        queue = deque(node for node, ended in enumerate(reached) if ended)
        while queue:
            for node in back[queue.popleft()]:
                if not reached[node]:
                    reached[node] = True
                    queue.append(node)
        if not all(reached):
            self._note("an_end_is_reachable", reached.index(False))
