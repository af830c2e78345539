"""Messages for a person: English text that still knows which message it is and what was filled in.

A refusal, a warning or the cause of an alarm is made by `text()`. It is a `str`, so that logs, the journal and the
command line need to know nothing else. What goes to a tablet carries `messages_in()` beside it, and the page shows the
same message in the reader's language (docs/decisions/0039-messages-in-the-readers-language.md).

Whatever makes new text of a message loses its id: an f-string, `join`, `str()`. A message that holds another one takes
it as a parameter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypedDict

_HOLE = re.compile(r"\{(\w+)\}")
_EMPTY: dict[str, str] = {}


class Message(TypedDict):
    """What a tablet is sent beside the English text: the id of its message, and its parameters by name."""

    id: str
    parameters: dict[str, str]


class Text(str):
    """English text, the id of its message, and its parameters by name."""

    __slots__ = ("message", "parameters")

    message: str
    parameters: Mapping[str, str]

    def __new__(cls, english: str, message: str = "", parameters: Mapping[str, str] = _EMPTY) -> Self:
        made = super().__new__(cls, english)
        made.message = message
        made.parameters = parameters
        return made


def text(message: str, template: str, /, **parameters: object) -> Text:
    """The message with this id: the English `template` with each `{name}` filled in. A parameter may be a message too.

    An id has one template in the whole code, and the template is written where it is used: `tools/messages.py` reads
    them all from the source, for the catalogues of the other languages.
    """
    holes = {name: _as_text(value) for name, value in parameters.items()}
    return Text(filled(template, holes), message, holes)


def filled(template: str, holes: Mapping[str, str]) -> str:
    """The template with each `{name}` filled in. Nothing else in it means anything, unlike in a format of Python."""
    return _HOLE.sub(lambda hole: holes[hole[1]], template)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return of_error(value) if isinstance(value, BaseException) else str(value)


def capital(sentence: str) -> str:
    """With a capital letter, as the beginning of a sentence. It is the same message."""
    beginning = sentence[:1].upper() + sentence[1:]
    return Text(beginning, sentence.message, sentence.parameters) if isinstance(sentence, Text) else beginning


def listed(texts: Iterable[str], empty: str = "") -> str:
    """Several messages as one, with a semicolon between them; `empty` if there is none."""
    found: str = ""
    for each in texts:
        found = text("list.both", "{first}; {second}", first=found, second=each) if found else each
    return found or empty


def either(texts: Iterable[str]) -> str:
    """Several choices as one message, with "or" between them."""
    found: str = ""
    for each in texts:
        found = text("list.either", "{first} or {second}", first=found, second=each) if found else each
    return found


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


def messages_in(data: Any) -> dict[str, Message]:
    """Every message in JSON-like data, by its English text. The messages that are parameters of others are in it too.

    The keys of tables are not looked at: a key is never a message.
    """
    found: dict[str, Message] = {}
    waiting = [data]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict:
            waiting += each.values()
        elif kind is list or kind is tuple:
            waiting += each
        elif kind is Text:
            if each not in found and each.message:
                parameters = {name: str(value) for name, value in each.parameters.items()}
                found[str(each)] = {"id": each.message, "parameters": parameters}
                waiting += each.parameters.values()
        elif kind not in _PLAIN:
            waiting += _inside(each)
    return found


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _inside(data: Any) -> Iterable[Any]:
    """What an unusual kind of table or list holds."""
    if isinstance(data, Mapping):
        return data.values()
    return data if isinstance(data, Iterable) and not isinstance(data, str | bytes) else ()
