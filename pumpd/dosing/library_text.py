"""TOML text of the drug library into checked tables; every problem is named as file: key: reason."""

import tomllib
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from pumpd.dosing.limits import Section
from pumpd.quantities import QuantityError


class LibraryError(ValueError):
    """The library cannot be used. `problems` holds a line for each error: file, key and reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("drug library refused:\n  " + "\n  ".join(problems))


S = TypeVar("S", bound=Section)

_TO_ADD = {
    "substance": "; add what the drug is, with its RxNorm code or its UNII, such as "
    'substance = { key = "ketamine", rxnorm = "6130", unii = "690G0D6V8H" }. A library written for pumpd 0.1 has none'
}


def parsed(model: type[S], text: str, name: str) -> S:
    """The table of `model` in the text of the file `name`. Raises LibraryError with every problem."""
    try:
        data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise LibraryError([f"{name}: not valid TOML: {error}"]) from error
    except ArithmeticError as error:
        raise LibraryError([f"{name}: not a decimal number"]) from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise LibraryError([f"{name}: cannot be read: {error}"]) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise LibraryError([_problem(name, item) for item in error.errors(include_url=False)]) from error


def _problem(name: str, item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"]) or "file"
    cause = item.get("ctx", {}).get("error")
    if item["type"] == "extra_forbidden":
        return f"{name}: {key}: unknown key"
    if item["type"] == "missing":
        return f"{name}: {key}: is missing{_TO_ADD.get(key, '')}"
    if isinstance(cause, QuantityError):
        return f"{name}: {key}: {cause.reason}"
    return f"{name}: {key}: {cause or item['msg']}"
