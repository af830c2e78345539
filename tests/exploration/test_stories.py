"""Stories that a whole search once found broken, each played alone, as none of them is in CI's share of its slice."""

import pytest

from tests.exploration.happenings import HAPPENINGS
from tests.exploration.rules import broken
from tests.exploration.search import Explorer
from tests.exploration.searched import ALL
from tests.exploration.step import take

STORIES = {
    "restarted": [  # booked less than was given
        *("purge", "pump loses its supply, and its count with it", "reading"),
        *("started at the panel", "time passes", "stopped at the panel", "reading"),
    ],
    "swapped": [  # the witness took a refused clearing for one that was done
        *("time passes", "reading", "the cable goes out", "our pump stops away from its cable"),
        *("the cable is back on our pump, no other is alike", "a person identifies the pump"),
        *("reading", "reading", "time passes", "reading"),
        *("the cable is on a flowing pump with our count", "trip cleared", "reading"),
        *("the cable is back on our pump, another is alike", "a person identifies the pump"),
        *("stop", "reading", "time passes", "reading"),
    ],
}


@pytest.mark.requirement("COM-05", "COM-10", "STP-05")
@pytest.mark.parametrize("name", STORIES)
def test_no_rule_is_broken(name):
    here = ALL[name]
    infusion, world = Explorer(here)._beginning()
    for happening in STORIES[name]:
        outcome = HAPPENINGS[happening][1](infusion, world)
        assert outcome is not None, happening
        event, after = outcome
        step = take(here, infusion, after, event)
        assert broken(step) is None, happening
        infusion, world = step.after, step.world
    assert infusion.trips  # it went the way that it is told
