"""The whole alphabet. A new event needs one function here, and its group in the slices' lists."""

from tests.exploration.happenings import cable, line, people, pump, treatment
from tests.exploration.happenings.alphabet import HAPPENINGS, Happening, Outcome

__all__ = ["HAPPENINGS", "Happening", "Outcome", "cable", "line", "people", "pump", "treatment"]
