"""What is wrong with data from outside, in words: one function for every pydantic error.

No text of pydantic reaches a person, and none of what was sent: it may hold a secret.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from pumpd.texts import Text, of_error, text

UNKNOWN_KEY = text("invalid.unknown_key", "is not a known key here")
FEW = 20  # errors that are worth the work of explaining them to the sender of a message
LONGEST_NAME = 100

_Say = Callable[..., Text]
_WHOLE: _Say = partial(text, "invalid.whole", "must be a whole number")
_NUMBER: _Say = partial(text, "invalid.number", "must be a number")
_BOOLEAN: _Say = partial(text, "invalid.boolean", "must be true or false")
_EXPECTED: _Say = partial(text, "invalid.expected", "must be {expected}")
_TABLE: _Say = partial(text, "invalid.table", "must be a table of keys and values")
_LIST: _Say = partial(text, "invalid.list", "must be a list")
_JSON: _Say = partial(text, "invalid.json", "is not valid JSON")
_WORDS: Mapping[str, _Say] = {
    "missing": partial(text, "invalid.missing", "is required and missing"),
    "extra_forbidden": lambda **_: UNKNOWN_KEY,
    "string_type": partial(text, "invalid.text", "must be text"),
    "string_too_short": partial(text, "invalid.too_short", "must have at least {min_length} characters"),
    "string_too_long": partial(text, "invalid.too_long", "must have at most {max_length} characters"),
    "string_pattern_mismatch": partial(
        text, "invalid.pattern", "does not have the form that is needed, the pattern {pattern}"
    ),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": partial(text, "invalid.smaller", "must be a smaller whole number"),
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": partial(text, "invalid.finite", "must be a finite number"),
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "greater_than": partial(text, "invalid.more_than", "must be more than {gt}"),
    "greater_than_equal": partial(text, "invalid.or_more", "must be {ge} or more"),
    "less_than": partial(text, "invalid.less_than", "must be less than {lt}"),
    "less_than_equal": partial(text, "invalid.or_less", "must be {le} or less"),
    "literal_error": _EXPECTED,
    "enum": _EXPECTED,
    "path_type": partial(text, "invalid.path", "must be a path"),
    "dict_type": _TABLE,
    "mapping_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "too_short": partial(text, "invalid.few_entries", "must have at least {min_length} entries"),
    "too_long": partial(text, "invalid.many_entries", "must have at most {max_length} entries"),
    "json_invalid": _JSON,
    "json_type": _JSON,
    "union_tag_not_found": partial(text, "invalid.no_kind", "does not say which kind it is, by {discriminator}"),
    "union_tag_invalid": partial(
        text, "invalid.unknown_kind", "is of no known kind: {discriminator} must be one of {expected_tags}"
    ),
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
        return (
            text(
                "invalid.too_many",
                "{whole}: {count} things are wrong with it, too many to list",
                whole=whole,
                count=error.error_count(),
            ),
        )
    found: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        where, raised = ".".join(_name(part) for part in item["loc"]), item.get("ctx", {}).get("error")
        if isinstance(raised, SeveralError):
            found += [f"{where}.{each}" if where else each for each in raised.texts]
        else:
            found.append(text("reason.of_field", "{field}: {reason}", field=where or whole, reason=reason(item)))
    return tuple(found)


def _name(part: str | int) -> str:
    text = str(part)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def reason(item: Mapping[str, Any]) -> str:
    """Why one value is refused, of the errors of a ValidationError."""
    context = item.get("ctx", {})
    if item["type"] in ("value_error", "assertion_error"):  # pumpd's own words
        return of_error(context["error"])
    words = _WORDS.get(item["type"])
    if words is None:
        return text("invalid.unusable", "cannot be used")
    return words(**{name: value for name, value in context.items() if name != "error"})


def repeated(raw: bytes | str, what: str) -> str:
    """Why JSON is refused in which an object has a name twice: readers differ in which one they take.

    Empty if no name is there twice, and for what is no JSON. `what`: what it is, for people.
    """
    found = False

    def look(pairs: Sequence[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(pairs)) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return ""
    return named_twice(what) if found else ""


def named_twice(what: str) -> Text:
    return text("invalid.name_twice", "{what}: a name is given twice, and it is not known which one counts", what=what)
