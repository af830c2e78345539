"""The rules. Each is a function of one step; its docstring states it in plain words.

The search checks the rules over whole paths when it is done: `PATH_RULES`.
"""

from functools import cache

from pumpd.infusion import State
from pumpd.infusion import events as ev
from tests.exploration.rules import always, at_rest, doubt, ending, flow, start, treatment
from tests.exploration.rules.rule import RULES, WHEN, When
from tests.exploration.step import AT_REST, FLOW, Step
from tests.exploration.treatment import RestOrdered

PATH_RULES = {
    "stop_reaches_no_flow": "From every node: stop, carried out, readings; then, within eight steps, no flow.",
    "an_end_is_reachable": "From every node some sequence of events leads to an end.",
    "every_transition_is_taken": "Some slice takes each transition. One that is never taken is not needed.",
}


def broken(step: Step) -> str | None:
    """The first rule that the step breaks."""
    for rule in _asked(step.before.state, type(step.event), ev.StartPump in step.kinds):
        if not rule.holds(step):
            return rule.name
    return None


@cache
def _asked(state: State, event: type, start: bool) -> tuple[When, ...]:
    """The rules that speak of such a step."""
    asked = [*(WHEN["order"] if event is RestOrdered else []), *(WHEN["start"] if start else []), *WHEN["always"]]
    if state in FLOW:
        asked += WHEN["flow"]
    elif state.ending:
        asked += WHEN["ending"]
    elif state in AT_REST:
        asked += WHEN["at_rest"]
    return tuple(rule for rule in asked if rule.speaks_of(event))


__all__ = ["PATH_RULES", "RULES", "always", "at_rest", "broken", "doubt", "ending", "flow", "start", "treatment"]
