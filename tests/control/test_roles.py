"""SEC-07: the whole matrix of who may ask for what, written a second time by hand."""

import itertools
import typing

import pytest

from pumpd.control.tablets.needs import NEEDS, objection
from pumpd.messages.roles import Role
from pumpd.messages.tablet import Inner

# What each role, of tablet and person, permits in addition to what every paired tablet may do.
ANY = {"hello", "sign_in", "sign_out", "touch"}
OPENS = {
    "view": set(),
    "confirm": {
        *("challenge", "confirm", "wristband", "associate", "dissociate", "pause", "resume", "clear"),
        *("pause_reason", "identify", "reconcile"),
        *("acknowledge", "pause_audio", "vitals", "end_observation"),
        *("history", "correct_dose", "plasma"),
        *("preview_rest", "rest"),  # where the library entry allows it: tests/control/test_rest.py
    },
    "prescribe": {
        *("preview", "order", "preview_rest", "rest", "history", "correct_dose"),
        *("order_course", "assess_course", "plasma"),
    },
    "maintain": set(),
}
SETS = [set(each) for size in range(5) for each in itertools.combinations(OPENS, size)]


def ops() -> set[str]:
    """Every request that a tablet can make."""
    kinds = typing.get_args(typing.get_args(Inner)[0])
    return {typing.get_args(kind.model_fields["op"].annotation)[0] for kind in kinds}


@pytest.mark.requirement("SEC-07")
def test_every_role_may_ask_for_exactly_what_the_matrix_allows():
    assert set(OPENS) == set(Role)
    assert ops() == set(NEEDS)
    for op, tablet, person in itertools.product(sorted(ops()), SETS, [None, *SETS]):
        opened = set().union(*(OPENS[role] for role in tablet & (person or set())))
        allowed = op in ANY or (person is not None and op in opened)
        assert (objection(op, tablet, person) is None) is allowed, (op, tablet, person)


@pytest.mark.requirement("SEC-07")
@pytest.mark.parametrize("op", ["stop", "trace", "status", "start", "", "Confirm", "pair_open", "order "])
def test_what_is_not_in_the_table_is_denied_to_everyone(op):
    everything = set(Role)
    assert objection(op, everything, everything) == f"{op}: no tablet may ask for that"
