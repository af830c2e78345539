"""What a person sees on a terminal. All output of the commands and the demo goes through here, or through panels.py.

Promises:
- No text is markup, and none controls the terminal: a character that is not visible is written out (SEC-12).
- A text from outside stays on its line, so that it cannot look like a line of pumpd's own.
- JSON holds exactly what was received, and controls the terminal just as little.
"""

import json
import sys
from typing import Any

from pumpd.text import shown


def visible(value: Any) -> Any:
    """The same data with every text in it on one line and visible. For data from outside, before it is formatted."""
    match value:
        case str():
            return shown(value)
        case dict():
            return {visible(key): visible(each) for key, each in value.items()}
        case list() | tuple():
            return [visible(each) for each in value]
        case _:
            return value


def lines(text: str) -> str:
    """A text of several lines, each visible."""
    return "\n".join(shown(line) for line in text.split("\n"))


def say(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print the text at once, on standard error if `err`."""
    print(lines(text), end=end, file=sys.stderr if err else sys.stdout, flush=True)


def say_json(value: Any) -> None:
    """Print one JSON object on one line."""
    say_json_line(json.dumps(value, ensure_ascii=False))


def say_json_line(line: str) -> None:
    """Print a line that is JSON already. Only a string of JSON can hold a character that is not visible, so writing it
    as an escape does not change the value.
    """
    if not line.isprintable():
        line = "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)
    print(line, flush=True)
