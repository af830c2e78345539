"""What is wrong with data from outside, in words: one function for every pydantic error.

No text of pydantic reaches a person, and none of what was sent: it may hold a secret.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

UNKNOWN_KEY = "is not a known key here"
FEW = 20  # errors that are worth the work of explaining them to the sender of a message
LONGEST_NAME = 100

_WORDS: Mapping[str, str] = {
    "missing": "is required and missing",
    "extra_forbidden": UNKNOWN_KEY,
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "does not have the form that is needed, the pattern {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "path_type": "must be a path",
    "dict_type": "must be a table of keys and values",
    "mapping_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "model_attributes_type": "must be a table of keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "json_invalid": "is not valid JSON",
    "json_type": "is not valid JSON",
    "union_tag_not_found": "does not say which kind it is, by {discriminator}",
    "union_tag_invalid": "is of no known kind: {discriminator} must be one of {expected_tags}",
}


class SeveralError(ValueError):
    """For a validator that finds more than one thing wrong: each text begins with its key."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = tuple(texts)
        super().__init__("; ".join(texts))


def problems(error: ValidationError, whole: str, most: int | None = None) -> tuple[str, ...]:
    """A text for each error: the field and the reason. `whole` names the data as a whole.

    More errors than `most` are only counted: 4,000 unknown keys would cost their reader's time, and the answer would
    have twenty times the size of what was sent.
    """
    if most is not None and error.error_count() > most:
        return (f"{whole}: {error.error_count()} things are wrong with it, too many to list",)
    found = []
    for item in error.errors(include_url=False, include_input=False):
        where, raised = ".".join(_name(part) for part in item["loc"]), item.get("ctx", {}).get("error")
        if isinstance(raised, SeveralError):
            found += [f"{where}.{text}" if where else text for text in raised.texts]
        else:
            found.append(f"{where or whole}: {reason(item)}")
    return tuple(found)


def _name(part: str | int) -> str:
    text = str(part)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def reason(item: Mapping[str, Any]) -> str:
    """Why one value is refused, of the errors of a ValidationError."""
    context = item.get("ctx", {})
    if item["type"] in ("value_error", "assertion_error"):  # pumpd's own words
        return str(context["error"])
    words = _WORDS.get(item["type"], "cannot be used")
    for name, value in context.items():
        words = words.replace(f"{{{name}}}", str(value))
    return words
