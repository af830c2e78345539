"""From a prescription to a rate program: exact, pure, and checked twice.

`Prescription.from_text` reads what a person typed, `plan` turns it into a `RateProgram` or raises `Refusals` with every
reason. `library.load` reads the drug library, `history_limits.objections` checks against earlier doses, and `plan_rest`
plans the rest of an interrupted treatment. Nothing in this room reads a file, a clock or a port.
"""

from pumpd.dosing.history import Dose, History, Wanted
from pumpd.dosing.library import NO_LIBRARY, Course, Entry, Library
from pumpd.dosing.library_text import LibraryError
from pumpd.dosing.planning import check, plan
from pumpd.dosing.prescription import Prescription, WeightBasis
from pumpd.dosing.program import RateProgram
from pumpd.dosing.refusal import Refusal, Refusals, SoftLimit
from pumpd.dosing.rest import RestOrder, plan_rest

__all__ = [
    "NO_LIBRARY",
    "Course",
    "Dose",
    "Entry",
    "History",
    "Library",
    "LibraryError",
    "Prescription",
    "RateProgram",
    "Refusal",
    "Refusals",
    "RestOrder",
    "SoftLimit",
    "Wanted",
    "WeightBasis",
    "check",
    "plan",
    "plan_rest",
]
