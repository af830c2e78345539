"""A rule: a property of one step, checked against the truth of the pump and the notes of the witness."""

from collections.abc import Callable
from typing import NamedTuple

from tests.exploration.step import Step

Rule = Callable[[Step], bool]


class When(NamedTuple):
    """Which steps a rule speaks of."""

    name: str
    holds: Rule
    on: type | None  # only those with this kind of event

    def speaks_of(self, event: type) -> bool:
        return self.on is None or self.on is event


RULES: dict[str, tuple[str, Rule]] = {}
WHEN: dict[str, list[When]] = {
    "order": [],
    "start": [],
    "flow": [],
    "ending": [],
    "at_rest": [],
    "always": [],
}


def rule(when: str, on: type | None = None) -> Callable[[Rule], Rule]:
    """`when`: which steps are checked: an order of the rest, those with a StartPump, from flow, from a stop under way,
    at rest, or all. `on`: of these, only the steps with this kind of event; nothing else can break the rule.
    """

    def add(holds: Rule) -> Rule:
        name = holds.__name__
        RULES[name] = (holds.__doc__ or "", holds)
        WHEN[when].append(When(name, holds, on))
        return holds

    return add


def proved(s: Step) -> bool:
    """Two readings at least a tick apart show the pump stopped."""
    w = s.noted
    return w.still is not None and w.answered - w.still[0] >= 1


def pauses_used_up(s: Step) -> bool:
    w = s.noted
    if w.started is None:
        return False
    long = w.run_to is not None and w.now - w.run_to >= s.slice.pause_single
    return long or w.elapsed - w.running >= s.slice.pause_total
