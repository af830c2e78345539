"""Messages for a person: English text that still knows which message it is and what was filled in.

A refusal, a warning or the cause of an alarm is made by `text()`. It is a `str`, so that logs, the journal and the
command line need to know nothing else. What goes to a tablet carries `messages_in()` beside it, and the page shows the
same message in the reader's language (docs/decisions/0039-messages-in-the-readers-language.md).
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Self

_HOLE = re.compile(r"\{(\w+)\}")
_NONE: Mapping[str, str] = MappingProxyType({})


class Text(str):
    """English text, the id of its message, and its parameters by name."""

    __slots__ = ("message", "parameters")

    message: str
    parameters: Mapping[str, str]

    def __new__(cls, english: str, message: str = "", parameters: Mapping[str, str] = _NONE) -> Self:
        made = super().__new__(cls, english)
        made.message = message
        made.parameters = parameters
        return made


def text(message: str, template: str, /, **parameters: object) -> Text:
    """The message with this id: the English `template` with each `{name}` filled in. A parameter may be a message too.

    An id has one template in the whole code, and the template is written where it is used: a test reads them all from
    the source, for the catalogues of the other languages.
    """
    filled = {name: value if isinstance(value, str) else str(value) for name, value in parameters.items()}
    return Text(_HOLE.sub(lambda hole: filled[hole[1]], template), message, filled)


def listed(texts: Iterable[str], empty: str = "") -> str:
    """Several messages as one, with a semicolon between them; `empty` if there is none."""
    found: str = ""
    for each in texts:
        found = text("list.both", "{first}; {second}", first=found, second=each) if found else each
    return found or empty


def messages_in(data: Any) -> dict[str, dict[str, Any]]:
    """Every message in JSON-like data, by its English text: `{"id": …, "parameters": {…}}`; nested ones are in it."""
    found: dict[str, dict[str, Any]] = {}
    _collect(data, found)
    return found


def _collect(data: Any, found: dict[str, dict[str, Any]]) -> None:
    if isinstance(data, Text):
        if data not in found:
            parameters = {name: str(value) for name, value in data.parameters.items()}
            found[str(data)] = {"id": data.message, "parameters": parameters}
            _collect(data.parameters, found)
    elif isinstance(data, Mapping):
        _collect(data.values(), found)
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes):
        for each in data:
            _collect(each, found)


def named(words: Iterable[str], empty: str = "") -> str:
    """Several words as one message, with a comma between them; `empty` if there is none."""
    found: str = ""
    for each in words:
        found = text("list.comma", "{first}, {second}", first=found, second=each) if found else each
    return found or empty


def of_error(error: BaseException) -> str:
    """What an exception says, which is still a message where it was raised with one. `str(error)` would lose that."""
    if any(isinstance(part, Text) for part in error.args):
        return listed(str(part) if not isinstance(part, str) else part for part in error.args)
    return str(error)
