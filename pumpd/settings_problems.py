"""Every problem of a configuration at once, each with file, line and key, and the known key that was perhaps meant."""

import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pumpd.settings_file import Read
from pumpd.validation import UNKNOWN_KEY, problems

Model = TypeVar("Model", bound=BaseModel)

APART: Mapping[str, Any] = {}  # the context in which a model checks each value, and not whether they fit together


def explained(model: type[Model], read: Read, error: ValidationError) -> tuple[list[str], Model]:
    """A line for each problem that the model found in what was read, and the model without the values that are wrong by
    themselves. What does not fit together stays in it.
    """
    rest = _Rest(read.merged, error)
    found = [*problems(error, "file"), *rest.problems(model)]
    return [_placed(model, read, each) for each in found], model.model_validate(rest.merged, context=APART)


class _Rest:
    """What remains without the values that are wrong by themselves."""

    def __init__(self, merged: Mapping[str, Any], error: ValidationError) -> None:
        wrong = {item["loc"] for item in error.errors(include_url=False, include_input=False)} - {()}
        self._gone = {str(loc[0]) for loc in wrong if loc[0] != "pump"}
        self._pumps = {loc[1] for loc in wrong if loc[0] == "pump" and len(loc) > 1}
        self._whole = not wrong
        self._numbers: list[int] = []
        self.merged: dict[str, Any] = {"gateway": "x", "state_dir": os.devnull}  # nothing is there
        self.merged |= {key: value for key, value in merged.items() if key not in self._gone and key != "pump"}
        if isinstance(listed := merged.get("pump"), list):
            self._numbers = [number for number in range(len(listed)) if number not in self._pumps]
            self.merged["pump"] = [listed[number] for number in self._numbers]

    def problems(self, model: type[BaseModel]) -> list[str]:
        """What is wrong with it besides; nothing where it is the whole."""
        if self._whole:
            return []
        try:
            model.model_validate(self.merged)
        except ValidationError as error:
            found = [_renumbered(each, self._numbers) for each in problems(error, "file")]
            doubtful = [*self._gone, *(["bedside.bench", "vitals.topics"] if self._pumps else [])]
            return [each for each in found if not each.startswith(tuple(doubtful))]
        return []


def _renumbered(text: str, numbers: list[int]) -> str:
    """A problem of a pump, by the number that it has in the file."""
    return re.sub(r"^pump\.(\d+)\.", lambda found: f"pump.{numbers[int(found[1])]}.", text)


def _placed(model: type[BaseModel], read: Read, problem: str) -> str:
    """The problem with file and line, and for an unknown key the nearest one that is known."""
    name, _, why = problem.partition(": ")
    key = [int(part) if part.isdigit() else part for part in name.partition(",")[0].split(".")]
    if why == UNKNOWN_KEY and (near := _near(model, key)):
        problem += f"; do you mean {near}?"
    return _visible(f"{read.where(key)}: {problem}")


def _near(model: type[BaseModel], key: list[str | int]) -> str:
    """The known key that is most like this one: in its own section, or else in any other."""
    from difflib import get_close_matches  # noqa: PLC0415  # 0.2 MB that a process with good settings does not need

    known, here = _keys(model), [part for part in key if isinstance(part, str)]
    own = [each for each in known if each.split(".")[:-1] == here[:-1]]
    found = get_close_matches(here[-1], [each.split(".")[-1] for each in own], 1, 0.6)
    if found:
        return found[0]
    elsewhere = [each for each in known if each.split(".")[-1] == here[-1]]
    return elsewhere[0] if elsewhere else ""


def _keys(model: type[BaseModel], section: str = "") -> list[str]:
    """The full names of all keys below a section."""
    found = []
    for name, field in model.model_fields.items():
        full = section + (field.alias or name)
        found.append(full)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += _keys(kind, f"{full}.")
    return found


def _visible(text: str) -> str:
    """A key in the file may hold anything; it must not control the terminal that shows it."""
    return text if text.isprintable() else repr(text)[1:-1]
