"""Deliberate breaks of the state machine's guards, and the explorer's rule that catches each."""

from tests.exploration.mutants.covered import ALONE, TOGETHER
from tests.exploration.mutants.doubting import DOUBTING
from tests.exploration.mutants.evaluating import EVALUATING
from tests.exploration.mutants.events import EVENTS
from tests.exploration.mutants.interlocks import INTERLOCKS
from tests.exploration.mutants.mutant import Mutant, caught
from tests.exploration.mutants.treatment import TREATMENT

MUTANTS: tuple[Mutant, ...] = (*INTERLOCKS, *EVENTS, *EVALUATING, *DOUBTING, *TREATMENT, *TOGETHER, *ALONE)

__all__ = ["MUTANTS", "Mutant", "caught"]
