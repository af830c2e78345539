"""Deliberate breaks of the guards: a rule catches each; `make explore` also tries those that need a longer search."""

from dataclasses import replace

import pytest

from tests.exploration.mutants import ALONE, MUTANTS, Mutant
from tests.exploration.rules import PATH_RULES, RULES
from tests.exploration.search import Explorer
from tests.exploration.slices import SLICES

NODES = 2_500
BY_NAME = {each.name: each for each in SLICES}


def _one_per_rule() -> list[Mutant]:
    """Of the breaks that are found quickly, the first for each rule."""
    first: dict[str, Mutant] = {}
    for mutant in MUTANTS:
        if mutant.caught_by and not mutant.deep:
            first.setdefault(mutant.caught_by, mutant)
    return list(first.values())


@pytest.mark.parametrize("mutant", _one_per_rule(), ids=lambda mutant: mutant.caught_by)
def test_a_broken_guard_is_caught_by_its_rule(mutant: Mutant) -> None:
    with mutant.alive():
        explorer = Explorer(replace(BY_NAME[mutant.slice], nodes=NODES)).run()
    assert [each.rule for each in explorer.found.values()] == [mutant.caught_by], mutant.about


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.about)
def test_each_break_still_fits_the_source(mutant: Mutant) -> None:
    with mutant.alive():
        pass
    assert mutant.slice in BY_NAME
    assert mutant.caught_by in {*RULES, *PATH_RULES, ""}


def test_no_break_needs_all_kinds_of_happenings_at_once() -> None:
    """The reason that is given for a slice that does not close."""
    assert not {mutant.about for mutant in MUTANTS if mutant.caught_by and BY_NAME[mutant.slice].bound}


def test_a_break_that_no_rule_catches_states_what_else_holds() -> None:
    assert {mutant.about for mutant in MUTANTS if not mutant.caught_by} == {mutant.about for mutant in ALONE}
    assert all(": " in mutant.about for mutant in ALONE)
