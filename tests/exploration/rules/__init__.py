"""The rules. Each is a function of one step; its docstring states it in plain words.

The search checks the rules over whole paths when it is done: `PATH_RULES`.
"""

from pumpd.infusion import events as ev
from tests.exploration.rules import always, at_rest, doubt, ending, flow, start, treatment
from tests.exploration.rules.rule import RULES, WHEN
from tests.exploration.step import AT_REST, FLOW, Step
from tests.exploration.treatment import RestOrdered

PATH_RULES = {
    "stop_reaches_no_flow": "From every node: stop, carried out, readings; then, within eight steps, no flow.",
    "an_end_is_reachable": "From every node some sequence of events leads to an end.",
    "every_transition_is_taken": "Some slice takes each transition. One that is never taken is not needed.",
}


def broken(step: Step) -> str | None:
    """The first rule that the step breaks."""
    state = step.before.state
    asked = [WHEN["always"]]
    if ev.StartPump in step.kinds:
        asked.insert(0, WHEN["start"])
    if isinstance(step.event, RestOrdered):
        asked.insert(0, WHEN["order"])
    if state in FLOW:
        asked.append(WHEN["flow"])
    elif state.ending:
        asked.append(WHEN["ending"])
    elif state in AT_REST:
        asked.append(WHEN["at_rest"])
    for rules in asked:
        for name, holds in rules:
            if not holds(step):
                return name
    return None


__all__ = ["PATH_RULES", "RULES", "always", "at_rest", "broken", "doubt", "ending", "flow", "start", "treatment"]
