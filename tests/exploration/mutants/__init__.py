"""Deliberate breaks of the guards of the state machine, and the rule of the explorer that catches each."""

from tests.exploration.mutants.covered import ALONE, TOGETHER
from tests.exploration.mutants.evaluating import EVALUATING
from tests.exploration.mutants.events import EVENTS
from tests.exploration.mutants.interlocks import INTERLOCKS
from tests.exploration.mutants.mutant import Mutant, caught

MUTANTS: tuple[Mutant, ...] = (*INTERLOCKS, *EVENTS, *EVALUATING, *TOGETHER, *ALONE)

__all__ = ["MUTANTS", "Mutant", "caught"]
