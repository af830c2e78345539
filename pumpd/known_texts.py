"""Text that was a message once, such as a reason in the journal, is the same message again.

The templates are those of the present source (pumpd/known_texts.json, printed by tools/messages.py). Text that fits
none of them stays plain, and is shown in English as it is.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pumpd.texts import Text

_FILE = Path(__file__).with_suffix(".json")
_HOLE = re.compile(r"\{(\w+)\}")
_DEEPEST = 4  # messages in messages
_LONGEST = 500  # characters; a longer text is none of pumpd's
_LEAST_PLAIN = 6  # characters; a template with fewer, such as "{first}; {second}", fits only what holds a message
_MOST_KEPT = 2000


def load() -> None:
    """Read the templates now, so that no stop has to wait for it: 40 ms on a desktop."""
    _known()


def recognised(english: str) -> str:
    """The message that says this, or the text itself. A single word is not enough to tell.

    For texts of the journal: one that was made for it takes 0.3 s.
    """
    if type(english) is not str or len(english) > _LONGEST or " " not in english:
        return english
    return _recognised(english, 0)


def sentence(english: str) -> str:
    """The message that says exactly this and has no holes, or the text itself. For what anyone may send: one lookup."""
    message = _known()[0].get(english)
    return english if message is None else Text(english, message)


def recognised_in(data: Any) -> Any:
    """JSON-like data, with every text in it that is known as a message. The keys of tables stay as they are."""
    match data:
        case str():
            return recognised(data)
        case Mapping():
            return {key: recognised_in(value) for key, value in data.items()}
        case list():
            return [recognised_in(each) for each in data]
        case _:
            return data


@lru_cache(_MOST_KEPT)
def _recognised(english: str, depth: int) -> str:
    sentences, templates = _known()
    if (message := sentences.get(english)) is not None:
        return Text(english, message)
    if depth > _DEEPEST:
        return english
    found: list[Text] = []
    for template in templates:
        if template.piece in english and (match := _pattern(template.text).fullmatch(english)) is not None:
            parameters = {name: _recognised(value, depth + 1) for name, value in match.groupdict().items()}
            if not template.bare or any(isinstance(each, Text) for each in parameters.values()):
                found.append(Text(english, template.message, parameters))
    return min(found, key=_unknown, default=english)


def _unknown(part: str) -> int:
    """How many characters of it are no message."""
    return sum(map(_unknown, part.parameters.values())) if isinstance(part, Text) else len(part)


class _Template(NamedTuple):
    """A template with holes: its message, its text, the longest piece that is no hole, and the length of all those."""

    message: str
    text: str
    piece: str
    length: int

    @classmethod
    def of(cls, message: str, text: str) -> "_Template":
        plain = _HOLE.split(text)[::2]
        return cls(message, text, max(plain, key=len), sum(map(len, plain)))

    @property
    def bare(self) -> bool:
        """It has so little text that it says nothing by itself."""
        return self.length < _LEAST_PLAIN


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Compiled when a text may fit: all of them would take a fifth of a second."""
    pieces = _HOLE.split(template)  # plain text and names of holes in turn
    pattern, seen = "", set[str]()
    for plain, hole in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        named = f"(?P={hole})" if hole in seen else f"(?P<{hole}>.+?)"
        pattern += re.escape(plain) + (named if hole else "")
        seen.add(hole)
    return re.compile(pattern, re.DOTALL)


@cache
def _known() -> tuple[Mapping[str, str], tuple[_Template, ...]]:
    """The id of each text without holes, and the templates, what says most first."""
    known: dict[str, str] = json.loads(_FILE.read_text("utf-8"))
    sentences = {template: message for message, template in reversed(known.items()) if "{" not in template}
    templates = (_Template.of(message, template) for message, template in known.items() if "{" in template)
    return sentences, tuple(sorted((each for each in templates if each.length > 1), key=lambda each: -each.length))
