"""Write docs/reference/configuration.md from the settings and their docstrings; `--check` fails when it is out of date.

A key without a docstring is an error: every key has a meaning that a site can read.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pumpd.settings import Settings
from tools.printed import ROOT, write_or_check

PAGE = ROOT / "docs" / "reference" / "configuration.md"

HEAD = """# Configuration

Written by `tools/configuration_page.py` from `pumpd/settings.py`; `make check` fails when it is out of date. An example
with every section is `config/pumpd.toml`. What changed between versions: [changes](configuration-changes.md).

pumpd reads `/etc/pumpd/pumpd.toml`, then `/etc/pumpd/pumpd.d/*.toml` in sorted order. Tables merge; later values win.
An unknown key is an error. `pumpd config check` lists every error with its file and key. pumpd is not a cleared medical
device: it is for simulation, research and integration only.
"""

TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


def page() -> str:
    return HEAD + "".join(f"\n## {title}\n\n{_about(model)}\n\n{_table(model)}" for title, model in _sections())


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Heading and model of each part of the file, the keys above all sections first."""
    yield "Top level", Settings
    yield from _below(Settings, "")


def _below(model: type[BaseModel], parent: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner is not None:
            path = f"{parent}{field.alias or name}"
            yield (f"`[[{path}]]`" if get_origin(field.annotation) is tuple else f"`[{path}]`"), inner
            yield from _below(inner, f"{path}.")


def _model(annotation: Any) -> type[BaseModel] | None:
    """The section behind `Section`, `Section | None` or `tuple[Section, ...]`."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _table(model: type[BaseModel]) -> str:
    meanings = _meanings(model)
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if _model(field.annotation) is None:
            value = f"{_type(field.annotation)}{_range(field)}"
            lines.append(f"| `{name}` | {value} | {_default(field)} | {meanings[name]} |")
    return "\n".join(lines) + "\n"


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (UnionType, Union):
        return " or ".join(_type(each) for each in get_args(annotation) if each is not type(None))
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin is tuple:
        return "list of " + _type(get_args(annotation)[0])
    if origin is not None:
        return "table"
    return TYPES[annotation]


def _range(field: FieldInfo) -> str:
    bounds = {type(each): each for each in field.metadata}
    if Ge in bounds:
        return f", {bounds[Ge].ge} to {bounds[Le].le}"
    return f", above {bounds[Gt].gt} and at most {bounds[Le].le}" if Gt in bounds else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", (), {}):
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of the class and of its bases; KeyError for a field that has none, when it is
    asked for.
    """
    found = {}
    for base in model.__mro__:
        if not base.__module__.startswith("pumpd."):
            continue
        (owner,) = ast.parse(inspect.getsource(base)).body
        assert isinstance(owner, ast.ClassDef)
        for field, below in pairwise(owner.body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[ast.unparse(field.target)] = " ".join(str(below.value.value).split())
    return found


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
