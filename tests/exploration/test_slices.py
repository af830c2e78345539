"""CI's share of the exploration: every slice to its bound, no rule broken, and merged nodes that behave alike.

`make explore` explores each slice further, and tries every mutant.
"""

import pytest

from pumpd.infusion.states import TRANSITIONS
from tests.exploration.pairs import PAIRS, apart
from tests.exploration.search import Explorer
from tests.exploration.slices import SLICES, Slice

# Which slice takes which transitions of the table; one that is never taken does not belong there.
WAYS = {
    "start": (
        "ordered>loading ordered>abandoned loading>ready loading>abandoned ready>armed ready>abandoned armed>starting "
        "armed>ready armed>abandoned starting>running starting>uncertain starting>stopping stopping>tripped "
        "uncertain>tripped running>stopping"
    ),
    "line": "stopping>stopped",
    "doubt": "uncertain>stopped",
    "silence": "pausing>stopped",
    "panel": "loading>stopping ready>stopping armed>stopping tripped>stopping tripped>stopped",
    "pause": (
        "running>completing completing>completed completing>stopping running>pausing pausing>paused pausing>stopping "
        "paused>loading paused>stopped"
    ),
    "cable": "loading>ordered ready>ordered armed>ordered",
    "unseen": (
        "paused>stopping loading>tripped loading>stopped ready>tripped ready>stopped armed>tripped armed>stopped "
        "starting>pausing tripped>paused"
    ),
}


@pytest.mark.requirement("STA-01", "STP-01", "STP-05", "COM-02", "COM-03", "COM-04", "RUN-06", "PWR-03")
@pytest.mark.parametrize("each", SLICES, ids=lambda each: each.name)
def test_no_order_of_events_breaks_a_rule(each: Slice) -> None:
    explorer = Explorer(each, every=True, compare=23).run()
    assert not explorer.found, "\n".join(map(str, explorer.found.values()))
    assert explorer.nodes >= (each.nodes or 0) or explorer.closed
    assert set(WAYS.get(each.name, "").split()) <= {f"{a}>{b}" for a, b in explorer.ways}
    assert explorer.pairs
    assert not explorer.unlike, "\n".join(explorer.unlike)


def test_some_slice_takes_every_transition_of_the_table() -> None:
    assert set(" ".join(WAYS.values()).split()) == {f"{a}>{b}" for a, ways in TRANSITIONS.items() for b in ways}
    assert WAYS.keys() <= {each.name for each in SLICES}


def test_any_two_kinds_of_happenings_are_together_in_a_search_that_can_close() -> None:
    """The reason that is given for the slices with nearly all kinds."""
    narrow, large = [each for each in SLICES if not each.bound], [each for each in SLICES if each.bound]
    for each in large:
        assert apart(each, [*narrow, *PAIRS]) == []
        assert len(apart(each, narrow)) == len(PAIRS)  # no pair that a slice has already
