"""A rule: a property of one step, checked against the truth of the pump and the notes of the witness."""

from collections.abc import Callable

from tests.exploration.step import Step

Rule = Callable[[Step], bool]
RULES: dict[str, tuple[str, Rule]] = {}
WHEN: dict[str, list[tuple[str, Rule]]] = {
    "order": [],
    "start": [],
    "flow": [],
    "ending": [],
    "at_rest": [],
    "always": [],
}


def rule(when: str) -> Callable[[Rule], Rule]:
    """`when`: which steps are checked: an order of the rest, those with a StartPump, from flow, from a stop under way,
    at rest, or all.
    """

    def add(holds: Rule) -> Rule:
        name = holds.__name__
        RULES[name] = (holds.__doc__ or "", holds)
        WHEN[when].append((name, holds))
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
