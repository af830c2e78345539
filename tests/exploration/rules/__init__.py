"""The rules. Each is a function of one step, and its docstring is what it says in plain words.

Rules over whole paths are judged by the search, once it is done: `PATH_RULES`.
"""

from pumpd.infusion import events as ev
from tests.exploration.rules import always, ending, flow, standing, start
from tests.exploration.rules.rule import RULES, WHEN
from tests.exploration.step import FLOW, STANDING, Step

PATH_RULES = {
    "stop_reaches_no_flow": "From every node: stop, the pump takes it, readings; then, within eight steps, no flow.",
    "an_end_is_in_reach": "From every node some events lead to an end.",
    "every_way_is_taken": "Each way of the table is taken by some slice; one that never is has no reason to be there.",
}


def broken(step: Step) -> str | None:
    """The first rule that the step breaks."""
    state = step.before.state
    asked = [WHEN["always"]]
    if ev.StartPump in step.kinds:
        asked.insert(0, WHEN["start"])
    if state in FLOW:
        asked.append(WHEN["flow"])
    elif state.ending:
        asked.append(WHEN["ending"])
    elif state in STANDING:
        asked.append(WHEN["standing"])
    for rules in asked:
        for name, holds in rules:
            if not holds(step):
                return name
    return None


__all__ = ["PATH_RULES", "RULES", "always", "broken", "ending", "flow", "standing", "start"]
