"""All letters of the alphabet. A new event of an infusion is one function here, and a group in the slices' lists."""

from tests.exploration.happenings import line, people, pump
from tests.exploration.happenings.alphabet import HAPPENINGS, Happening, Outcome

__all__ = ["HAPPENINGS", "Happening", "Outcome", "line", "people", "pump"]
