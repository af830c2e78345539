"""A rule: a property of one step, judged by the truth of the pump and by what the witness wrote down."""

from collections.abc import Callable

from tests.exploration.step import Step

Rule = Callable[[Step], bool]
RULES: dict[str, tuple[str, Rule]] = {}
WHEN: dict[str, list[tuple[str, Rule]]] = {"start": [], "flow": [], "ending": [], "standing": [], "always": []}


def rule(when: str) -> Callable[[Rule], Rule]:
    """`when`: the steps that are asked: with a StartPump, from a flow, from a stop under way, from a stand, all."""

    def add(holds: Rule) -> Rule:
        name = holds.__name__
        RULES[name] = (holds.__doc__ or "", holds)
        WHEN[when].append((name, holds))
        return holds

    return add


def proved(s: Step) -> bool:
    """Two readings a tick apart, or more, show the pump standing still."""
    w = s.told
    return w.still is not None and w.answered - w.still[0] >= 1


def pauses_used_up(s: Step) -> bool:
    w = s.told
    if w.started is None:
        return False
    long = w.run_to is not None and w.now - w.run_to >= s.slice.pause_single
    return long or w.elapsed - w.running >= s.slice.pause_total
