"""What control says, in the language of who reads it (docs/decisions/0039-messages-in-the-readers-language.md).

`reasons/LANGUAGE*.json`: by the id of each message, its template in that language, with the holes of the English one. A
beginning such as "dose: " names a field of the page, which takes it away: it stays as it is in English.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pumpd.texts import filled

DEEPEST = 8  # messages in messages


def translated(messages: Mapping[str, Mapping[str, Any]], language: str) -> dict[str, str]:
    """By each English text, the same in that language. Text without a template stays out: it is shown in English."""
    templates = _CATALOGUES.get(language, {})
    found = {english: _sentence(templates, messages, english, 0) for english in messages} if templates else {}
    return {english: sentence for english, sentence in found.items() if sentence != english}


def _sentence(templates: Mapping[str, str], messages: Mapping[str, Mapping[str, Any]], english: str, depth: int) -> str:
    message = messages.get(english)
    template = templates.get(message["id"]) if message else None
    if message is None or template is None or depth > DEEPEST:
        return english
    holes = {name: _sentence(templates, messages, each, depth + 1) for name, each in message["parameters"].items()}
    try:
        return filled(template, holes)
    except KeyError:  # control is of another version than this catalogue
        return english


def _catalogues() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in (Path(__file__).parent / "reasons").iterdir():
        found.setdefault(each.name[:2], {}).update(json.loads(each.read_text("utf-8")))
    return found


_CATALOGUES = _catalogues()  # read at the start: no stop waits for it, and one that cannot be read is noticed then
